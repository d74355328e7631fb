package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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
				r, began := NewRightOfWay(time.Now), time.Now()
				var all sync.WaitGroup
				defer all.Wait()
				all.Go(func() {
					for _, d := range tt.hands {
						if d < 0 {
							time.Sleep(-d)
						} else {
							_ = r.hand(sleeping(d))
						}
					}
				})
				synctest.Wait()
				ended := make(chan time.Duration)
				for range tt.want {
					go func() {
						_ = r.batch(t.Context(), sleeping(batch))
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
		r, began := NewRightOfWay(time.Now), time.Now()
		_ = r.hand(sleeping(0))
		var all sync.WaitGroup
		defer all.Wait()
		all.Go(func() { _ = r.batch(t.Context(), sleeping(time.Minute)) })
		synctest.Wait()
		if err := r.batch(t.Context(), sleeping(0)); err != nil || time.Since(began) != turnAtMost || r.Waited() != turnAtMost {
			t.Errorf("went after %s, waited %s, %v", time.Since(began), r.Waited(), err)
		}
	})
}

func TestABatchThatIsGivenUpLeavesTheTurnToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRightOfWay(time.Now)
		var all sync.WaitGroup
		defer all.Wait()
		all.Go(func() { _ = r.hand(sleeping(time.Second)) })
		synctest.Wait()
		if err := r.batch(t.Context(), sleeping(restAtMost)); err != nil {
			t.Error(err)
		}
		ctx, leave := context.WithTimeout(t.Context(), restAtMost/2)
		defer leave()
		if err := r.batch(ctx, func() error { t.Error("it went"); return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		began := time.Now()
		if err := r.batch(t.Context(), sleeping(0)); err != nil || time.Since(began) > restAtMost/2 {
			t.Errorf("went after %s, %v", time.Since(began), err)
		}
	})
}
