package timekeeping_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/application/timekeeping"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// history gives all changes of an entry, newest first.
func history(t *testing.T, o *office.Office, id timesheet.ID) []timekeeping.Change {
	t.Helper()
	all, more, err := o.Reviewer.History(t.Context(), fixture.Approver("bob"), id, 0, timekeeping.MaxPage)
	if err != nil || more {
		t.Fatal(more, err)
	}
	return all
}

// run starts a run of Source, brings rows, and completes it.
func run(t *testing.T, o *office.Office, mode intake.Mode, rows ...intake.Row) timesheet.ID {
	t.Helper()
	started, err := o.Runner.Start(t.Context(), fixture.Job(), intake.Declaration{Source: office.Source, Mode: mode, Scope: intake.Scope{From: fixture.Friday, To: fixture.Friday}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ref := intake.RunRef{ID: started.ID, Fence: started.Fence}
	if _, err := o.Receiver.ReceivePart(t.Context(), fixture.Job(), ref, 1, [32]byte{}, intake.Upload{Rows: rows}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Runner.Complete(t.Context(), fixture.Job(), ref, intake.Completion{AllowEmpty: true, MaxDeleteCount: 10}); err != nil {
		t.Fatal(err)
	}
	return started.ID
}

// Every kind of change that an entry can go through, by all who can make one.
func TestHistoryTellsEveryChange(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	other := office.Row("0", office.On("2026-11-19"))
	var made timesheet.ID
	reverted := func(id timesheet.ID) timesheet.ID {
		r, err := o.Reverter.Revert(t.Context(), fixture.Approver("carl"), id)
		if err != nil {
			t.Fatal(err)
		}
		return r.ImportID
	}
	amend := func(by identity.Principal, hours string) {
		if _, err := o.Recorder.Amend(t.Context(), by, made, nil, change(func(c *timesheet.Content) { c.Duration = fixture.Hours(hours) })); err != nil {
			t.Fatal(err)
		}
	}
	var updating, deleting timesheet.ID
	steps := []struct {
		do   func() timesheet.ID // the run, if it was one
		want string              // type, by, state after
	}{
		{func() timesheet.ID {
			r := o.Receive(t, other, office.Row("1"))
			made = r.Results[1].ID
			return r.ImportID
		}, "created by import-job: pending 8h"},
		{func() timesheet.ID {
			updating = run(t, o, intake.Upsert, other, office.Row("1", office.Hours("7"), office.Stamped(1)))
			return updating
		}, "updated by import-job: pending 7h"},
		{func() timesheet.ID { return reverted(updating) }, "updated by carl: pending 8h"},
		{func() timesheet.ID {
			deleting = run(t, o, intake.Mirror)
			return deleting
		}, "deleted by import-job: deleted by mirror"},
		{func() timesheet.ID { return reverted(deleting) }, "restored by carl: pending 8h"},
		{func() timesheet.ID { deleting = run(t, o, intake.Mirror); return deleting }, "deleted by import-job: deleted by mirror"},
		{func() timesheet.ID { return run(t, o, intake.Mirror, office.Row("1", office.Hours("6"))) }, "restored by import-job: pending 6h"},
		{func() timesheet.ID {
			if _, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), made, "no", nil); err != nil {
				t.Fatal(err)
			}
			return timesheet.ID{}
		}, "rejected by bob: rejected 6h"},
		{func() timesheet.ID {
			if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, office.Row("1", office.Hours("5")), false); err != nil {
				t.Fatal(err)
			}
			return timesheet.ID{}
		}, "updated by import-job: pending 5h"},
		{func() timesheet.ID { amend(fixture.Person("ann"), "4"); return timesheet.ID{} }, "updated by ann: pending 4h"},
		{func() timesheet.ID { amend(robot(), "3"); return timesheet.ID{} }, "updated by robot: pending 3h"},
		{func() timesheet.ID {
			if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), made, nil); err != nil {
				t.Fatal(err)
			}
			return timesheet.ID{}
		}, "approved by bob: approved 3h"},
	}
	var want []string
	runs := make([]timesheet.ID, len(steps))
	for i, step := range steps {
		o.Clock.Forward(time.Minute)
		runs[i] = step.do()
		want = append([]string{step.want}, want...)
		// What only says the same, or asks for something, is no change.
		o.Receive(t, other, office.Row("1", office.Project("\x00")))
	}
	all := history(t, o, made)
	var got []string
	for i, c := range all {
		s := c.After.Snapshot()
		state := fmt.Sprintf("%s %sh", s.Status, s.Content.Duration.Hours())
		if s.Deletion != "" {
			state = "deleted by " + string(s.Deletion)
		}
		got = append(got, fmt.Sprintf("%s by %s: %s", s.Change, s.UpdatedBy, state))
		step := len(steps) - 1 - i
		if s.ID != made || s.Version != step+1 || !s.UpdatedAt.Equal(fixture.Now.Add(time.Duration(step+1)*time.Minute)) || s.ImportID != runs[step] {
			t.Errorf("change %d is %+v", step, s)
		}
		var was timesheet.Entry
		if i+1 < len(all) {
			was = all[i+1].After
			if c.Number <= all[i+1].Number {
				t.Errorf("change %d has the number %d, after %d", step, c.Number, all[i+1].Number)
			}
		}
		if diff := cmp.Diff(was.Snapshot(), c.Before.Snapshot(), plain); diff != "" {
			t.Errorf("change %d: (-the one before +its before)\n%s", step, diff)
		}
		if n := o.Count(t, `SELECT count(*) FROM writes WHERE org_id = 'default' AND number = $1 AND principal = $2`, c.Number, s.UpdatedBy); n != 1 {
			t.Errorf("change %d: there is no write %d of %s", step, c.Number, s.UpdatedBy)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if first, second := all[len(all)-1].Index, all[len(all)-2].Index; first != 1 || second != 0 {
		t.Errorf("of their writes they are at the places %d and %d; another entry was made before it", first, second)
	}
	if diff := cmp.Diff(get(t, o, made), all[0].After.Snapshot(), plain); diff != "" {
		t.Errorf("(-entry +last change)\n%s", diff)
	}
}

func TestHistoryComesInPages(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	entry := record(t, o, content())
	for n := range 6 {
		if _, err := o.Recorder.Amend(t.Context(), fixture.Person("ann"), entry.ID(), nil, change(project(fmt.Sprint(n)))); err != nil {
			t.Fatal(err)
		}
	}
	all := history(t, o, entry.ID())
	if len(all) != 7 || !all[6].Before.ID().IsZero() {
		t.Fatalf("%d changes", len(all))
	}
	for _, limit := range []int{1, 2, 3, 6, 7, 8, 1000} {
		var got []timekeeping.Change
		for before, more := 0, true; more; {
			var page []timekeeping.Change
			var err error
			if page, more, err = o.Reviewer.History(t.Context(), fixture.Person("ann"), entry.ID(), before, limit); err != nil || len(page) == 0 {
				t.Fatal(page, err)
			}
			if len(page) > limit || more && len(page) < limit {
				t.Errorf("a page of %d has %d", limit, len(page))
			}
			got, before = append(got, page...), page[len(page)-1].After.Snapshot().Version
		}
		if diff := cmp.Diff(all, got, cmp.AllowUnexported(timesheet.Entry{}), plain); diff != "" {
			t.Errorf("in pages of %d (-all +got)\n%s", limit, diff)
		}
	}
	if page, more, err := o.Reviewer.History(t.Context(), fixture.Person("ann"), entry.ID(), 1, 10); err != nil || more || len(page) != 0 {
		t.Errorf("past the end: %v, %v, %v", page, more, err)
	}
}

func TestWhoMaySeeHistory(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	kept, gone, moved := record(t, o, content()).ID(), record(t, o, content(on("2026-11-19"))).ID(), record(t, o, content(on("2026-11-18"))).ID()
	if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), gone, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Recorder.Amend(t.Context(), fixture.Approver("carl"), moved, nil, change(of("eve"))); err != nil {
		t.Fatal(err)
	}
	unscoped := fixture.Person("ann")
	unscoped.Scopes = []identity.Scope{identity.CreateTimesheets}
	for _, tt := range []struct {
		name string
		by   identity.Principal
		want string // of an entry, a deleted one, one that is another's now, one that never was
	}{
		{"the worker", fixture.Person("ann"), "1 2 not_found not_found"},
		{"whose it is now", fixture.Person("eve"), "not_found not_found 1 not_found"},
		{"another person", fixture.Person("zoe"), "not_found not_found not_found not_found"},
		{"an approver", fixture.Approver("bob"), "1 2 2 not_found"},
		{"a machine that reads", fixture.Machine(identity.ReadTimesheets), "1 2 2 not_found"},
		{"a machine that uploads", fixture.Job(), "insufficient_scope insufficient_scope insufficient_scope insufficient_scope"},
		{"the worker with a token for something else", unscoped, "insufficient_scope insufficient_scope insufficient_scope insufficient_scope"},
		{"an approver of another organisation", fixture.Of("other", fixture.Approver("bob")), "not_found not_found not_found not_found"},
	} {
		var got []string
		for _, id := range []timesheet.ID{kept, gone, moved, fixture.NewID()} {
			page, _, err := o.Reviewer.History(t.Context(), tt.by, id, 0, 10)
			if err != nil {
				got = append(got, codeOf(err))
				if codeOf(err) == "not_found" && !errors.Is(err, fault.NotFound) {
					t.Errorf("%s: %v", tt.name, err)
				}
				continue
			}
			got = append(got, fmt.Sprint(len(page)))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
