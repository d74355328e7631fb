package timesheet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

// plain lets values be compared by what they hold.
var plain = cmp.AllowUnexported(timesheet.Day{}, timesheet.Duration{})

var cet = time.FixedZone("CET", 3600)

// recorded is an entry of ann's that she made by hand.
func recorded() timesheet.Entry {
	return timesheet.Record(timesheet.ID{15: 7}, fixture.Content(), "ann", fixture.Now)
}

func TestAnEntryMadeByHandHasItsOwnIDAsKey(t *testing.T) {
	t.Parallel()
	id := timesheet.ID{15: 7}
	want := timesheet.Snapshot{
		ID: id, Origin: timesheet.Origin{Source: "api", ExternalID: "00000000-0000-0000-0000-000000000007"}, Content: fixture.Full(),
		Status: timesheet.Pending, Version: 1, Change: timesheet.WasCreated, CreatedAt: fixture.Now, CreatedBy: "bob", UpdatedAt: fixture.Now, UpdatedBy: "bob", HandBy: "bob",
	}
	got := timesheet.Record(id, fixture.Full(), "bob", fixture.Now.In(cet).Add(999))
	if diff := cmp.Diff(want, got.Snapshot(), plain); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.Snapshot().CreatedAt != fixture.Now {
		t.Error("instants are UTC and whole microseconds, so that they compare equal once stored")
	}
	if got.Deleted() || got.TouchedByHand() || got.Counted() != 8*hour {
		t.Errorf("deleted %v, touched %v, counts %d", got.Deleted(), got.TouchedByHand(), got.Counted())
	}
}

func TestAmendingByHand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		entry timesheet.Entry
	}{
		{"an entry made by hand", recorded()},
		{"an imported one", after(sends("8", 1)).held.Entry},
		{"a rejected one is pending again", after(sends("8", 1), rejects).held.Entry},
		{"one that another edited", after(sends("8", 1), edits("6")).held.Entry},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := tt.entry.Snapshot()
			want.Content, want.Status, want.Version, want.Change = fixture.Full(), timesheet.Pending, want.Version+1, timesheet.WasUpdated
			want.UpdatedAt, want.UpdatedBy, want.ImportID, want.HandBy = stamp(3), "bob", timesheet.ID{}, "bob"
			want.DecidedAt, want.DecidedBy, want.Reason = time.Time{}, "", ""
			got, err := tt.entry.Amend(fixture.Full(), "bob", stamp(3).In(cet))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Snapshot(), plain); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestTheSameContentAgainChangesNothing(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]timesheet.Entry{
		"pending": recorded(), "imported": after(sends("8", 0)).held.Entry, "rejected": after(sends("8", 0), rejects).held.Entry,
	} {
		got, err := entry.Amend(entry.Snapshot().Content, "bob", stamp(3))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entry.Snapshot(), got.Snapshot(), plain); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestWithdrawingLeavesATombstone(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]timesheet.Entry{
		"pending": recorded(), "imported": after(sends("8", 1)).held.Entry, "rejected": after(sends("8", 1), rejects).held.Entry,
	} {
		want := entry.Snapshot()
		want.Version, want.Change, want.UpdatedAt, want.UpdatedBy, want.ImportID = want.Version+1, timesheet.WasDeleted, stamp(3), "ann", timesheet.ID{}
		want.HandBy, want.Deletion, want.DeletedAt = "ann", timesheet.ByHand, stamp(3)
		got, err := entry.Withdraw("ann", stamp(3).In(cet))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Snapshot(), plain); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		if !got.Deleted() || got.Counted() != 0 || entry.Deleted() {
			t.Errorf("%s: deleted %v, counts %d; before: %v", name, got.Deleted(), got.Counted(), entry.Deleted())
		}
	}
}

