package intake_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/adapters/httpapi"
	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

func TestNothingIsDeletedWhenAKeyCouldNotBeRead(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("absent"))
	for name, unreadable := range map[string]intake.Row{
		"no JSON":                   office.Row("", office.Unreadable("malformed_json")),
		"a reserved id":             office.Row("~mine"),
		"an id too long":            office.Row(strings.Repeat("x", 256)),
		"of another source":         office.Row("absent", from("toggl")),
		"of none that there can be": office.Row("absent", from("Kimai")),
		"of another, and wrong":     office.Row("absent", from("toggl"), office.Unreadable("not_a_date")),
		"two ids":                   httpapi.ReadRow([]byte(`{"external_id":"brought","external_id":"absent","user_id":"ann","date":"2026-11-19","project":"P","hours":1}`)),
	} {
		run := begin(t, o, mirror)
		bring(t, o, run, 1, unreadable, office.Row("brought", office.On("2026-11-19")))
		bring(t, o, run, 2, office.Row("brought", office.On("2026-11-19")))
		ended := complete(t, o, run, cursor("of "+name))
		if ended.DeletionsSkipped != "unreadable_key" || ended.Deleted != 0 || ended.State != intake.Completed {
			t.Errorf("%s: ended %+v", name, ended)
		}
		if got := sourceOf(t, o, office.Source).Cursor; got != "of "+name || live(t, o) != "absent brought" {
			t.Errorf("%s: the cursor is %q, left are %q", name, got, live(t, o))
		}
	}
}

// Rows came, so it is not that nothing was brought; whose they are nobody knows.
func TestARunOfUnreadableKeysAloneDeletesNothing(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("absent"))
	run := begin(t, o, mirror)
	bring(t, o, run, 1, office.Row("", office.Unreadable("malformed_json")))
	if ended := complete(t, o, run, distinct(0)); ended.DeletionsSkipped != "unreadable_key" || live(t, o) != "absent" {
		t.Errorf("ended %+v, left are %q", ended, live(t, o))
	}
}

func TestALockedPeriodIsExempt(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for day := 1; day <= 14; day++ {
		o.Receive(t, office.Row(fmt.Sprintf("%02d", day), office.On(fmt.Sprintf("2026-11-%02d", day))))
	}
	approve(t, o, "03")
	locked := o.With(office.Settings{LockBefore: "2026-11-12"})
	run := begin(t, locked, mirror)
	bring(t, locked, run, 1, office.Row("brought", office.On("2026-11-20")))
	// What is exempt is no deletion: the guard does not count it.
	if ended := complete(t, locked, run, limits(3, 0)); ended.Deleted != 3 {
		t.Errorf("ended %+v", ended)
	}
	if got := live(t, o); got != "01 02 03 04 05 06 07 08 09 10 11 brought" {
		t.Errorf("left are %q", got)
	}
	if n := o.Count(t, `SELECT count(*) FROM corrections`); n != 0 {
		t.Errorf("%d corrections in a locked period", n)
	}
}

