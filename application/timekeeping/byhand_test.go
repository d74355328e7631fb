package timekeeping_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

func TestARecordedEntryIsWhatWasSaid(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	full := fixture.Full()
	full.Billable = false
	answered, err := o.Recorder.Record(t.Context(), fixture.Person("ann"), full, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := timesheet.Snapshot{
		ID: answered.ID(), Origin: timesheet.Origin{Source: "api", ExternalID: answered.ID().String()}, Content: full, Status: timesheet.Pending, Version: 1,
		Change: timesheet.WasCreated, CreatedAt: fixture.Now, CreatedBy: "ann", UpdatedAt: fixture.Now, UpdatedBy: "ann", HandBy: "ann",
	}
	for name, got := range map[string]timesheet.Snapshot{"answered": answered.Snapshot(), "stored": get(t, o, answered.ID())} {
		if diff := cmp.Diff(want, got, plain); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestWhatBreaksARuleIsNotRecordedNorAmended(t *testing.T) {
	t.Parallel()
	open := office.Open(t, office.Settings{})
	closed := record(t, open, content(on("2026-10-31"), hours("2")))
	record(t, open, content(on("2026-11-19"), hours("20")))
	o := open.With(office.Settings{LockBefore: "2026-11-01"})
	entry := record(t, o, content(hours("20")))
	before := o.Footprint(t)
	for _, tt := range []struct {
		name string
		edit func(*timesheet.Content)
		want string
		kind fault.Kind
	}{
		{"no project", project(" "), "/project required", fault.Invalid},
		{"NUL", project("a\x00"), "/project nul", fault.Invalid},
		{"no hours", func(c *timesheet.Content) { c.Duration = timesheet.Duration{} }, "/hours required", fault.Invalid},
		{"before 2000", on("1999-12-31"), "/date date_out_of_range", fault.Invalid},
		{"32 days ahead", on("2026-12-22"), "/date date_out_of_range", fault.Invalid},
		{"in a closed period", on("2026-10-31"), "/date period_closed", fault.Invalid},
		{"on a full day", func(c *timesheet.Content) { c.Day, c.Duration = fixture.Day("2026-11-19"), fixture.Hours("4.5") }, "/hours day_over_24h", fault.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, recorded := o.Recorder.Record(t.Context(), fixture.Person("ann"), content(hours("1"), tt.edit), nil)
			_, amended := o.Recorder.Amend(t.Context(), fixture.Person("ann"), entry.ID(), nil, change(tt.edit))
			for how, err := range map[string]error{"recorded": recorded, "amended": amended} {
				if codeOf(err) != tt.want || !errors.Is(err, tt.kind) {
					t.Errorf("%s: got %v, want %s", how, err, tt.want)
				}
			}
		})
	}
	_, moved := o.Recorder.Amend(t.Context(), fixture.Person("ann"), closed.ID(), nil, change(on("2026-11-18")))
	_, changed := o.Recorder.Amend(t.Context(), fixture.Person("ann"), closed.ID(), nil, change(project("Shop")))
	withdrawn := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), closed.ID(), nil)
	for how, err := range map[string]error{"moved": moved, "changed": changed, "withdrawn": withdrawn} {
		if codeOf(err) != "period_closed" || !errors.Is(err, fault.Conflict) {
			t.Errorf("a closed entry is %s: %v", how, err)
		}
	}
	if same, err := o.Recorder.Amend(t.Context(), fixture.Person("ann"), closed.ID(), nil, change()); err != nil || same.Snapshot().Version != 1 {
		t.Errorf("nothing changes in a closed period: %v", err)
	}
	if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
		t.Errorf("something was written (-before +after)\n%s", diff)
	}
}

func TestADayHas24HoursByHandToo(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	first := record(t, o, content(hours("20")))
	second := record(t, o, content(hours("4")))
	amend := func(e timesheet.Entry, edits ...func(*timesheet.Content)) string {
		t.Helper()
		_, err := o.Recorder.Amend(t.Context(), fixture.Approver("carol"), e.ID(), nil, change(edits...))
		return codeOf(err)
	}
	const over = "/hours day_over_24h"
	for _, step := range []struct {
		name, got, want string
	}{
		{"a second more", amend(second, func(c *timesheet.Content) { c.Duration = fixture.Seconds(4*3600 + 1) }), over},
		{"the same hours for another project", amend(second, project("Shop")), ""},
		{"less", amend(first, hours("19")), ""},
		{"up to the limit", amend(second, hours("5")), ""},
		{"to another worker", amend(first, of("bob")), ""},
		{"into the room that it left", amend(second, hours("24")), ""},
		{"to a worker whose day is full", amend(second, of("bob"), hours("6")), over},
		{"to another day of theirs", amend(second, of("bob"), on("2026-11-19")), ""},
	} {
		if step.got != step.want {
			t.Errorf("%s: got %q, want %q", step.name, step.got, step.want)
		}
	}
	_, err := o.Recorder.Record(t.Context(), fixture.Person("bob"), content(of("bob"), hours("5.5")), nil)
	if want := "2026-11-20 would come to 24.5 hours (88200 seconds) for this worker: a day has 24."; fault.Of(err).Text != want {
		t.Errorf("got %v, want %s", err, want)
	}
	// What counts more than 24 hours already, as other software may have left it, may shrink.
	o.Exec(t, `UPDATE entries SET seconds = 86400 WHERE user_id = 'bob'`)
	extra := content(of("bob"), on("2026-11-19"), hours("1"))
	if _, err := o.Recorder.Record(t.Context(), fixture.Person("bob"), extra, nil); codeOf(err) != over {
		t.Errorf("a full day takes more: %v", err)
	}
	if got := amend(first, hours("23")); got != "" {
		t.Errorf("a full day may not shrink: %s", got)
	}
}