func TestWhatMayNotBeChangedByHand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		entry timesheet.Entry
		kind  fault.Kind
		code  string
	}{
		{"an approved entry", after(sends("8", 0), approves).held.Entry, fault.Conflict, "entry_approved"},
		{"one deleted by hand", after(sends("8", 0), deletes).held.Entry, fault.NotFound, "not_found"},
		{"one deleted by a mirror", after(sends("8", 0), removes(timesheet.ByMirror)).held.Entry, fault.NotFound, "not_found"},
		{"one approved and then removed", after(sends("8", 0), approves, removes(timesheet.ByRevert)).held.Entry, fault.NotFound, "not_found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, amended := tt.entry.Amend(fixture.Full(), "ann", fixture.Now)
			_, same := tt.entry.Amend(tt.entry.Snapshot().Content, "ann", fixture.Now)
			_, withdrawn := tt.entry.Withdraw("ann", fixture.Now)
			for name, err := range map[string]error{"amended": amended, "amended to the same": same, "withdrawn": withdrawn} {
				if !errors.Is(err, tt.kind) || codeOf(err) != tt.code {
					t.Errorf("%s: got %v, want %s", name, err, tt.code)
				}
			}
		})
	}
}

func TestTouchedByHandIsWhatASourceSentAndAPersonChanged(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		entry timesheet.Entry
		want  bool
	}{
		"imported":       {after(sends("8", 0)).held.Entry, false},
		"edited":         {after(sends("8", 0), edits("6")).held.Entry, true},
		"deleted":        {after(sends("8", 0), deletes).held.Entry, true},
		"approved":       {after(sends("8", 0), approves).held.Entry, false},
		"rejected":       {after(sends("8", 0), rejects).held.Entry, false},
		"made by hand":   {recorded(), false},
		"removed":        {after(sends("8", 0), removes(timesheet.ByMirror)).held.Entry, false},
		"nothing at all": {timesheet.Entry{}, false},
	} {
		if got := tt.entry.TouchedByHand(); got != tt.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestAStoredEntryComesBackOrIsCorrupt(t *testing.T) {
	t.Parallel()
	for _, e := range []timesheet.Entry{recorded(), after(sends("8", 1), edits("6"), approves).held.Entry, after(sends("8", 1), deletes).held.Entry} {
		back, err := timesheet.Restore(e.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e.Snapshot(), back.Snapshot(), plain); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	for name, spoil := range map[string]func(*timesheet.Snapshot){
		"no id":                       func(s *timesheet.Snapshot) { s.ID = timesheet.ID{} },
		"no status":                   func(s *timesheet.Snapshot) { s.Status = "" },
		"a status of another kind":    func(s *timesheet.Snapshot) { s.Status = "open" },
		"version 0":                   func(s *timesheet.Snapshot) { s.Version = 0 },
		"no change":                   func(s *timesheet.Snapshot) { s.Change = "" },
		"nobody's":                    func(s *timesheet.Snapshot) { s.Content.UserID = "" },
		"on no day":                   func(s *timesheet.Snapshot) { s.Content.Day = timesheet.Day{} },
		"of no time":                  func(s *timesheet.Snapshot) { s.Content.Duration = timesheet.Duration{} },
		"deleted, but nobody how":     func(s *timesheet.Snapshot) { s.DeletedAt = fixture.Now },
		"deleted, but nobody when":    func(s *timesheet.Snapshot) { s.Deletion = timesheet.ByHand },
		"nothing, as a zero Entry is": func(s *timesheet.Snapshot) { *s = timesheet.Snapshot{} },
	} {
		s := recorded().Snapshot()
		spoil(&s)
		if _, err := timesheet.Restore(s); !errors.Is(err, fault.Internal) || codeOf(err) != "entry_corrupt" {
			t.Errorf("%s: got %v, want entry_corrupt", name, err)
		}
	}
}

func TestAStatusIsReadByItsName(t *testing.T) {
	t.Parallel()
	for _, s := range []timesheet.Status{timesheet.Pending, timesheet.Approved, timesheet.Rejected} {
		if got, err := timesheet.ParseStatus(string(s)); err != nil || got != s {
			t.Errorf("%s: got %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Pending", "open", "submitted", "pending ", "*"} {
		if got, err := timesheet.ParseStatus(s); !errors.Is(err, fault.Invalid) || codeOf(err) != "not_a_status" || got != "" {
			t.Errorf("%q: got %s, %v", s, got, err)
		}
	}
}
