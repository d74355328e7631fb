package precedence

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"timesheets/domain/fault"
)

// sleeping is work that takes that long.
func sleeping(d time.Duration) func() error {
	return func() error { time.Sleep(d); return nil }
}

// Times here are of a clock that stands still while anybody works.
func TestBatchesWaitForWritesByHandAndForNothingElse(t *testing.T) {
	t.Parallel()
	const batch = 100 * time.Millisecond
	for name, tt := range map[string]struct {
		hands []time.Duration // writes by hand, one after the other, from the start on
		want  []time.Duration // when each of three batches ends that come at once
	}{
		"nobody writes by hand":              {nil, []time.Duration{batch, batch, batch}},
		"for a short time, and then no more": {[]time.Duration{10 * time.Millisecond}, []time.Duration{batch, 210 * time.Millisecond, 310 * time.Millisecond}},
		"all the time":                       {slowHands(100, 10*time.Millisecond), []time.Duration{batch, 3 * batch, 5 * batch}},
		"half of the time":                   {alternating(100, 10*time.Millisecond), []time.Duration{batch, 250 * time.Millisecond, 400 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, began := New(time.Now), time.Now()
				var all sync.WaitGroup
				defer all.Wait()
				all.Go(func() {
					for _, d := range tt.hands {
						if d < 0 {
							time.Sleep(-d)
						} else {
							_ = r.Hand(sleeping(d))
						}
					}
				})
				synctest.Wait()
				ended := make(chan time.Duration)
				for range tt.want {
					go func() {
						_ = r.Batch(t.Context(), sleeping(batch))
						ended <- time.Since(began)
					}()
				}
				for i, want := range tt.want {
					if got := <-ended; (got - want).Abs() > 15*time.Millisecond {
						t.Errorf("batch %d ends after %s, want %s", i+1, got, want)
					}
				}
			})
		})
	}
}

func slowHands(n int, d time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = d
	}
	return all
}

func alternating(n int, d time.Duration) []time.Duration {
	all := slowHands(n, d)
	for i := range all {
		if i%2 == 1 {
			all[i] = -d
		}
	}
	return all
}

func TestABatchWaitsForItsTurnNoLongerThanASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, began := New(time.Now), time.Now()
		_ = r.Hand(sleeping(0))
		var all sync.WaitGroup
		defer all.Wait()
		all.Go(func() { _ = r.Batch(t.Context(), sleeping(time.Minute)) })
		synctest.Wait()
		if err := r.Batch(t.Context(), sleeping(0)); err != nil || time.Since(began) != turnAtMost || r.Waited() != turnAtMost {
			t.Errorf("went after %s, waited %s, %v", time.Since(began), r.Waited(), err)
		}
	})
}

// besideAHand runs do while somebody writes by hand for so long, or nobody for 0,
// on a clock that stands still while anybody works.
func besideAHand(t *testing.T, takes time.Duration, do func(t *testing.T, r *RightOfWay, began time.Time)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r, began := New(time.Now), time.Now()
		var hand sync.WaitGroup
		defer hand.Wait()
		if takes > 0 {
			hand.Go(func() { _ = r.Hand(sleeping(takes)) })
			synctest.Wait()
		}
		do(t, r, began)
	})
}

func TestABatchThatIsGivenUpLeavesTheTurnToOthers(t *testing.T) {
	t.Parallel()
	besideAHand(t, time.Second, func(t *testing.T, r *RightOfWay, _ time.Time) {
		if err := r.Batch(t.Context(), sleeping(restAtMost)); err != nil {
			t.Error(err)
		}
		ctx, leave := context.WithTimeout(t.Context(), restAtMost/2)
		defer leave()
		if err := r.Batch(ctx, func() error { t.Error("it went"); return nil }); !errors.Is(err, context.DeadlineExceeded) || fault.Of(err).Code != "overloaded" {
			t.Errorf("got %v", err)
		}
		if r.Waited() != restAtMost/2 {
			t.Errorf("waited %s", r.Waited())
		}
		began := time.Now()
		if err := r.Batch(t.Context(), sleeping(0)); err != nil || time.Since(began) > restAtMost/2 {
			t.Errorf("went after %s, %v", time.Since(began), err)
		}
	})
}