// Each guard leaves the run open, the rows in place and the cursor where it
// was; completed again, with what it asks for, it ends.
func TestTheGuardsOfAMirror(t *testing.T) {
	t.Parallel()
	rows := func(n int) []intake.Row {
		return office.Rows(n, func(i int, r *intake.Row) { tiny(r) })
	}
	for _, tt := range []struct {
		name    string
		there   int // entries before
		brought []intake.Row
		given   []func(*intake.Completion)
		want    string
		then    []func(*intake.Completion)
		deleted int
	}{
		{"fewer keys than sent", 3, rows(2), []func(*intake.Completion){distinct(3)}, "incomplete", []func(*intake.Completion){distinct(2)}, 1},
		{"more keys than sent", 3, rows(2), []func(*intake.Completion){distinct(1)}, "incomplete", nil, 1},
		{"keys are counted once", 3, append(rows(2), rows(2)...), []func(*intake.Completion){distinct(4)}, "incomplete", []func(*intake.Completion){distinct(2)}, 1},
		{"nothing brought", 3, nil, nil, "nothing_brought", []func(*intake.Completion){allowEmpty}, 3},
		{"nothing sent and nothing brought", 3, nil, []func(*intake.Completion){distinct(0)}, "nothing_brought", []func(*intake.Completion){distinct(0), allowEmpty}, 3},
		{"nothing brought into nothing", 0, nil, nil, "nothing_brought", []func(*intake.Completion){allowEmpty}, 0},
		{"more than both limits", 12, rows(1), nil, "too_many_deletions", []func(*intake.Completion){limits(11, 20)}, 11},
		{"a higher share will do", 12, rows(1), nil, "too_many_deletions", []func(*intake.Completion){limits(10, 92)}, 11},
		{"allow_empty is no limit", 12, nil, []func(*intake.Completion){allowEmpty}, "too_many_deletions", []func(*intake.Completion){allowEmpty, limits(12, 0)}, 12},
		{"a hair over the share", 5, rows(1), []func(*intake.Completion){limits(3, 79)}, "too_many_deletions", []func(*intake.Completion){limits(3, 80)}, 4},
		{"no deletion at all allowed", 5, rows(4), []func(*intake.Completion){limits(0, 0)}, "too_many_deletions", []func(*intake.Completion){limits(1, 0)}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			complete(t, o, begin(t, o), cursor("before"))
			if tt.there > 0 {
				o.Receive(t, rows(tt.there)...)
			}
			run := begin(t, o, mirror)
			if tt.brought != nil {
				bring(t, o, run, 1, tt.brought...)
			}
			was, before := look(t, o, run.ID), o.Footprint(t)
			_, err := o.Runner.Complete(t.Context(), fixture.Job(), ref(run), completion(append(tt.given, cursor("after"))...))
			if f := fault.Of(err); codeOf(err) != tt.want || !errors.Is(err, fault.Conflict) ||
				tt.want == "too_many_deletions" && (f.Extra["deletions"] != fmt.Sprint(tt.deleted) || f.Extra["in_scope"] != fmt.Sprint(tt.there)) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
				t.Errorf("something was written (-before +after)\n%s", diff)
			}
			is := look(t, o, run.ID)
			is.LeaseEnd = was.LeaseEnd // it was renewed
			if diff := cmp.Diff(was, is, plain); diff != "" {
				t.Errorf("the run (-before +after)\n%s", diff)
			}
			if got := sourceOf(t, o, office.Source).Cursor; got != "before" {
				t.Errorf("the cursor is %q", got)
			}
			ended := complete(t, o, run, append(tt.then, cursor("after"))...)
			if ended.Deleted != tt.deleted || sourceOf(t, o, office.Source).Cursor != "after" {
				t.Errorf("ended %+v", ended)
			}
		})
	}
}

// Nine of ten go, for ten are few; a fifth of sixty goes, for it is a fifth.
func TestAMirrorDeletesUpToEitherLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ there, absent int }{{10, 10}, {11, 10}, {60, 12}, {55, 11}} {
		o := office.Open(t, office.Settings{})
		rows := office.Rows(tt.there, func(i int, r *intake.Row) { tiny(r) })
		o.Receive(t, rows...)
		run := begin(t, o, mirror)
		bring(t, o, run, 1, append(rows[tt.absent:], office.Row("out of scope", office.On("2026-10-01")))...)
		if ended := complete(t, o, run); ended.Deleted != tt.absent {
			t.Errorf("%d of %d: %+v", tt.absent, tt.there, ended)
		}
	}
}

func TestOnlyAMirrorHasGuards(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Rows(12, func(i int, r *intake.Row) { tiny(r) })...)
	run := begin(t, o)
	if _, err := o.Runner.Complete(t.Context(), fixture.Job(), ref(run), completion(distinct(0))); codeOf(err) != "mirror_only" || !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if ended := complete(t, o, run); ended.Deleted != 0 || o.Count(t, `SELECT count(*) FROM entries WHERE deleted_at IS NOT NULL`) != 0 {
		t.Errorf("ended %+v", ended)
	}
	run = begin(t, o, mirror)
	if _, err := o.Runner.Complete(t.Context(), fixture.Job(), ref(run), completion(cursor(strings.Repeat("é", 1025)))); codeOf(err) != "length" {
		t.Errorf("a long cursor: %v", err)
	}
	complete(t, o, run, allowEmpty, limits(12, 0), cursor(strings.Repeat("é", 1024)))
}

