// Package precedence lets people go before batches. A batch of thousands of rows
// and a single entry want the same processors, the same log and the same locks,
// and nobody waits at a screen for the batch.
package precedence

import (
	"context"
	"sync"
	"time"

	"timesheets/domain/fault"
)

// RightOfWay is that of people before batches. As long as anything is written by
// hand, one batch is worked on at a time, and both between batches and between
// the pieces of one it stands back for as long as writes by hand took meanwhile:
// at most for as long as it took itself. When nobody writes by hand batches
// wait for nothing.
//
// It is a courtesy of one process, which no rule hangs on: a batch waits for its
// turn no longer than a second, then it goes.
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
	// restAtMost bounds the wait after a batch, and pauseAtMost that after a piece
	// of one, which has a transaction open.
	restAtMost  = 250 * time.Millisecond
	pauseAtMost = 25 * time.Millisecond
	// So many rows take a fraction of a millisecond to read or judge.
	yieldEvery = 250
	yieldFor   = 20 * time.Microsecond
)

// New makes the right of way of one process, whose clock must not stand still.
func New(now func() time.Time) *RightOfWay {
	return &RightOfWay{turn: make(chan struct{}, 1), now: now}
}

// Waited tells how long batches have stood back, in all.
func (r *RightOfWay) Waited() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waited
}

// Hand runs a write by hand. Its faults are those of do.
func (r *RightOfWay) Hand(do func() error) error {
	r.count(1)
	defer r.count(-1)
	return do()
}

// Near tells whether somebody writes by hand, or did just now: then a batch does
// its work in pieces.
func (r *RightOfWay) Near() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active > 0 || !r.since.IsZero() && r.now().Sub(r.since) < handsAreNear
}

// Batch runs a batch when it is its turn. When ctx ends before, do is not run,
// and that is a fault.Unavailable; all others are those of do.
func (r *RightOfWay) Batch(ctx context.Context, do func() error) error {
	if r.Near() {
		leave, err := r.queue(ctx)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "overloaded", "There is more to do than can be done now. Nothing was done. Wait, then repeat the request.").After(time.Second)
		}
		defer leave()
	}
	start, before := r.mark()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if rest := r.now().Add(r.owed(start, before, restAtMost)); rest.After(r.rest) {
			r.rest = rest
		}
	}()
	return do()
}

// Piece runs a piece of a batch's work that others follow, and then stands back
// for it. When ctx ends meanwhile, so does the wait. Faults are those of do.
func (r *RightOfWay) Piece(ctx context.Context, do func() error) error {
	start, before := r.mark()
	if err := do(); err != nil {
		return err
	}
	r.mu.Lock()
	pause := r.owed(start, before, pauseAtMost)
	r.mu.Unlock()
	_ = r.sleep(ctx, pause) // who has given up will be told so by the next piece
	return nil
}

// Yield is called before each row for which work on a batch computes something,
// with how many went before. While somebody writes by hand it lets their requests
// in, every so many rows.
//
// Go looks at the network when a processor has nothing else to do. While one
// computes, and the others mark for the garbage collector or are asleep, nobody
// looks but the runtime's monitor, every 10 ms (sysmon, in Go's runtime/proc.go).
// Who sleeps, however shortly, has a processor look at once. runtime.Gosched does
// not: what is ready comes first, and that is who called it.
func (r *RightOfWay) Yield(ctx context.Context, done int) {
	if done%yieldEvery == yieldEvery-1 && r.Near() {
		_ = r.sleep(ctx, yieldFor) // who has given up will be told so by what comes next
	}
}

// queue waits for a batch's turn, and for the end of the rest after the one
// before. It gives how to leave.
func (r *RightOfWay) queue(ctx context.Context) (leave func(), err error) {
	began := r.now()
	atMost := time.NewTimer(turnAtMost)
	defer atMost.Stop()
	select {
	case r.turn <- struct{}{}:
		leave = func() { <-r.turn }
	case <-atMost.C:
		leave = func() {}
	case <-ctx.Done():
		leave, err = func() {}, ctx.Err()
	}
	r.mu.Lock()
	now := r.now()
	waited := now.Sub(began)
	rest := min(r.rest.Sub(now), turnAtMost-waited)
	r.waited += waited
	r.mu.Unlock()
	if err == nil {
		err = r.sleep(ctx, rest)
	}
	if err != nil {
		leave()
	}
	return leave, err
}

// sleep stands back for so long, and counts it.
func (r *RightOfWay) sleep(ctx context.Context, d time.Duration) (err error) {
	if d <= 0 {
		return nil
	}
	began := r.now()
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waited += r.now().Sub(began)
	return err
}

// mark gives the time, and what writes by hand have taken until now.
func (r *RightOfWay) mark() (now time.Time, taken time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now = r.now()
	return now, r.takenUntil(now)
}

// owed is how long work that began with that mark has to stand back.
func (r *RightOfWay) owed(start time.Time, before, atMost time.Duration) time.Duration {
	now := r.now()
	return min(r.takenUntil(now)-before, now.Sub(start), atMost)
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
