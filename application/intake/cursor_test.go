package intake_test

import (
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

// sourceOf gives what is known of a source, which is the same in the list.
func sourceOf(t *testing.T, o *office.Office, name string) intake.Source {
	t.Helper()
	one, err := o.Lookback.Source(t.Context(), fixture.Job(), name)
	if err != nil {
		t.Fatal(err)
	}
	all, more, err := o.Lookback.Sources(t.Context(), fixture.Job(), "", intake.MaxPage)
	if err != nil || more {
		t.Fatal(more, err)
	}
	for _, s := range all {
		if s.Name == name {
			if diff := cmp.Diff(one, s, plain); diff != "" {
				t.Errorf("alone and in the list (-alone +listed)\n%s", diff)
			}
		}
	}
	return one
}

func TestTheCursorMovesWhenARunCompletesAndOnlyThen(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	if _, err := o.Lookback.Source(t.Context(), fixture.Job(), office.Source); codeOf(err) != "not_found" {
		t.Errorf("an unknown source: %v", err)
	}
	var earned, last timesheet.ID
	for _, step := range []struct {
		name string
		do   func() (earned, last timesheet.ID) // zero: those of the step before
		want string
	}{
		{"an upload of one request", func() (_, last timesheet.ID) { return earned, o.Receive(t, office.Row("1")).ImportID }, ""},
		{"a run under way", func() (_, _ timesheet.ID) { begin(t, o); return earned, last }, ""},
		{"one that is taken over", func() (_, _ timesheet.ID) {
			o.Exec(t, `UPDATE imports SET lease_until = now() - interval '1 second' WHERE state = 'open'`)
			if _, err := o.Runner.Abort(t.Context(), fixture.Job(), ref(begin(t, o))); err != nil {
				t.Fatal(err)
			}
			return earned, last
		}, ""},
		{"a completed run without a cursor", func() (_, _ timesheet.ID) { return earned, complete(t, o, begin(t, o)).ID }, ""},
		{"a completed run", func() (_, _ timesheet.ID) {
			done := complete(t, o, begin(t, o), cursor("2026-11-20"))
			if done.Cursor != "2026-11-20" || look(t, o, done.ID).Cursor != "2026-11-20" {
				t.Errorf("the run earned %q", done.Cursor)
			}
			return done.ID, done.ID
		}, "2026-11-20"},
		{"an aborted run", func() (_, _ timesheet.ID) {
			if _, err := o.Runner.Abort(t.Context(), fixture.Job(), ref(begin(t, o))); err != nil {
				t.Fatal(err)
			}
			return earned, last
		}, "2026-11-20"},
		{"a dry run", func() (_, _ timesheet.ID) {
			if done := complete(t, o, begin(t, o, dry), cursor("no")); done.Cursor != "" || look(t, o, done.ID).Cursor != "" {
				t.Errorf("the dry run earned %q", done.Cursor)
			}
			return earned, last
		}, "2026-11-20"},
		{"a run of another source", func() (_, _ timesheet.ID) {
			complete(t, o, begin(t, o, source("toggl")), cursor("no"))
			return earned, last
		}, "2026-11-20"},
		{"a completed run that leaves it where it is", func() (_, _ timesheet.ID) { return earned, complete(t, o, begin(t, o)).ID }, "2026-11-20"},
		{"an upload of one request, refused", func() (_, _ timesheet.ID) {
			return earned, o.Receive(t, office.Row("bad", office.Project(""))).ImportID
		}, "2026-11-20"},
		{"a cursor may go back", func() (_, _ timesheet.ID) {
			done := complete(t, o, begin(t, o, mirror), cursor("2026-11-19"), func(c *intake.Completion) { c.AllowEmpty = true })
			return done.ID, done.ID
		}, "2026-11-19"},
	} {
		o.Clock.Forward(time.Minute)
		earned, last = step.do()
		got := sourceOf(t, o, office.Source)
		if got.Name != office.Source || got.Cursor != step.want || got.CursorFrom != earned || got.Last.ID != last {
			t.Errorf("after %s: the cursor is %q of %s, the last import %s; want %q of %s, and %s", step.name, got.Cursor, got.CursorFrom, got.Last.ID, step.want, earned, last)
		}
		if !last.IsZero() {
			if diff := cmp.Diff(look(t, o, last), got.Last, plain); diff != "" {
				t.Errorf("after %s: (-looked up +last)\n%s", step.name, diff)
			}
		}
	}
}

func TestTheLastImportIsTheOneThatEndedLast(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	long := begin(t, o)
	o.Clock.Forward(time.Minute)
	o.Receive(t, office.Row("1"))
	o.Clock.Forward(time.Minute)
	complete(t, o, long)
	if got := sourceOf(t, o, office.Source).Last; got.ID != long.ID || !got.EndedAt.Equal(fixture.Now.Add(2*time.Minute)) {
		t.Errorf("the last import is %+v", got)
	}
}

func TestSourcesAreListedByNameInPages(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	want := []string{"a", "b-2", "b.1", "c", "zz"}
	for _, name := range []string{"zz", "b.1", "a", "c", "b-2", "a"} {
		complete(t, o, begin(t, o, source(name)), cursor("of "+name))
	}
	var got []string
	for after, more := "", true; more; {
		var page []intake.Source
		var err error
		if page, more, err = o.Lookback.Sources(t.Context(), fixture.Job(), after, 2); err != nil {
			t.Fatal(err)
		}
		if more && len(page) != 2 {
			t.Fatalf("a page of 2 has %d", len(page))
		}
		for _, s := range page {
			if s.Cursor != "of "+s.Name || s.Last.Source != s.Name || s.Last.ID != s.CursorFrom {
				t.Errorf("%+v", s)
			}
			got, after = append(got, s.Name), s.Name
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, by := range []identity.Principal{fixture.Approver("bob"), fixture.Machine(identity.ReadTimesheets)} {
		_, one := o.Lookback.Source(t.Context(), by, "a")
		_, _, all := o.Lookback.Sources(t.Context(), by, "", 10)
		if codeOf(one) != "insufficient_scope" || codeOf(all) != "insufficient_scope" {
			t.Errorf("%s: %v, %v", by.ID, one, all)
		}
	}
	if _, err := o.Lookback.Source(t.Context(), fixture.Of("other", fixture.Job()), "a"); codeOf(err) != "not_found" {
		t.Errorf("another organisation's source: %v", err)
	}
	if page, _, err := o.Lookback.Sources(t.Context(), fixture.Of("other", fixture.Job()), "", 10); err != nil || len(page) != 0 {
		t.Errorf("another organisation has %v, %v", page, err)
	}
}

func TestWhatARunDeclaresIsChecked(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{UserIDs: "https://api.exampleco.com/email"})
	users := func(ids ...string) func(*intake.Declaration) {
		return func(d *intake.Declaration) { d.Scope.UserIDs = ids }
	}
	for _, tt := range []struct {
		name string
		edit func(*intake.Declaration)
		want string
	}{
		{"the reserved source", source("api"), "/source source_reserved"},
		{"no source", source(""), "/source not_a_source"},
		{"another mode", func(d *intake.Declaration) { d.Mode = "sync" }, "/mode not_a_mode"},
		{"no mode", func(d *intake.Declaration) { d.Mode = "" }, "/mode not_a_mode"},
		{"no first day", func(d *intake.Declaration) { d.Scope.From = timesheet.Day{} }, "/from required"},
		{"no last day", func(d *intake.Declaration) { d.Scope.To = timesheet.Day{} }, "/from required"},
		{"days that end before they begin", func(d *intake.Declaration) { d.Scope.To = d.Scope.From.Add(-1) }, "/to out_of_range"},
		{"no workers at all", func(d *intake.Declaration) { d.Scope.UserIDs = []string{} }, "/user_ids required"},
		{"too many workers", users(make([]string, 1001)...), "/user_ids too_many"},
		{"a worker without a name", users("ann", ""), "/user_ids required"},
		{"a worker that is no text", users("\x00"), "/user_ids nul"},
	} {
		_, err := o.Runner.Start(t.Context(), fixture.Job(), declaration(tt.edit), nil)
		got := codeOf(err)
		if f := fault.Of(err); f != nil && len(f.Fields) == 1 {
			got = f.Fields[0].Pointer + " " + f.Fields[0].Code
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if left := o.Footprint(t); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	given := []string{"Ann@Example.com", "B"}
	run := begin(t, o, users(given...), func(d *intake.Declaration) { d.Scope.To = d.Scope.From })
	if got := look(t, o, run.ID).Scope; got.From != got.To || strings.Join(got.UserIDs, " ") != "ann@example.com B" || given[0] != "Ann@Example.com" {
		t.Errorf("the scope is %v; given were %v", got, given)
	}
	for _, by := range []identity.Principal{fixture.Approver("bob"), fixture.Machine(identity.ReadTimesheets)} {
		_, start := o.Runner.Start(t.Context(), by, declaration(source("toggl")), nil)
		_, renew := o.Runner.Renew(t.Context(), by, ref(run))
		_, done := o.Runner.Complete(t.Context(), by, ref(run), completion())
		_, abort := o.Runner.Abort(t.Context(), by, ref(run))
		_, part := o.Receiver.ReceivePart(t.Context(), by, ref(run), 1, [32]byte{}, intake.Upload{})
		for call, err := range map[string]error{"start": start, "renew": renew, "complete": done, "abort": abort, "part": part} {
			if codeOf(err) != "insufficient_scope" {
				t.Errorf("%s by %s: %v", call, by.ID, err)
			}
		}
	}
}
