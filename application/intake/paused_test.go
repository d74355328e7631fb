package intake_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// pause stops a process before the first statement that has the words in it,
// until goOn is called.
type pause struct {
	words   string
	reached chan struct{}
	resumed chan struct{}
}

// paused opens an office whose first statement with the words, made with the
// context that it gives, waits.
func paused(t *testing.T, words string) (*office.Office, *pause, context.Context) {
	t.Helper()
	p := &pause{words, make(chan struct{}), make(chan struct{})}
	done := false
	o := office.Open(t, office.Settings{Tracer: &statements{starts: func(ctx context.Context, sql string) context.Context {
		if ctx.Value(p) != nil && !done && strings.Contains(sql, words) {
			done = true
			close(p.reached)
			<-p.resumed
		}
		return ctx
	}}})
	return o, p, context.WithValue(t.Context(), p, true)
}

func (p *pause) goOn() { close(p.resumed) }

// someoneWaits returns when a connection waits for another's lock.
func someoneWaits(t *testing.T, o *office.Office) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if o.Count(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0 {
			return
		}
	}
	t.Error("nobody waits")
}

// The process stops after it has judged its rows and before its transaction
// has the run. When it goes on, somebody else has the source.
func TestABatchThatWasPausedBeforeItHadTheRunWritesNothing(t *testing.T) {
	t.Parallel()
	o, p, slow := paused(t, "FOR KEY SHARE")
	run := begin(t, o, mirror)
	var err error
	atOnce(func() { _, err = upload(slow, o, run, 1, office.Row("1"), office.Row("bad", office.Project(""))) }, func() {
		defer p.goOn()
		<-p.reached
		endLease(t, o, run)
		complete(t, o, begin(t, o), cursor("theirs"))
	})
	if codeOf(err) != "import_not_open" {
		t.Errorf("got %v", err)
	}
	want := map[string]int{"imports": 2, "sources": 1}
	if diff := cmp.Diff(want, o.Footprint(t)); diff != "" {
		t.Errorf("it wrote (-want +got)\n%s", diff)
	}
	if got := look(t, o, run.ID); got.State != intake.Expired || got.Counts != (intake.Counts{}) {
		t.Errorf("its run is %+v", got)
	}
	if _, err := o.Runner.Complete(t.Context(), fixture.Job(), ref(run), completion(cursor("ours"))); codeOf(err) != "import_not_open" {
		t.Errorf("complete: %v", err)
	}
	if s, err := o.Lookback.Source(t.Context(), fixture.Job(), office.Source); err != nil || s.Cursor != "theirs" {
		t.Errorf("the cursor is %q, %v", s.Cursor, err)
	}
}

// The process stops within its transaction. Nobody takes the run over before
// that has ended: what it wrote belongs to the run, and is counted.
func TestATakeoverWaitsForTheBatchUnderWay(t *testing.T) {
	t.Parallel()
	o, p, slow := paused(t, "INSERT INTO import_parts")
	run := begin(t, o)
	var next intake.Import
	atOnce(func() {
		if _, err := upload(slow, o, run, 1, office.Row("1"), office.Row("bad", office.Project(""))); err != nil {
			t.Error(err)
		}
	}, func() {
		<-p.reached
		endLease(t, o, run)
		atOnce(func() {
			var err error
			if next, err = o.Runner.Start(t.Context(), fixture.Job(), declaration(), nil); err != nil {
				t.Error(err)
			}
		}, func() {
			someoneWaits(t, o)
			p.goOn()
		})
	})
	if got := look(t, o, run.ID); got.State != intake.Expired || got.Counts != (intake.Counts{Received: 2, Created: 1, Rejected: 1}) {
		t.Errorf("the run that was taken over is %+v", got)
	}
	if base, wrote := o.Count(t, `SELECT base_number FROM imports WHERE id = $1`, next.ID), o.Count(t, `SELECT max(number) FROM writes`); base != wrote {
		t.Errorf("the new run began after %d writes, of %d", base, wrote)
	}
}

func TestTheEndOfARunWaitsForTheBatchUnderWay(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*office.Office, intake.Import) error{
		"complete": func(o *office.Office, run intake.Import) error {
			_, err := o.Runner.Complete(t.Context(), fixture.Job(), ref(run), completion())
			return err
		},
		"abort": func(o *office.Office, run intake.Import) error {
			_, err := o.Runner.Abort(t.Context(), fixture.Job(), ref(run))
			return err
		},
	} {
		o, p, slow := paused(t, "INSERT INTO import_parts")
		run := begin(t, o, mirror)
		atOnce(func() {
			if _, err := upload(slow, o, run, 1, office.Row("1")); err != nil {
				t.Errorf("%s: the batch: %v", name, err)
			}
		}, func() {
			<-p.reached
			atOnce(func() {
				if err := end(o, run); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}, func() {
				someoneWaits(t, o)
				p.goOn()
			})
		})
		if got := look(t, o, run.ID); got.Created != 1 {
			t.Errorf("%s: the run is %+v", name, got)
		}
	}
}

// Two batches are in flight, and neither the renewal of the lease nor whoever
// comes too early waits for them.
func TestNobodyWaitsForABatchUnderWayToHearThatTheRunLives(t *testing.T) {
	t.Parallel()
	o, p, slow := paused(t, "INSERT INTO import_parts")
	run := begin(t, o)
	atOnce(func() {
		if _, err := upload(slow, o, run, 1, office.Row("1")); err != nil {
			t.Error(err)
		}
	}, func() {
		defer p.goOn()
		<-p.reached
		o.Exec(t, `UPDATE imports SET lease_until = now() + interval '50 seconds' WHERE id = $1`, run.ID)
		if _, err := o.Runner.Start(t.Context(), fixture.Job(), declaration(), nil); codeOf(err) != "import_running" {
			t.Errorf("another run: %v", err)
		}
		if _, err := o.Runner.Renew(t.Context(), fixture.Job(), ref(run)); err != nil || leaseOf(t, o, run) != 60 {
			t.Errorf("the lease has %d seconds, %v", leaseOf(t, o, run), err)
		}
		bring(t, o, run, 2, office.Row("2", office.Of("bob")))
		begin(t, o, dry)
	})
	if got := complete(t, o, run); got.Created != 2 {
		t.Errorf("%+v", got.Counts)
	}
}

// Two parts together would bring the run over its bound: the second waits for
// the first, and sees what it kept.
func TestAPartWithProblemsWaitsForAnother(t *testing.T) {
	t.Parallel()
	o, p, slow := paused(t, "INSERT INTO import_parts")
	run := begin(t, o)
	almostFull(t, o, run, 1, 100)
	var second error
	atOnce(func() {
		if _, err := upload(slow, o, run, 1, office.Row("bad", office.Project(""))); err != nil {
			t.Error(err)
		}
	}, func() {
		<-p.reached
		bring(t, o, run, 2, office.Row("good"))
		atOnce(func() { _, second = upload(t.Context(), o, run, 3, office.Row("worse", office.Project(""))) }, func() {
			someoneWaits(t, o)
			p.goOn()
		})
	})
	if codeOf(second) != "too_many_problems" {
		t.Errorf("got %v", second)
	}
}