func TestARejectedEntryIsPendingAgainOnceItChanges(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	entry := record(t, o, content(hours("20")))
	if _, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), entry.ID(), "no", nil); err != nil {
		t.Fatal(err)
	}
	record(t, o, content(hours("10")))
	if _, err := o.Recorder.Amend(t.Context(), fixture.Person("ann"), entry.ID(), nil, change(project("Shop"))); codeOf(err) != "/hours day_over_24h" {
		t.Errorf("the hours of a rejected entry count again once it is pending: %v", err)
	}
	amended, err := o.Recorder.Amend(t.Context(), fixture.Person("ann"), entry.ID(), nil, change(hours("14")))
	if err != nil || amended.Snapshot().Status != timesheet.Pending || amended.Snapshot().Reason != "" {
		t.Errorf("%+v, %v", amended.Snapshot(), err)
	}
	if diff := cmp.Diff(get(t, o, entry.ID()), amended.Snapshot(), plain); diff != "" {
		t.Errorf("(-stored +answered)\n%s", diff)
	}
}

func TestAnApprovedEntryIsLeftAlone(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	entry := record(t, o, content())
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), entry.ID(), nil); err != nil {
		t.Fatal(err)
	}
	_, amended := o.Recorder.Amend(t.Context(), fixture.Approver("carol"), entry.ID(), nil, change(project("Shop")))
	withdrawn := o.Recorder.Withdraw(t.Context(), robot(), entry.ID(), nil)
	for how, err := range map[string]error{"amended": amended, "withdrawn": withdrawn} {
		if codeOf(err) != "entry_approved" || !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", how, err)
		}
	}
	if s := get(t, o, entry.ID()); s.Version != 2 || s.Status != timesheet.Approved {
		t.Errorf("%+v", s)
	}
}

func TestAChangeIsMadeToTheVersionThatIsMeant(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	entry := record(t, o, content())
	if _, err := o.Recorder.Amend(t.Context(), fixture.Person("ann"), entry.ID(), version(1), change(project("Shop"))); err != nil {
		t.Fatal(err)
	}
	_, amended := o.Recorder.Amend(t.Context(), fixture.Person("ann"), entry.ID(), version(1), change(project("Club")))
	_, same := o.Recorder.Amend(t.Context(), fixture.Person("ann"), entry.ID(), version(1), change())
	withdrawn := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), entry.ID(), version(1))
	for how, err := range map[string]error{"amended": amended, "amended to the same": same, "withdrawn": withdrawn} {
		if !errors.Is(err, fault.Stale) {
			t.Errorf("%s: %v", how, err)
		}
	}
	if _, err := o.Recorder.Amend(t.Context(), fixture.Person("bob"), entry.ID(), version(7), change()); !errors.Is(err, fault.NotFound) {
		t.Errorf("who may not see an entry learns its version: %v", err)
	}
	if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), entry.ID(), version(2)); err != nil {
		t.Error(err)
	}
	if s := get(t, o, entry.ID()); s.Version != 3 || s.Content.Project != "Shop" || s.Deletion != timesheet.ByHand {
		t.Errorf("%+v", s)
	}
}

// Twenty people change one entry at once, each what they read: one of each
// version wins, and nothing is lost.
func TestChangesOfOneEntryFollowOneAnother(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	entry := record(t, o, content(func(c *timesheet.Content) { c.Description = "" }))
	won := make(chan error, 20)
	for n := range cap(won) {
		go func() {
			var expect func(int) error
			if n%2 == 0 {
				expect = version(1)
			}
			_, err := o.Recorder.Amend(t.Context(), fixture.Person("ann"), entry.ID(), expect, func(c timesheet.Content) (timesheet.Content, error) {
				c.Description += "x"
				return c, nil
			})
			won <- err
		}()
	}
	changes := 0
	for range cap(won) {
		switch err := <-won; {
		case err == nil:
			changes++
		case !errors.Is(err, fault.Stale) && codeOf(err) != "busy":
			t.Error(err)
		}
	}
	s := get(t, o, entry.ID())
	if s.Version != 1+changes || len(s.Content.Description) != changes || changes == 0 {
		t.Errorf("%d changes went through, the entry has version %d and says %q", changes, s.Version, s.Content.Description)
	}
	if n := o.Count(t, `SELECT count(*) FROM history`); n != changes {
		t.Errorf("%d of %d earlier states are kept", n, changes)
	}
}
