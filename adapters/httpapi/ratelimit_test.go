package httpapi

import (
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	"timesheets/domain/identity"
)

func TestACallerWhoComesTooOftenIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	config := configured()
	config.RateLimits.Requests = Rate{PerSecond: 0.01, Burst: 2}
	r := serving(t, config, append(things(), uploads())...)
	for left := 1; left >= 0; left-- {
		got := r.call(t, "GET", "/v1/things", "ann", "")
		if got.StatusCode != 204 || got.Header.Get("RateLimit-Policy") != `"principal";q=2;w=200` {
			t.Fatalf("got %d, %s", got.StatusCode, got.Header)
		}
		if limit := got.Header.Get("RateLimit"); limit[:17] != fmt.Sprintf(`"principal";r=%d;t`, left) {
			t.Errorf("RateLimit %s, want %d left", limit, left)
		}
	}
	got := r.call(t, "GET", "/v1/things", "ann", "")
	p := got.problem(t)
	if got.StatusCode != 429 || p.Code != "rate_limited" || !p.Retryable || got.Header.Get("RateLimit")[:15] != `"principal";r=0` {
		t.Errorf("got %d, %+v, %s", got.StatusCode, p, got.Header)
	}
	if wait, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 100 {
		t.Errorf("Retry-After %q, want at most the time for one more", got.Header.Get("Retry-After"))
	}
	for name, other := range map[string]answered{
		"another principal": r.call(t, "GET", "/v1/things", "machine", ""),
		"a probe":           r.call(t, "GET", "/healthz", "", ""),
	} {
		if other.StatusCode >= 400 {
			t.Errorf("%s has to wait too: %d", name, other.StatusCode)
		}
	}
	if upload := r.call(t, "POST", "/v1/timesheets/upload", "machine", "[]"); upload.StatusCode != 200 || upload.Header.Get("RateLimit") != "" {
		t.Errorf("an upload counts as a request: %d, %s", upload.StatusCode, upload.Header)
	}
}

func TestUploadsHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	config := configured()
	config.RateLimits.Uploads = Rate{PerSecond: 0.01, Burst: 1}
	r := serving(t, config, append(things(), uploads())...)
	first, second := r.call(t, "POST", "/v1/timesheets/upload", "machine", "[]"), r.call(t, "POST", "/v1/timesheets/upload", "machine", "[]")
	if first.StatusCode != 200 || first.Header.Get("RateLimit-Policy") != `"uploads";q=1;w=100` || second.StatusCode != 429 {
		t.Errorf("got %d, then %d, %s", first.StatusCode, second.StatusCode, first.Header)
	}
	if got := r.call(t, "GET", "/v1/things", "machine", ""); got.StatusCode != 204 || got.Header.Get("RateLimit") != "" {
		t.Errorf("a request counts as an upload: %d, %s", got.StatusCode, got.Header)
	}
}

func TestRefusedTokensAreLimitedByAddressAndGoodOnesNotHeldUp(t *testing.T) {
	t.Parallel()
	config := configured()
	config.RateLimits.Failures = Rate{PerSecond: 0.01, Burst: 3}
	r := serving(t, config, things()...)
	for i, want := range []int{401, 400, 401, 429, 429} {
		got := r.call(t, "GET", "/v1/things", "", "", "Authorization", []string{"", "Bearer", "Bearer expired", "Bearer guessed", ""}[i])
		if got.StatusCode != want {
			t.Errorf("refusal %d: %d, want %d", i, got.StatusCode, want)
		}
	}
	for token, want := range map[string]int{"ann": 204, "unnamed": 403, "outage": 503} {
		if got := r.call(t, "GET", "/v1/things", token, ""); got.StatusCode != want {
			t.Errorf("%s: %d, want %d", token, got.StatusCode, want)
		}
	}
}

func TestOrganisationsAndPrincipalsDoNotShareALimit(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, organization := range []identity.Organization{"a", "b"} {
		for _, kind := range []identity.Kind{identity.Person, identity.Machine} {
			for _, subject := range []string{"x", "y"} {
				seen[callerKey(identity.Principal{Kind: kind, Issuer: "i", Subject: subject, Organization: organization})] = true
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d of 8 keys differ", len(seen))
	}
}

func TestOneCustomersIPv6AddressesAreOneAddress(t *testing.T) {
	t.Parallel()
	key := func(ip string) string {
		ctx := &fasthttp.RequestCtx{}
		ctx.SetRemoteAddr(&net.TCPAddr{IP: net.ParseIP(ip), Port: 1})
		return addressKey(ctx)
	}
	if key("2001:db8::1") != key("2001:db8::ffff:1:2:3") || key("2001:db8::1") == key("2001:db8:0:1::1") {
		t.Error("IPv6 is not told apart by its /64")
	}
	if key("192.0.2.1") == key("192.0.2.2") || key("::ffff:192.0.2.1") != key("192.0.2.1") {
		t.Error("IPv4 is not told apart by its address")
	}
}

func TestAMeterNeverLetsThroughMoreThanItsRateAndKnowsSoManyCallers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := Rate{PerSecond: float64(rapid.IntRange(1, 50).Draw(t, "rate")), Burst: rapid.IntRange(1, 20).Draw(t, "burst")}
		m := newMeter("test", limit)
		now := time.Unix(0, 0)
		var allowed float64
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "ms")) * time.Millisecond)
			is := m.take("caller", now)
			if is.allowed {
				allowed++
			}
			if most := float64(limit.Burst) + now.Sub(time.Unix(0, 0)).Seconds()*limit.PerSecond; allowed > most+1e-6 {
				t.Fatalf("%g requests, at most %g", allowed, most)
			}
			if is.left < 0 || is.left > limit.Burst || is.full < 0 || is.allowed && is.next > 0 && is.left > 0 {
				t.Fatalf("impossible %+v", is)
			}
		}
	})
	m := newMeter("test", Rate{PerSecond: 1, Burst: 1})
	m.take("first", time.Unix(0, 0))
	for i := range 3 * maxBuckets {
		m.take(strconv.Itoa(i), time.Unix(0, 0))
		if i%1000 == 0 && i > 0 && m.take("regular", time.Unix(0, 0)).allowed && i > 1000 {
			t.Fatal("a caller who keeps coming was forgotten")
		}
	}
	if len(m.buckets) != maxBuckets || m.recent.Len() != maxBuckets {
		t.Errorf("knows %d callers, %d in order", len(m.buckets), m.recent.Len())
	}
	if m.take(strconv.Itoa(3*maxBuckets-1), time.Unix(0, 0)).allowed {
		t.Error("the latest caller was forgotten")
	}
	if !m.take("first", time.Unix(0, 0)).allowed {
		t.Error("the oldest caller was not forgotten")
	}
}
