package postgres

import (
	"context"
	"sync"
	"time"
)

// RightOfWay lets people go before batches. A batch of thousands of rows and a
// single entry want the same processors, the same log and the same locks, and
// nobody waits at a screen for the batch. So as long as anything is written by
// hand, one batch is in the database at a time, and after each the next waits as
// long again as writes by hand took meanwhile: at most as long as the batch, and
// at most restAtMost. When nobody writes by hand batches wait for nothing.
//
// It is a courtesy of one process, which no rule hangs on: a batch waits for its
// turn no longer than turnAtMost, then it goes.
type RightOfWay struct {
	turn chan struct{} // held by the batch whose turn it is
	now  func() time.Time

	mu     sync.Mutex
	active int           // writes by hand that are under way
	since  time.Time     // so many are
	taken  time.Duration // by all until then
	rest   time.Time     // until which the next batch waits
	waited time.Duration // by batches, in all
}

const (
	handsAreNear = 250 * time.Millisecond // after a write by hand
	turnAtMost   = time.Second
	restAtMost   = 250 * time.Millisecond
)

// NewRightOfWay makes the right of way of one process, whose clock must not
// stand still.
func NewRightOfWay(now func() time.Time) *RightOfWay {
	return &RightOfWay{turn: make(chan struct{}, 1), now: now}
}

// Waited tells how long batches have waited for writes by hand, in all.
func (r *RightOfWay) Waited() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waited
}

// hand runs a write by hand.
func (r *RightOfWay) hand(do func() error) error {
	r.count(1)
	defer r.count(-1)
	return do()
}

// count says that more writes by hand are under way, or fewer.
func (r *RightOfWay) count(more int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.taken, r.since, r.active = r.takenUntil(now), now, r.active+more
}

// takenUntil gives the time that writes by hand have taken, in all.
func (r *RightOfWay) takenUntil(now time.Time) time.Duration {
	return r.taken + time.Duration(r.active)*now.Sub(r.since)
}

// batch runs a batch when it is its turn.
func (r *RightOfWay) batch(ctx context.Context, do func() error) error {
	began := r.now()
	if r.near() {
		atMost := time.NewTimer(turnAtMost)
		defer atMost.Stop()
		select {
		case r.turn <- struct{}{}:
			defer func() { <-r.turn }()
			if err := r.sleep(ctx); err != nil {
				return err
			}
		case <-atMost.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	start := r.now()
	before := r.takenUntil(start)
	r.waited += start.Sub(began)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		end := r.now()
		if rest := end.Add(min(r.takenUntil(end)-before, end.Sub(start), restAtMost)); rest.After(r.rest) {
			r.rest = rest
		}
	}()
	return do()
}

// near tells whether somebody writes by hand, or did just now.
func (r *RightOfWay) near() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active > 0 || !r.since.IsZero() && r.now().Sub(r.since) < handsAreNear
}

// sleep waits until the rest after the last batch is over.
func (r *RightOfWay) sleep(ctx context.Context) error {
	r.mu.Lock()
	rest := r.rest.Sub(r.now())
	r.mu.Unlock()
	if rest <= 0 {
		return nil
	}
	over := time.NewTimer(rest)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
