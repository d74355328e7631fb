package timesheet_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

func TestADecisionSaysWhoMadeItAndWhen(t *testing.T) {
	t.Parallel()
	entry := after(sends("8", 1)).held.Entry
	want := entry.Snapshot()
	want.Status, want.Version, want.Change, want.ImportID = timesheet.Approved, 2, timesheet.WasApproved, timesheet.ID{}
	want.UpdatedAt, want.UpdatedBy, want.DecidedAt, want.DecidedBy = stamp(3), "bob", stamp(3), "bob"
	approved, err := entry.Approve("bob", stamp(3).In(cet).Add(999))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, approved.Snapshot(), plain); diff != "" {
		t.Errorf("approved (-want +got)\n%s", diff)
	}
	want.Status, want.Change, want.Reason = timesheet.Rejected, timesheet.WasRejected, "Which project?"
	rejected, err := entry.Reject("bob", "Which project?", stamp(3))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rejected.Snapshot(), plain); diff != "" {
		t.Errorf("rejected (-want +got)\n%s", diff)
	}
	if approved.Counted() != 8*hour || rejected.Counted() != 0 {
		t.Errorf("approved counts %d, rejected %d", approved.Counted(), rejected.Counted())
	}
}

func TestWhoMayDecideWhat(t *testing.T) {
	t.Parallel()
	pending, annsEdit := after(sends("8", 0)).held.Entry, after(sends("8", 0), edits("6")).held.Entry
	carolsEdit := sure(pending.Amend(fixture.Full(), "carol", fixture.Now))
	const (
		done      = ""
		nothing   = "nothing changes"
		own       = "own_entry"
		byYou     = "changed_by_you"
		decidedNo = "entry_rejected"
		decided   = "entry_approved"
		unknown   = "not_found"
	)
	for _, tt := range []struct {
		name            string
		entry           timesheet.Entry
		by              string
		approve, reject string
	}{
		{"another's pending entry", pending, "bob", done, done},
		{"one's own", pending, "ann", own, own},
		{"one that its worker edited", annsEdit, "bob", done, done},
		{"one's own, edited", annsEdit, "ann", own, own},
		{"one that another approver edited", carolsEdit, "bob", done, done},
		{"one that one edited oneself", carolsEdit, "carol", byYou, byYou},
		{"one that one made for its worker", timesheet.Record(fixture.NewID(), fixture.Content(), "bob", fixture.Now), "bob", byYou, byYou},
		{"one that its worker made", recorded(), "bob", done, done},
		{"an approved one", after(sends("8", 0), approves).held.Entry, "carol", nothing, decided},
		{"one's own, approved", after(sends("8", 0), approves).held.Entry, "ann", own, own},
		{"a rejected one", after(sends("8", 0), rejects).held.Entry, "carol", decidedNo, nothing},
		{"a deleted one", after(sends("8", 0), deletes).held.Entry, "bob", unknown, unknown},
		{"one's own, deleted", after(sends("8", 0), deletes).held.Entry, "ann", unknown, unknown},
		{"user ids are compared byte for byte", pending, "Ann", done, done},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			approved, errApproved := tt.entry.Approve(tt.by, fixture.Now)
			rejected, errRejected := tt.entry.Reject(tt.by, "why?", fixture.Now)
			for _, d := range []struct {
				name, want string
				after      timesheet.Entry
				err        error
			}{{"approve", tt.approve, approved, errApproved}, {"reject", tt.reject, rejected, errRejected}} {
				got := codeOf(d.err)
				if d.err == nil && d.after.Snapshot().Version == tt.entry.Snapshot().Version {
					got = nothing
				}
				if got != d.want {
					t.Errorf("%s: got %q, want %q", d.name, got, d.want)
				}
			}
		})
	}
}

func TestTheKindsOfRefusedDecisions(t *testing.T) {
	t.Parallel()
	_, own := recorded().Approve("ann", fixture.Now)
	_, twice := after(sends("8", 0), approves).held.Entry.Reject("carol", "why?", fixture.Now)
	_, gone := after(sends("8", 0), deletes).held.Entry.Approve("bob", fixture.Now)
	for name, tt := range map[string]struct {
		err  error
		kind fault.Kind
	}{"own": {own, fault.Forbidden}, "approved": {twice, fault.Conflict}, "deleted": {gone, fault.NotFound}} {
		if !errors.Is(tt.err, tt.kind) {
			t.Errorf("%s: got %v, want %v", name, tt.err, tt.kind)
		}
	}
}

func TestARejectionNeedsAReason(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		"": "required", " \t\n": "required", "\u2003": "required", "?": "", strings.Repeat("ß", 2000): "", strings.Repeat("ß", 2001): "length",
		"a\x00": "nul", "\xff": "not_utf8", strings.Repeat(" ", 2001): "required",
	} {
		entry, err := after(sends("8", 0)).held.Entry.Reject("bob", reason, fixture.Now)
		got := ""
		if err != nil {
			got = fault.Of(err).Fields[0].Code
			if fault.Of(err).Fields[0].Pointer != "/reason" || !errors.Is(err, fault.Invalid) {
				t.Errorf("%.20q: %v does not name the reason", reason, err)
			}
		} else if entry.Snapshot().Reason != reason {
			t.Errorf("%.20q became %.20q", reason, entry.Snapshot().Reason)
		}
		if got != want {
			t.Errorf("%.20q: got %q, want %q", reason, got, want)
		}
	}
}

func TestAChangeTakesTheDecisionBack(t *testing.T) {
	t.Parallel()
	entry := sure(after(sends("8", 0), rejects).held.Entry.Amend(fixture.Full(), "ann", stamp(2)))
	s := entry.Snapshot()
	if s.Status != timesheet.Pending || s.DecidedAt != (time.Time{}) || s.DecidedBy != "" || s.Reason != "" {
		t.Errorf("still decided: %+v", s)
	}
	if approved, err := entry.Approve("bob", stamp(3)); err != nil || approved.Snapshot().Status != timesheet.Approved {
		t.Errorf("cannot be approved after the change: %v", err)
	}
}
