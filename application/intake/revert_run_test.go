package intake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// A connection is lost again and again while a revert is under way: repeated,
// it goes on where it was, and does nothing twice.
func TestARepeatedRevertContinues(t *testing.T) {
	t.Parallel()
	failAt := -1
	seen := 0
	tracer := &statements{starts: func(ctx context.Context, _ string) context.Context {
		if ctx.Value(untraced{}) != nil {
			return ctx
		}
		if seen++; seen == failAt {
			dead, cancel := context.WithCancel(ctx)
			cancel()
			return dead
		}
		return ctx
	}}
	o := office.Open(t, office.Settings{Tracer: tracer})
	o.Receive(t, office.Row("updated", office.Stamped(1)), office.Row("stamped", office.On("2026-11-19"), office.Stamped(1)))
	complete(t, o, begin(t, o), cursor("before"))
	before := states(t, o)
	run := begin(t, o)
	bring(t, o, run, 1, append(office.Rows(1100, func(i int, r *intake.Row) {
		tiny(r)
		r.Content.Day = fixture.Day("2026-11-18")
	}), office.Row("updated", office.Hours("7"), office.Stamped(2)), office.Row("stamped", office.On("2026-11-19"), office.Stamped(2)), office.Row("bad", office.Project("")))...)
	complete(t, o, run, cursor("after"))
	was := versions(t, o)
	failures := 0
	for failAt = 3; ; failAt += 7 {
		seen = 0
		_, err := o.Reverter.Revert(t.Context(), fixture.Job(), run.ID)
		if err == nil {
			break
		}
		if failures++; !errors.Is(err, fault.Unavailable) {
			t.Fatalf("statement %d: %v", failAt, err)
		}
		failed := failAt
		failAt = -1
		// Whoever comes next need not wait, unless the very end was lost.
		if n := o.Count(t, `SELECT count(*) FROM imports WHERE state = 'open'`); n != 0 {
			t.Errorf("lost at statement %d the revert is open still", failed)
			o.Exec(t, `UPDATE imports SET lease_until = now() - interval '1 second' WHERE state = 'open'`)
		}
		failAt = failed
	}
	failAt = -1
	if failures < 5 {
		t.Errorf("it failed only %d times", failures)
	}
	after := states(t, o)
	for key, is := range after {
		if before[key] == "" {
			if !strings.Contains(is, "deleted by revert") {
				t.Errorf("%s is %s", key, is)
			}
			delete(after, key)
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	if n := versions(t, o); n != was+1101 {
		t.Errorf("%d changes for 1101 entries", n-was)
	}
	if got := sourceOf(t, o, office.Source).Cursor; got != "before" {
		t.Errorf("the cursor is %q", got)
	}
}

func TestTheCursorReturnsToThePredecessors(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := func(edits ...func(*intake.Completion)) intake.Ending {
		t.Helper()
		o.Clock.Forward(time.Minute)
		r := begin(t, o)
		o.Clock.Forward(time.Minute)
		return complete(t, o, r, edits...)
	}
	at := func(step, want string, from timesheet.ID) {
		t.Helper()
		if got := sourceOf(t, o, office.Source); got.Cursor != want || got.CursorFrom != from {
			t.Errorf("%s: the cursor is %q of %s, want %q of %s", step, got.Cursor, got.CursorFrom, want, from)
		}
	}
	first, second, without, third := run(cursor("1")), run(cursor("2")), run(), run(cursor("3"))
	revert(t, o, without.ID)
	at("a run without a cursor", "3", third.ID)
	revert(t, o, second.ID)
	at("one that was not the last", "3", third.ID)
	revert(t, o, third.ID)
	at("the last; its predecessor is reverted too", "1", first.ID)
	revert(t, o, third.ID)
	at("once more", "1", first.ID)
	fourth := run(cursor("4"))
	revert(t, o, third.ID)
	at("once more, after another", "4", fourth.ID)
	revert(t, o, first.ID)
	revert(t, o, fourth.ID)
	at("all", "", timesheet.ID{})
	if got := sourceOf(t, o, office.Source).Last; !got.ID.IsZero() {
		t.Errorf("the last completed import is %+v", got)
	}
}

func TestWhatCanBeReverted(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	request := o.Receive(t, office.Row("1", office.On("2026-11-02"))).ImportID
	reverted := revert(t, o, o.Receive(t, office.Row("2", office.On("2026-11-03"))).ImportID)
	dryRun := complete(t, o, begin(t, o, dry))
	aborted := begin(t, o)
	bring(t, o, aborted, 1, office.Row("3", office.On("2026-11-04")))
	if _, err := o.Runner.Abort(t.Context(), fixture.Job(), ref(aborted)); err != nil {
		t.Fatal(err)
	}
	other, err := o.Runner.Start(t.Context(), fixture.Of("other", fixture.Job()), declaration(), nil)
	if err != nil {
		t.Fatal(err)
	}
	open := begin(t, o)
	bring(t, o, open, 1, office.Row("4", office.On("2026-11-05")))
	for _, tt := range []struct {
		name string
		id   timesheet.ID
		by   identity.Principal
		want string
	}{
		{"a live run", open.ID, fixture.Job(), "not_revertible"},
		{"another import while a run of its source is live", request, fixture.Job(), "import_running"},
		{"a dry run", dryRun.ID, fixture.Job(), "not_revertible"},
		{"a revert", reverted.ImportID, fixture.Job(), "not_revertible"},
		{"an unknown one", fixture.NewID(), fixture.Job(), "not_found"},
		{"one of another organisation", other.ID, fixture.Job(), "not_found"},
		{"by a person", request, fixture.Person("ann"), "insufficient_scope"},
		{"by a machine that reads", request, fixture.Machine(identity.ReadTimesheets), "insufficient_scope"},
	} {
		before := o.Footprint(t)
		if _, err := o.Reverter.Revert(t.Context(), tt.by, tt.id); codeOf(err) != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
		if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
			t.Errorf("%s (-before +after)\n%s", tt.name, diff)
		}
	}
	// A run whose process has died is reverted once its lease has ended.
	endLease(t, o, open)
	if r := revert(t, o, open.ID); r.Deleted != 1 {
		t.Errorf("an abandoned run: %+v", r.Counts)
	}
	for name, id := range map[string]timesheet.ID{"an upload of one request": request, "an aborted run": aborted.ID} {
		if r := revert(t, o, id); r.Deleted != 1 {
			t.Errorf("%s: %+v", name, r.Counts)
		}
	}
	if got := live(t, o); got != "" {
		t.Errorf("left are %q", got)
	}
}

// While a revert is under way nobody brings anything into it, or starts another.
func TestARevertIsARunOfItsSource(t *testing.T) {
	t.Parallel()
	o, p, slow := paused(t, "INSERT INTO history")
	imported := o.Receive(t, office.Row("1"))
	atOnce(func() {
		if _, err := o.Reverter.Revert(slow, fixture.Job(), imported.ImportID); err != nil {
			t.Error(err)
		}
	}, func() {
		defer p.goOn()
		<-p.reached
		if _, err := o.Runner.Start(t.Context(), fixture.Job(), declaration(), nil); codeOf(err) != "import_running" {
			t.Errorf("a run: %v", err)
		}
		if _, err := o.Reverter.Revert(t.Context(), fixture.Job(), imported.ImportID); codeOf(err) != "import_running" {
			t.Errorf("another revert: %v", err)
		}
		page, _, err := o.Lookback.Imports(t.Context(), fixture.Job(), office.Source, intake.ImportPlace{}, 1)
		if err != nil || page[0].Kind != intake.KindRevert || page[0].State != intake.Open {
			t.Fatalf("%+v, %v", page, err)
		}
		if _, err := upload(t.Context(), o, page[0], 1, office.Row("2")); codeOf(err) != "not_found" {
			t.Errorf("a part: %v", err)
		}
		if _, err := o.Runner.Complete(t.Context(), fixture.Job(), ref(page[0]), completion(cursor("mine"))); codeOf(err) != "not_found" {
			t.Errorf("complete: %v", err)
		}
		if _, err := o.Runner.Abort(t.Context(), fixture.Job(), ref(page[0])); codeOf(err) != "not_found" {
			t.Errorf("abort: %v", err)
		}
	})
}

// People go on working while a run is taken back.
func TestARevertThatRacesWithOthersNeverLosesTheirWork(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for round := range 4 {
		run := o.Receive(t, office.Rows(40, func(i int, r *intake.Row) {
			tiny(r)
			r.ExternalID = fmt.Sprint(round, "-", i)
			r.Content.Day = fixture.Day("2026-11-01").Add(i % 20)
		})...)
		var report intake.Report
		key := func(i int) string { return fmt.Sprint(round, "-", i) }
		edited := make([]bool, 10)
		atOnce(func() { report = revert(t, o, run.ImportID) }, func() {
			for i := range edited {
				_, err := o.Recorder.Amend(t.Context(), fixture.Person("ann"), run.Results[i].ID, nil, func(c timesheet.Content) (timesheet.Content, error) {
					c.Project = "Shop"
					return c, nil
				})
				if edited[i] = err == nil; err != nil && !errors.Is(err, fault.NotFound) {
					t.Error(err)
				}
			}
		}, func() {
			rows := office.Rows(10, func(i int, r *intake.Row) {
				r.ExternalID = key(i + 20)
				r.Content.Day, r.Content.Duration = fixture.Day("2026-11-01").Add(i), fixture.Seconds(2)
			})
			slices.Reverse(rows)
			o.Receive(t, rows...)
		})
		for i := range edited {
			s := o.Held(t, key(i)).Snapshot()
			if edited[i] != (s.Content.Project == "Shop" && s.Deletion == "") {
				t.Errorf("%s: edited %v, and it is %+v", key(i), edited[i], s)
			}
			if s := o.Held(t, key(i+20)).Snapshot(); s.Content.Duration != fixture.Seconds(2) || s.Deletion != "" {
				t.Errorf("%s was uploaded meanwhile and is %+v", key(i+20), s)
			}
		}
		if report.Deleted+report.Rejected < 20 {
			t.Errorf("%+v", report.Counts)
		}
	}
	neverDeadlocked(t, o)
}
