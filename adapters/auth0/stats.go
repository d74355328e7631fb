package auth0

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Stats is what a Verifier has seen since it was made; all counts only grow.
type Stats struct {
	Proven           uint64            // tokens whose signature was checked and held
	CacheHits        uint64            // tokens that were remembered
	Refused          map[Reason]uint64 // tokens refused, by reason
	Undecided        uint64            // tokens that could not be judged for want of keys
	Keys             int               // keys (or secrets) held now
	KeyAge           time.Duration     // since the held keys were last confirmed; 0 while there are none
	KeyFetches       uint64            // times the key set was asked for, or the secret file read
	KeyFetchFailures uint64            // how many of them brought nothing
	KeyTrouble       error             // why the last of them brought nothing; nil if it did
}

// counters are the parts of Stats that Verify counts.
type counters struct {
	proven, cacheHits, undecided atomic.Uint64

	mu      sync.Mutex
	refused map[Reason]uint64
}

func (c *counters) refuse(r Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = map[Reason]uint64{}
	}
	c.refused[r]++
}

// Stats is a snapshot.
func (v *Verifier) Stats() Stats {
	s := Stats{
		Proven:    v.counters.proven.Load(),
		CacheHits: v.counters.cacheHits.Load(),
		Undecided: v.counters.undecided.Load(),
	}
	v.counters.mu.Lock()
	s.Refused = maps.Clone(v.counters.refused)
	v.counters.mu.Unlock()
	v.keys.count(&s)
	return s
}
