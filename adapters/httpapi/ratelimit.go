package httpapi

import (
	"container/list"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/time/rate"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// maxBuckets is how many callers one meter knows. The one that came longest
// ago is forgotten first, and starts again with a full bucket.
const maxBuckets = 10_000

// meter is one rate limit, counted for each of many callers.
type meter struct {
	name string
	rate Rate

	mu      sync.Mutex
	buckets map[string]*list.Element
	recent  *list.List // of *bucket, the latest caller in front
}

type bucket struct {
	key    string
	tokens *rate.Limiter
}

// standing is what one caller has left.
type standing struct {
	allowed bool
	left    int           // requests that may come at once
	full    time.Duration // until the whole burst may come at once again
	next    time.Duration // until one more may come
}

func newMeter(name string, r Rate) *meter {
	return &meter{name: name, rate: r, buckets: make(map[string]*list.Element), recent: list.New()}
}

// take counts one request of key at now.
func (m *meter) take(key string, now time.Time) standing {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.bucket(key)
	allowed := b.tokens.AllowN(now, 1)
	tokens := max(0, b.tokens.TokensAt(now))
	return standing{
		allowed: allowed,
		left:    int(tokens),
		full:    m.refill(float64(m.rate.Burst) - tokens),
		next:    m.refill(1 - tokens),
	}
}

func (m *meter) refill(tokens float64) time.Duration {
	return time.Duration(math.Max(0, tokens) / m.rate.PerSecond * float64(time.Second))
}

func (m *meter) bucket(key string) *bucket {
	if e, found := m.buckets[key]; found {
		m.recent.MoveToFront(e)
		return e.Value.(*bucket)
	}
	if m.recent.Len() >= maxBuckets {
		oldest := m.recent.Back()
		delete(m.buckets, oldest.Value.(*bucket).key)
		m.recent.Remove(oldest)
	}
	b := &bucket{key, rate.NewLimiter(rate.Limit(m.rate.PerSecond), m.rate.Burst)}
	m.buckets[key] = m.recent.PushFront(b)
	return b
}

// limit counts one request of key against m, and says in the answer what is
// left (draft-ietf-httpapi-ratelimit-headers, section 4). It is a
// fault.Exhausted when nothing is. A meter that is off says nothing.
func (s *Server) limit(ctx *fasthttp.RequestCtx, m *meter, key string) error {
	if !m.rate.on() {
		return nil
	}
	is := m.take(key, s.now())
	window := max(1, seconds(m.refill(float64(m.rate.Burst))))
	ctx.Response.Header.Set("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", m.name, m.rate.Burst, window))
	ctx.Response.Header.Set("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", m.name, is.left, seconds(is.full)))
	if is.allowed {
		return nil
	}
	wait := max(1, seconds(is.next))
	return fault.New(fault.Exhausted, "rate_limited", "Too many requests at once. Wait %d seconds.", wait).After(time.Duration(wait) * time.Second)
}

// callerKey is one principal in one organisation.
func callerKey(by identity.Principal) string {
	return string(by.Organization) + "\x00" + by.Key()
}

// addressKey is a client's address, of IPv6 the network that one customer has.
func addressKey(ctx *fasthttp.RequestCtx) string {
	address, ok := netip.AddrFromSlice(ctx.RemoteIP())
	if !ok {
		return ""
	}
	if address = address.Unmap(); address.Is4() {
		return address.String()
	}
	network, err := address.Prefix(64)
	if err != nil {
		return ""
	}
	return network.String()
}
