package timesheet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

// The contract's "Identity and revisions", sentence by sentence. 8@2 are eight
// hours, changed at the second instant.
func TestWhatARevisionDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		given    *life
		revision timesheet.Revision
		want     string
		then     string
	}{
		{"a new key is created", after(), revision("8", 0),
			"created", "v1 pending 8h, last 8h"},
		{"with its stamp", after(), revision("8", 2),
			"created", "v1 pending 8h, last 8h@2"},
		{"a second upload is nothing", after(sends("8", 0)), revision("8", 0),
			"unchanged", "v1 pending 8h, last 8h"},
		{"or an update", after(sends("8", 0)), revision("7", 0),
			"updated", "v2 pending 7h, last 7h"},

		{"an older stamp than the last received is stale", after(sends("8", 2)), revision("7", 1),
			"unchanged stale", "v1 pending 8h, last 8h@2"},
		{"also with the content that was received before", after(sends("8", 1), sends("7", 2)), revision("8", 1),
			"unchanged stale", "v2 pending 7h, last 7h@2"},
		{"also with the content last received", after(sends("8", 2)), revision("8", 1),
			"unchanged stale", "v1 pending 8h, last 8h@2"},
		{"an equal stamp: content decides that it is new", after(sends("8", 2)), revision("7", 2),
			"updated", "v2 pending 7h, last 7h@2"},
		{"an equal stamp: content decides that it is the same", after(sends("8", 2)), revision("8", 2),
			"unchanged", "v1 pending 8h, last 8h@2"},
		{"no stamp: content decides that it is new, and the last known stamp stands", after(sends("8", 2)), revision("7", 0),
			"updated", "v2 pending 7h, last 7h@2"},
		{"no stamp: content decides that it is the same", after(sends("8", 2)), revision("8", 0),
			"unchanged", "v1 pending 8h, last 8h@2"},
		{"the stamp that stands still decides", after(sends("8", 2), sends("7", 0)), revision("6", 1),
			"unchanged stale", "v2 pending 7h, last 7h@2"},
		{"a newer stamp", after(sends("8", 1)), revision("7", 2),
			"updated", "v2 pending 7h, last 7h@2"},
		{"a newer stamp brings an old content back", after(sends("8", 1), sends("7", 2)), revision("8", 3),
			"updated", "v3 pending 8h, last 8h@3"},
		{"a newer stamp is kept with the same content", after(sends("8", 1)), revision("8", 2),
			"unchanged", "v1 pending 8h, last 8h@2"},
		{"a first stamp is kept with the same content", after(sends("8", 0)), revision("8", 2),
			"unchanged", "v1 pending 8h, last 8h@2"},
		{"a first stamp is no older than none", after(sends("8", 0)), revision("7", 1),
			"updated", "v2 pending 7h, last 7h@1"},

		{"the same revision is unchanged after a hand edit", after(sends("8", 1), edits("6")), revision("8", 1),
			"unchanged", "v2 pending 6h, last 8h@1"},
		{"and a newer stamp is kept", after(sends("8", 1), edits("6")), revision("8", 2),
			"unchanged", "v2 pending 6h, last 8h@2"},
		{"the same revision is unchanged after a hand delete", after(sends("8", 1), deletes), revision("8", 1),
			"unchanged", "v2 deleted by hand, last 8h@1"},
		{"the same revision is unchanged once approved", after(sends("8", 0), approves), revision("8", 0),
			"unchanged", "v2 approved 8h, last 8h"},
		{"the same revision is unchanged once rejected", after(sends("8", 0), rejects), revision("8", 0),
			"unchanged", "v2 rejected 8h, last 8h"},
		{"a new revision after a hand edit is a conflict", after(sends("8", 1), edits("6")), revision("7", 2),
			"conflict edited_by_hand", "v2 pending 6h, last 8h@1, proposed 7h@2"},
		{"a new revision after a hand delete is a conflict", after(sends("8", 0), deletes), revision("7", 0),
			"conflict deleted_by_hand", "v2 deleted by hand, last 8h, proposed 7h"},
		{"a new revision after approval is a conflict", after(sends("8", 0), approves), revision("7", 0),
			"conflict entry_approved", "v2 approved 8h, last 8h, proposed 7h"},
		{"edited and approved: the approval counts", after(sends("8", 0), edits("6"), approves), revision("7", 0),
			"conflict entry_approved", "v3 approved 6h, last 8h, proposed 7h"},
		{"an older revision after a hand edit is stale", after(sends("8", 2), edits("6")), revision("7", 1),
			"unchanged stale", "v2 pending 6h, last 8h@2"},
		{"a hand edit to what was sent is a hand edit still", after(sends("8", 0), edits("6"), edits("8")), revision("7", 0),
			"conflict edited_by_hand", "v3 pending 8h, last 8h, proposed 7h"},

		{"the same again is known", after(sends("8", 0), edits("6"), sends("7", 0)), revision("7", 0),
			"conflict edited_by_hand known", "v2 pending 6h, last 8h, proposed 7h"},
		{"the same again with its stamp", after(sends("8", 1), edits("6"), sends("7", 2)), revision("7", 2),
			"conflict edited_by_hand known", "v2 pending 6h, last 8h@1, proposed 7h@2"},
		{"the same again without a stamp", after(sends("8", 1), edits("6"), sends("7", 2)), revision("7", 0),
			"conflict edited_by_hand known", "v2 pending 6h, last 8h@1, proposed 7h@2"},
		{"the same again with a newer stamp, which is kept", after(sends("8", 1), edits("6"), sends("7", 2)), revision("7", 3),
			"conflict edited_by_hand known", "v2 pending 6h, last 8h@1, proposed 7h@3"},
		{"a newer revision replaces the proposal", after(sends("8", 1), edits("6"), sends("7", 2)), revision("5", 3),
			"conflict edited_by_hand", "v2 pending 6h, last 8h@1, proposed 5h@3"},
		{"so does one of the same instant", after(sends("8", 1), edits("6"), sends("7", 2)), revision("5", 2),
			"conflict edited_by_hand", "v2 pending 6h, last 8h@1, proposed 5h@2"},
		{"so does one without a stamp, and the proposal's stands", after(sends("8", 1), edits("6"), sends("7", 2)), revision("5", 0),
			"conflict edited_by_hand", "v2 pending 6h, last 8h@1, proposed 5h@2"},
		{"one older than the proposal is stale", after(sends("8", 1), edits("6"), sends("7", 3)), revision("5", 2),
			"unchanged stale", "v2 pending 6h, last 8h@1, proposed 7h@3"},
		{"the proposal again, once the entry is approved, is another conflict", after(sends("8", 0), edits("6"), sends("7", 0), approves), revision("7", 0),
			"conflict entry_approved", "v3 approved 6h, last 8h, proposed 7h"},
		{"a source that returns to what it sent closes the correction", after(sends("8", 1), approves, sends("7", 2)), revision("8", 3),
			"unchanged", "v2 approved 8h, last 8h@3"},
		{"without a stamp too", after(sends("8", 1), edits("6"), sends("7", 2)), revision("8", 0),
			"unchanged", "v2 pending 6h, last 8h@1"},
		{"so does one that agrees with the entry", after(sends("8", 0), edits("6"), sends("7", 0)), revision("6", 0),
			"unchanged", "v2 pending 6h, last 6h"},
		{"but not an older one", after(sends("8", 1), edits("6"), sends("7", 3)), revision("8", 2),
			"unchanged stale", "v2 pending 6h, last 8h@1, proposed 7h@3"},
		{"a person may do by hand what is proposed", after(sends("8", 0), edits("6"), sends("7", 0), edits("7")), revision("7", 0),
			"unchanged", "v3 pending 7h, last 7h"},
		{"a deleted entry has no present state to agree with", after(sends("8", 0), edits("6"), deletes), revision("6", 0),
			"conflict deleted_by_hand", "v3 deleted by hand, last 8h, proposed 6h"},

		{"content equal to the present state is unchanged, and was received", after(sends("8", 1), edits("6")), revision("6", 2),
			"unchanged", "v2 pending 6h, last 6h@2"},
		{"also when it is approved", after(sends("8", 0), edits("6"), approves), revision("6", 0),
			"unchanged", "v3 approved 6h, last 6h"},
		{"after that the earlier one is a new revision", after(sends("8", 0), edits("6"), sends("6", 0)), revision("8", 0),
			"conflict edited_by_hand", "v2 pending 6h, last 6h, proposed 8h"},
		{"a change makes a rejected entry pending again", after(sends("8", 0), rejects), revision("7", 0),
			"updated", "v3 pending 7h, last 7h"},
		{"a rejected entry that was edited is a conflict all the same", after(sends("8", 0), edits("6"), rejects), revision("7", 0),
			"conflict edited_by_hand", "v3 rejected 6h, last 8h, proposed 7h"},

		{"what a mirror deleted comes back with an equal stamp", after(sends("8", 2), removes(timesheet.ByMirror)), revision("8", 2),
			"created", "v3 pending 8h, last 8h@2"},
		{"with a newer stamp", after(sends("8", 2), removes(timesheet.ByMirror)), revision("7", 3),
			"created", "v3 pending 7h, last 7h@3"},
		{"without a stamp", after(sends("8", 2), removes(timesheet.ByMirror)), revision("8", 0),
			"created", "v3 pending 8h, last 8h@2"},
		{"but not with an older one", after(sends("8", 2), removes(timesheet.ByMirror)), revision("8", 1),
			"unchanged stale", "v2 deleted by mirror, last none@2"},
		{"a rejected entry comes back pending", after(sends("8", 0), rejects, removes(timesheet.ByMirror)), revision("8", 0),
			"created", "v4 pending 8h, last 8h"},
		{"what came back can be deleted and come back again",
			after(sends("8", 0), removes(timesheet.ByMirror), sends("8", 0), removes(timesheet.ByMirror)), revision("8", 0),
			"created", "v5 pending 8h, last 8h"},
		{"what was reverted may be imported again", after(sends("8", 0), removes(timesheet.ByRevert)), revision("8", 0),
			"created", "v3 pending 8h, last 8h"},

		{"nothing is created in a closed period", after(locks("2026-11-21")), revision("8", 0),
			"rejected period_closed", "nothing"},
		{"nothing is updated", after(sends("8", 0), locks("2026-11-21")), revision("7", 0),
			"rejected period_closed", "v1 pending 8h, last 8h"},
		{"the first day of the open period is open", after(sends("8", 0), locks("2026-11-20")), revision("7", 0),
			"updated", "v2 pending 7h, last 7h"},
		{"nothing moves out of it", after(sendsOn("2026-10-31", "8", 0), locks("2026-11-01")), revision("8", 0),
			"rejected period_closed", "v1 pending 8h, last 8h"},
		{"nothing moves into it", after(sends("8", 0), locks("2026-11-01")), revision("8", 0, day("2026-10-31")),
			"rejected period_closed", "v1 pending 8h, last 8h"},
		{"unchanged rows stay unchanged", after(sends("8", 0), locks("2026-11-21")), revision("8", 0),
			"unchanged", "v1 pending 8h, last 8h"},
		{"and keep a newer stamp", after(sends("8", 1), locks("2026-11-21")), revision("8", 2),
			"unchanged", "v1 pending 8h, last 8h@2"},
		{"stale rows stay stale", after(sends("8", 2), locks("2026-11-21")), revision("7", 1),
			"unchanged stale", "v1 pending 8h, last 8h@2"},
		{"nothing is proposed", after(sends("8", 0), approves, locks("2026-11-21")), revision("7", 0),
			"rejected period_closed", "v2 approved 8h, last 8h"},
		{"what was proposed before stays so", after(sends("8", 0), approves, sends("7", 0), locks("2026-11-21")), revision("7", 0),
			"rejected period_closed", "v2 approved 8h, last 8h, proposed 7h"},
		{"and may still be taken back", after(sends("8", 0), approves, sends("7", 0), locks("2026-11-21")), revision("8", 0),
			"unchanged", "v2 approved 8h, last 8h"},
		{"nothing comes back", after(sends("8", 0), removes(timesheet.ByMirror), locks("2026-11-21")), revision("8", 0),
			"rejected period_closed", "v2 deleted by mirror, last none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := tt.given.judge(tt.revision)
			tt.given.store(v)
			got := [2]string{told(v), tt.given.String()}
			if diff := cmp.Diff([2]string{tt.want, tt.then}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAConflictKeepsItsCorrection(t *testing.T) {
	t.Parallel()
	l := after(sends("8", 1), edits("6"), sends("7", 2))
	first := *l.held.Open
	if first.ID.IsZero() || first.EntryID != l.held.Entry.ID() || first.Why != timesheet.EditedByHand || first.Origin != l.held.Entry.Snapshot().Origin {
		t.Errorf("the correction does not say what it is about: %+v", first)
	}
	if first.ProposedBy != receipt.By || first.ImportID != receipt.Run || !first.OpenedAt.Equal(fixture.Now) || !first.ProposedAt.Equal(fixture.Now) {
		t.Errorf("the correction does not say where it is from: %+v", first)
	}
	later := receipt
	later.Run, later.Now, later.By = timesheet.ID{15: 2}, stamp(9), "another-job"
	for name, r := range map[string]timesheet.Revision{"the same": revision("7", 2), "another": revision("5", 3), "a newer stamp": revision("7", 3)} {
		if v := timesheet.Judge(l.held, r, later); v.CorrectionID != first.ID {
			t.Errorf("%s: correction %s, want %s", name, v.CorrectionID, first.ID)
		}
	}
	if v := timesheet.Judge(l.held, revision("7", 2), later); v.Writes() {
		t.Errorf("the same proposal again writes something: %+v", v)
	}
	p := timesheet.Judge(l.held, revision("5", 3), later).Propose
	if p.ID != first.ID || p.OpenedAt != first.OpenedAt || p.ProposedAt != later.Now || p.ProposedBy != later.By || p.ImportID != later.Run {
		t.Errorf("the new proposal: %+v", p)
	}
	again := timesheet.Judge(l.held, revision("7", 3), later).Propose
	if again.SourceUpdatedAt != stamp(3) || again.ProposedAt != later.Now || again.ProposedBy != first.ProposedBy || again.ImportID != first.ImportID {
		t.Errorf("the same proposal with a newer stamp: %+v", again)
	}
	if diff := cmp.Diff(first, *l.held.Open, plain); diff != "" {
		t.Errorf("judging changed the correction that is held (-want +got)\n%s", diff)
	}
}

func TestAnUpdateSaysWhoMadeItAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	l := after(sends("8", 1), rejects)
	before := l.held.Entry.Snapshot()
	at := receipt
	at.Run, at.Now, at.By, at.Period = timesheet.ID{15: 2}, stamp(5).In(cet).Add(123), "another-job", l.period
	want := before
	want.Content, want.Status, want.Version, want.Change = revision("7", 2).Content, timesheet.Pending, 3, timesheet.WasUpdated
	want.UpdatedAt, want.UpdatedBy, want.ImportID = stamp(5), "another-job", timesheet.ID{15: 2}
	want.DecidedAt, want.DecidedBy, want.Reason = timesheet.Snapshot{}.DecidedAt, "", ""
	want.Received = timesheet.Received{Digest: revision("7", 2).Digest, SourceUpdatedAt: stamp(2)}
	if diff := cmp.Diff(want, timesheet.Judge(l.held, revision("7", 2), at).Entry.Snapshot(), plain); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(before, l.held.Entry.Snapshot(), plain); diff != "" {
		t.Errorf("judging changed the entry that is held (-want +got)\n%s", diff)
	}
}

func TestWhatComesBackIsTheSameEntry(t *testing.T) {
	t.Parallel()
	l := after(sends("8", 1), removes(timesheet.ByMirror))
	before := l.held.Entry.Snapshot()
	s := l.judge(revision("7", 2)).Entry.Snapshot()
	if s.ID != before.ID || s.Origin != before.Origin || s.CreatedAt != before.CreatedAt || s.Version != before.Version+1 {
		t.Errorf("another entry: %+v", s)
	}
	if s.Change != timesheet.WasRestored || s.Deletion != "" || !s.DeletedAt.IsZero() || s.HandBy != "" {
		t.Errorf("not restored: %+v", s)
	}
}

// Whatever happened before: a revision that was judged once changes nothing
// the next time, no outcome but created and updated changes the entry, and the
// short way comes to the same as the long one.
func TestJudgingIsQuietTheSecondTime(t *testing.T) {
	t.Parallel()
	hours := rapid.SampledFrom([]string{"5", "6", "7", "8"})
	revisions := rapid.Custom(func(t *rapid.T) timesheet.Revision {
		on := rapid.SampledFrom([]string{"2026-11-20", "2026-11-20", "2026-10-31"}).Draw(t, "day")
		return revision(hours.Draw(t, "hours"), rapid.IntRange(0, 3).Draw(t, "stamp"), day(on))
	})
	rapid.Check(t, func(t *rapid.T) {
		l := after()
		if rapid.Bool().Draw(t, "closed") {
			locks("2026-11-01")(l)
		}
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				r := revisions.Draw(t, "revision")
				before, open := l.held, l.held.Open != nil
				v := l.judge(r)
				if code, seen := r.SeenIn(before.Entry.Snapshot().Received); seen && before.Exists && !open {
					if told(v) != told(timesheet.Verdict{Outcome: timesheet.OutcomeUnchanged, Code: code}) || v.Writes() {
						t.Fatalf("%s: a glance says unchanged %s, judgement says %s", l, code, told(v))
					}
				}
				l.store(v)
				was, is := before.Entry.Snapshot(), l.held.Entry.Snapshot()
				changes := v.Outcome == timesheet.OutcomeCreated || v.Outcome == timesheet.OutcomeUpdated
				if changes != (is.Version == was.Version+1) || !changes && (is.Version != was.Version || !is.Content.Same(was.Content) || is.Status != was.Status) {
					t.Fatalf("%s made of version %d version %d", told(v), was.Version, is.Version)
				}
				if before.Exists && (is.ID != was.ID || is.Origin != was.Origin) {
					t.Fatalf("%s made another entry", told(v))
				}
				if changes && (was.Status == timesheet.Approved || was.HandBy != "" && was.Deletion != timesheet.ByMirror) {
					t.Fatalf("%s changed an entry that was %s and changed by %q", told(v), was.Status, was.HandBy)
				}
				again := l.judge(r)
				repeated := again.Outcome == timesheet.OutcomeUnchanged || again.Outcome == timesheet.OutcomeConflict && again.Known ||
					again.Outcome == timesheet.OutcomeRejected && v.Outcome == timesheet.OutcomeRejected
				if !repeated || again.Writes() {
					t.Fatalf("%s: %s the first time, %s the second", l, told(v), told(again))
				}
			},
			"edit":    func(t *rapid.T) { maybe(l, edits(hours.Draw(t, "hours"))) },
			"delete":  func(*rapid.T) { maybe(l, deletes) },
			"approve": func(*rapid.T) { maybe(l, approves) },
			"reject":  func(*rapid.T) { maybe(l, rejects) },
			"mirror": func(*rapid.T) {
				if s := l.held.Entry.Snapshot(); l.held.Exists && s.Status != timesheet.Approved && s.HandBy == "" && s.Deletion == "" {
					removes(timesheet.ByMirror)(l)
				}
			},
		})
	})
}

// maybe does the step to a life in which it is possible.
func maybe(l *life, s step) {
	if l.held.Exists && !l.held.Entry.Deleted() && l.held.Entry.Snapshot().Status == timesheet.Pending {
		s(l)
	}
}