// Deleted in several steps of the same transaction.
func TestAMirrorOfThousands(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	o := office.Open(t, office.Settings{})
	for part := range 2 {
		o.Receive(t, office.Rows(3000, func(i int, r *intake.Row) {
			tiny(r)
			r.ExternalID = fmt.Sprint(part, "-", i)
			r.Content.Day = r.Content.Day.Add(-part)
		})...)
	}
	run := begin(t, o, mirror)
	bring(t, o, run, 1, office.Row("0-7", tiny))
	ended := complete(t, o, run, limits(0, 100))
	if ended.Deleted != 5999 || live(t, o) != "0-7" {
		t.Errorf("ended %+v", ended)
	}
	if n := o.Count(t, `SELECT count(*) FROM history h JOIN entries e USING (org_id, id) JOIN writes w ON w.write_id = e.write_id WHERE w.import_id = $1 AND h.version = 1`, run.ID); n != 5999 {
		t.Errorf("%d of 5999 earlier states are in history", n)
	}
}

// What is received without a write counts by when it was committed, not by when
// its transaction began.
func TestAReceiptThatTheRunOvertookIsNotMissed(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("a", office.Stamped(1)), office.Row("b", office.On("2026-11-19")))
	held, err := o.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Exec(t.Context(), `SELECT 1 FROM workers FOR NO KEY UPDATE`); err != nil {
		t.Fatal(err)
	}
	var run intake.Import
	atOnce(func() { o.Receive(t, office.Row("a", office.Stamped(2))) }, func() {
		someoneWaits(t, o)
		run = begin(t, o, mirror)
		if err := held.Commit(t.Context()); err != nil {
			t.Error(err)
		}
	})
	bring(t, o, run, 1, office.Row("b", office.On("2026-11-19")))
	if ended := complete(t, o, run); ended.Deleted != 0 || live(t, o) != "a b" {
		t.Errorf("deleted %d, left are %q", ended.Deleted, live(t, o))
	}
}

// A run that is to begin waits for what is being received, so that it comes
// before.
func TestAMirrorBeginsAfterWhatIsBeingReceived(t *testing.T) {
	t.Parallel()
	o, p, slow := paused(t, "commit")
	o.Receive(t, office.Row("a", office.Stamped(1)), office.Row("b", office.On("2026-11-19")))
	var run intake.Import
	atOnce(func() {
		if _, err := o.Receiver.Receive(slow, fixture.Job(), intake.Upload{Source: office.Source, Rows: []intake.Row{office.Row("a", office.Stamped(2))}}); err != nil {
			t.Error(err)
		}
	}, func() {
		<-p.reached
		atOnce(func() { run = begin(t, o, mirror) }, func() {
			someoneWaits(t, o)
			p.goOn()
		})
	})
	bring(t, o, run, 1, office.Row("b", office.On("2026-11-19")))
	if ended := complete(t, o, run); ended.Deleted != 1 || live(t, o) != "b" {
		t.Errorf("deleted %d, left are %q", ended.Deleted, live(t, o))
	}
}

// Who takes a run over waits for the part that has it, and has no lock meanwhile
// that the part will want.
func TestATakeoverAndAReceiptOfTheRunDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	o, p, slow := paused(t, "hashtextextended($1, 2)")
	o.Receive(t, office.Row("a", office.Stamped(1)))
	run := begin(t, o, mirror)
	atOnce(func() {
		if _, err := upload(slow, o, run, 1, office.Row("a", office.Stamped(2))); err != nil {
			t.Error(err)
		}
	}, func() {
		<-p.reached
		endLease(t, o, run)
		atOnce(func() { begin(t, o, mirror) }, func() {
			someoneWaits(t, o)
			if n := o.Count(t, `SELECT count(*) FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted`); n != 0 {
				t.Errorf("who waits for the run holds %d such locks", n)
			}
			p.goOn()
		})
	})
	if got := look(t, o, run.ID); got.State != intake.Expired || got.Unchanged != 1 {
		t.Errorf("the run that was taken over is %+v", got)
	}
}

// Who begins a mirror waits for the part that has the source, and has no lock
// meanwhile that the part will want.
func TestTheBeginningOfAMirrorAndAPartWithAProblemDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	o, p, slow := paused(t, "hashtextextended($1, 2)")
	o.Receive(t, office.Row("a", office.Stamped(1)))
	run := begin(t, o)
	atOnce(func() {
		if _, err := upload(slow, o, run, 1, office.Row("a", office.Stamped(2)), office.Row("bad", office.Project(""))); err != nil {
			t.Error(err)
		}
	}, func() {
		<-p.reached
		atOnce(func() { begin(t, o, mirror, dry) }, func() {
			someoneWaits(t, o)
			p.goOn()
		})
	})
	if got := complete(t, o, run); got.Unchanged != 1 || got.Rejected != 1 {
		t.Errorf("%+v", got.Counts)
	}
	neverDeadlocked(t, o)
}
