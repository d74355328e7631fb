package jobs

import (
	"strings"
	"sync"
	"testing"
	"time"

	"timesheets/test/trackertest"
)

// holdAt has the tracker keep the nth request for entries from now waiting.
// await returns when it has come, release lets it go on.
func (w *world) holdAt(t *testing.T, nth int) (await, release func()) {
	t.Helper()
	came, released := make(chan struct{}), make(chan struct{})
	before := len(w.kimai.Asked())
	w.kimai.Before(func(n int) {
		if n == before+nth {
			close(came)
			<-released
		}
	})
	await = func() {
		t.Helper()
		select {
		case <-came:
		case <-time.After(patience):
			t.Fatalf("the tracker was asked %d times", len(w.kimai.Asked())-before)
		}
	}
	release = sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	return await, release
}

func TestOfTwoJobsOneIsAtWorkAndTheOtherSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(50, 5)
	await, release := w.holdAt(t, 1)
	job := w.start(t, "run")
	await()
	began := time.Now()
	other := w.run(t).is(t, 1)
	if took := time.Since(began); took > 15*time.Second || !strings.Contains(other.Error, "import_running") || other.Read != 0 || other.Import != "" {
		t.Errorf("after %s: %+v", took, other.said)
	}
	release()
	if o := job.end(t).is(t, 0); o.Created != 50 || w.cursor(t) != o.Cursor {
		t.Errorf("got %+v", o.said)
	}
	w.isAsInTheTracker(t)
}

func TestOfManyJobsAtOnceEveryEntryComesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(5500, 20)
	var all sync.WaitGroup
	outcomes := make([]outcome, 5)
	for i := range outcomes {
		job := w.start(t, "run")
		all.Go(func() { outcomes[i] = job.end(t) })
	}
	all.Wait()
	created, finished := 0, map[string]bool{}
	for _, o := range outcomes {
		created += o.Created
		switch {
		case o.code == 0:
			finished[o.Cursor] = true
		case o.code != 1 || !strings.Contains(o.Error, "import_running"):
			t.Errorf("exit %d: %+v", o.code, o.said)
		}
	}
	if created != 5500 || !finished[w.cursor(t)] {
		t.Errorf("%d entries were created, and the cursor is %s, want one of %v", created, w.cursor(t), finished)
	}
	w.isAsInTheTracker(t)
}

// TestAFrozenJobThatThawsCanDoNothingAnyMore freezes a job in its middle, with
// what it has read and not yet sent already old, and has another do the work
// meanwhile.
func TestAFrozenJobThatThawsCanDoNothingAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Limit(20)
	w.spread(600)
	await, release := w.holdAt(t, 21) // in the middle of the fourth month or so
	frozen := w.start(t, append([]string{"run"}, span()...)...)
	await()
	frozen.freeze()
	if landed := query[int](t, w, `SELECT count(*) FROM import_parts`); landed < 2 {
		t.Errorf("%d parts have landed, want some", landed)
	}
	for id := range 600 {
		w.kimai.Edit(id+1, func(r trackertest.Record) { r["duration"] = 120 })
		if id%7 == 0 {
			w.kimai.Delete(id + 1)
		}
	}
	if n := w.endLeases(t); n != 1 {
		t.Fatalf("%d runs were live", n)
	}
	successor := w.run(t, append(span(), "--mirror", "--max-delete-percent", "100")...).is(t, 0)
	if successor.Updated == 0 || successor.Created == 0 || successor.Deleted == 0 || successor.CursorBefore != "" || w.cursor(t) != successor.Cursor {
		t.Errorf("the successor: %+v", successor.said)
	}
	release()
	frozen.thaw()
	o := frozen.end(t).is(t, 1)
	if !strings.Contains(o.Error, "taken_over") || w.cursor(t) != successor.Cursor {
		t.Errorf("the one that was frozen: %+v, and the cursor is %s", o.said, w.cursor(t))
	}
	if got := w.record(t, o.Import); got.State != "expired" || got.Cursor != "" {
		t.Errorf("its record: %+v", got)
	}
	w.isAsInTheTracker(t)
}

func TestAFrozenMirrorDeletesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(20, 2)
	w.run(t).is(t, 0)
	w.kimai.Delete(1)
	await, release := w.holdAt(t, 1)
	frozen := w.start(t, "run", "--mirror", "--tier", "nightly")
	await()
	frozen.freeze()
	w.endLeases(t)
	restored := trackertest.Entry(1, day(1))
	restored["duration"] = 60
	w.kimai.Add(restored)
	w.run(t, "--tier", "nightly").is(t, 0)
	w.kimai.Delete(1) // so that the frozen one reads what it would have read before
	release()
	frozen.thaw()
	if o := frozen.end(t).is(t, 1); o.Deleted != 0 || !strings.Contains(o.Error, "taken_over") {
		t.Errorf("got %+v", o.said)
	}
	if n := len(w.held(t)); n != 20 {
		t.Errorf("%d entries are left, want 20", n)
	}
}