func TestABatchWaitsForTurnAndRestTogetherNoLongerThanASecond(t *testing.T) {
	t.Parallel()
	besideAHand(t, time.Minute, func(t *testing.T, r *RightOfWay, began time.Time) {
		var first sync.WaitGroup
		defer first.Wait()
		first.Go(func() { _ = r.Batch(t.Context(), sleeping(turnAtMost-restAtMost/2)) })
		synctest.Wait()
		if err := r.Batch(t.Context(), sleeping(0)); err != nil || time.Since(began) != turnAtMost {
			t.Errorf("went after %s, %v", time.Since(began), err)
		}
	})
}

func TestPiecesOfABatchStandBackForAsLongAsSomebodyWritesByHand(t *testing.T) {
	t.Parallel()
	const piece = 4 * time.Millisecond
	for name, tt := range map[string]struct {
		hand, piece time.Duration // what one write by hand takes, and a piece
		want        time.Duration // when the next piece may begin
	}{
		"nobody writes by hand":                 {0, piece, piece},
		"somebody does, for a part of it":       {time.Millisecond, piece, piece + time.Millisecond},
		"somebody does, all the time":           {time.Minute, piece, 2 * piece},
		"somebody does, and the piece is large": {time.Minute, time.Second, time.Second + pauseAtMost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			besideAHand(t, tt.hand, func(t *testing.T, r *RightOfWay, began time.Time) {
				if near := r.Near(); near != (tt.hand > 0) {
					t.Errorf("somebody is near: %t", near)
				}
				if err := r.Piece(t.Context(), sleeping(tt.piece)); err != nil || time.Since(began) != tt.want || r.Waited() != tt.want-tt.piece {
					t.Errorf("ended after %s, waited %s, %v", time.Since(began), r.Waited(), err)
				}
			})
		})
	}
}

func TestAPieceThatFailsOrIsGivenUpDoesNotStandBack(t *testing.T) {
	t.Parallel()
	besideAHand(t, time.Minute, func(t *testing.T, r *RightOfWay, began time.Time) {
		broken := errors.New("broken")
		if err := r.Piece(t.Context(), func() error { time.Sleep(time.Millisecond); return broken }); !errors.Is(err, broken) || time.Since(began) != time.Millisecond {
			t.Errorf("ended after %s, %v", time.Since(began), err)
		}
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if err := r.Piece(ctx, sleeping(time.Millisecond)); err != nil || time.Since(began) != 2*time.Millisecond {
			t.Errorf("ended after %s, %v", time.Since(began), err)
		}
	})
}

func TestWorkOnABatchYieldsEverySoManyRowsWhileSomebodyWritesByHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(time.Now)
		rows := func(count int) time.Duration {
			began := time.Now()
			for done := range count {
				r.Yield(t.Context(), done)
			}
			return time.Since(began)
		}
		if got := rows(1000); got != 0 {
			t.Errorf("1000 rows stood back for %s while nobody wrote", got)
		}
		if err := r.Hand(sleeping(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if got, want := rows(1000), 4*yieldFor; got != want {
			t.Errorf("1000 rows stood back for %s, want %s", got, want)
		}
		if got := rows(yieldEvery - 1); got != 0 {
			t.Errorf("%d rows stood back for %s", yieldEvery-1, got)
		}
		if got, want := r.Waited(), 4*yieldFor; got != want {
			t.Errorf("it counts %s, want %s", got, want)
		}
		time.Sleep(handsAreNear)
		if got := rows(1000); got != 0 {
			t.Errorf("1000 rows stood back for %s after nobody had written for a while", got)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Hand(sleeping(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if r.Yield(ended, yieldEvery-1); time.Since(began) != 0 {
			t.Error("who has given up is kept waiting")
		}
	})
}
