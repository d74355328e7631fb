package auth0

import (
	"crypto/sha256"
	"sync"
	"time"

	"timesheets/application/access"
)

const (
	cacheSpan = time.Minute // how long a proven token is believed without proving it again
	cacheSize = 8192        // tokens at most
)

// fingerprint stands for a token in the cache. A digest and never the token: a
// web server writes the next request into the memory of this one's.
type fingerprint [sha256.Size]byte

// cache remembers tokens that were proven, so that a busy client's token costs
// one signature check a minute. It holds successes only, each for cacheSpan or
// until the token's exp, whichever is sooner, and only as long as the keys that
// proved it are the present ones: every entry carries their generation.
//
// It is two maps. When the young one is full it becomes the old one, and what
// was old is gone; so it is bounded, and no request ever pays for a sweep.
type cache struct {
	mu         sync.RWMutex
	young, old map[fingerprint]proven
}

type proven struct {
	claims     access.Claims
	until      time.Time
	generation uint64
}

// get finds a token that still counts at now, under the present generation.
func (c *cache) get(f fingerprint, generation uint64, now time.Time) (access.Claims, bool) {
	c.mu.RLock()
	p, found := c.young[f]
	if !found {
		p, found = c.old[f]
	}
	c.mu.RUnlock()
	if !found || p.generation != generation || !now.Before(p.until) {
		return access.Claims{}, false
	}
	return p.claims, true
}

// put remembers a token that was proven at now. generation must have been read
// before its key was: should the keys have changed since, the entry is stale at
// once.
func (c *cache) put(f fingerprint, generation uint64, now time.Time, claims access.Claims) {
	until := now.Add(cacheSpan)
	if claims.ExpiresAt.Before(until) {
		until = claims.ExpiresAt
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= cacheSize/2 {
		c.old, c.young = c.young, make(map[fingerprint]proven)
	}
	c.young[f] = proven{claims, until, generation}
}
