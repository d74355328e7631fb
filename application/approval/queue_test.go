package approval_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

func TestTheQueueHasWhatOthersWaitFor(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for _, row := range []struct{ key, user, day string }{
		{"a20", "ann", "2026-11-20"}, {"b20", "bob", "2026-11-20"}, {"a19", "ann", "2026-11-19"}, {"c19", "carol", "2026-11-19"}, {"a18", "ann", "2026-11-18"},
		{"approved", "ann", "2026-11-17"}, {"rejected", "ann", "2026-11-16"}, {"deleted", "ann", "2026-11-15"}, {"b14", "bob", "2026-11-14"},
	} {
		o.Receive(t, office.Row(row.key, office.Of(row.user), office.On(row.day)))
	}
	_, approved := o.Decider.Approve(t.Context(), fixture.Approver("dora"), o.Held(t, "approved").ID(), nil)
	_, rejected := o.Decider.Reject(t.Context(), fixture.Approver("dora"), o.Held(t, "rejected").ID(), "no", nil)
	deleted := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), o.Held(t, "deleted").ID(), nil)
	if err := errors.Join(approved, rejected, deleted); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		by   identity.Principal
		want string
	}{
		{"an approver who works", fixture.Approver("bob"), "a20 c19 a19 a18"},
		{"an approver who does not", fixture.Approver("dora"), "b20 a20 c19 a19 a18 b14"},
		{"of another organisation", fixture.Of("other", fixture.Approver("dora")), ""},
	} {
		for _, limit := range []int{1, 2, 3, 100} {
			var got []string
			var day timesheet.Day
			var id timesheet.ID
			for more := true; more; {
				var page []timesheet.Entry
				var err error
				if page, more, err = o.Queue.Pending(t.Context(), tt.by, day, id, limit); err != nil || len(page) > limit || more && len(page) < limit {
					t.Fatalf("%d entries, more: %v, %v", len(page), more, err)
				}
				for _, e := range page {
					got, day, id = append(got, e.Snapshot().Origin.ExternalID), e.Snapshot().Content.Day, e.ID()
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%s, %d at a time: got %q, want %s", tt.name, limit, got, tt.want)
			}
		}
	}
	for _, by := range []identity.Principal{fixture.Person("ann"), fixture.Job(), fixture.Machine(identity.ReadTimesheets, identity.ApproveTimesheets)} {
		if _, _, err := o.Queue.Pending(t.Context(), by, timesheet.Day{}, timesheet.ID{}, 10); !errors.Is(err, fault.Forbidden) {
			t.Errorf("%s: %v", by.ID, err)
		}
	}
}

func TestTheQueueIsReadToItsEndWhileOthersDecide(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for i := range 24 {
		pending(t, o, fmt.Sprint(i))
	}
	var day timesheet.Day
	var id timesheet.ID
	var got []string
	for more := true; more; {
		var page []timesheet.Entry
		var err error
		if page, more, err = o.Queue.Pending(t.Context(), fixture.Approver("bob"), day, id, 5); err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			got, day, id = append(got, e.Snapshot().Origin.ExternalID), e.Snapshot().Content.Day, e.ID()
			if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), id, nil); err != nil {
				t.Error(err)
			}
		}
	}
	if slices.Sort(got); len(slices.Compact(got)) != 24 {
		t.Errorf("%d of 24 were met: %q", len(got), got)
	}
}
