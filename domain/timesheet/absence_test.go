package timesheet_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

func (l *life) judgeAbsence() timesheet.Verdict {
	at := receipt
	at.Period = l.period
	return timesheet.JudgeAbsence(l.held, at)
}

// vanishes is what a complete listing without the key does.
func vanishes(l *life) { l.store(l.judgeAbsence()) }

// proposed shows what the open correction asks for.
func proposed(l *life) string {
	switch c := l.held.Open; {
	case c == nil:
		return "nothing"
	case c.Deletion:
		return "deletion, " + string(c.Why)
	default:
		return said(c.Digest) + at(c.SourceUpdatedAt) + ", " + string(c.Why)
	}
}

func TestWhatAnAbsenceDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		given *life
		want  string
		then  string
		asks  string
	}{
		{"what never was stays so", after(), "unchanged", "nothing", "nothing"},
		{"an entry is deleted: its content is forgotten, its stamp is not", after(sends("8", 2)),
			"deleted", "v2 deleted by mirror, last none@2", "nothing"},
		{"one without a stamp", after(sends("8", 0)), "deleted", "v2 deleted by mirror, last none", "nothing"},
		{"a rejected one", after(sends("8", 0), rejects), "deleted", "v3 deleted by mirror, last none", "nothing"},
		{"a deleted one is deleted", after(sends("8", 1), vanishes), "unchanged", "v2 deleted by mirror, last none@1", "nothing"},
		{"also by hand", after(sends("8", 1), deletes), "unchanged", "v2 deleted by hand, last 8h@1", "nothing"},
		{"also by a revert", after(sends("8", 1), removes(timesheet.ByRevert)), "unchanged", "v2 deleted by revert, last none@1", "nothing"},
		{"one that came back", after(sends("8", 1), vanishes, sends("8", 1)), "deleted", "v4 deleted by mirror, last none@1", "nothing"},
		{"one on a closed day stays", after(sendsOn("2026-10-31", "8", 0), locks("2026-11-01")), "unchanged", "v1 pending 8h, last 8h", "nothing"},
		{"also when it is approved", after(sendsOn("2026-10-31", "8", 0), approves, locks("2026-11-01")), "unchanged", "v2 approved 8h, last 8h", "nothing"},

		{"of an approved one the deletion is proposed", after(sends("8", 1), approves),
			"conflict entry_approved", "v2 approved 8h, last 8h@1, proposed none", "deletion, entry_approved"},
		{"of an edited one too", after(sends("8", 1), edits("6")),
			"conflict edited_by_hand", "v2 pending 6h, last 8h@1, proposed none", "deletion, edited_by_hand"},
		{"once", after(sends("8", 1), approves, vanishes),
			"conflict entry_approved known", "v2 approved 8h, last 8h@1, proposed none", "deletion, entry_approved"},
		{"edited and approved since: the reason is another", after(sends("8", 1), edits("6"), vanishes, approves),
			"conflict entry_approved", "v3 approved 6h, last 8h@1, proposed none", "deletion, entry_approved"},
		{"what is proposed after a deletion is at an end", after(sends("8", 1), deletes, sends("7", 2)),
			"unchanged", "v2 deleted by hand, last 8h@1", "nothing"},
		{"but not on a closed day", after(sendsOn("2026-10-31", "8", 1), deletes, sendsOn("2026-10-31", "7", 2), locks("2026-11-01")),
			"unchanged", "v2 deleted by hand, last 8h@1, proposed 7h@2", "7h@2, deleted_by_hand"},
		{"it takes the place of a proposed change, whose stamp stays", after(sends("8", 1), approves, sends("7", 3)),
			"conflict entry_approved", "v2 approved 8h, last 8h@1, proposed none@3", "deletion, entry_approved"},
	} {
		v := tt.given.judgeAbsence()
		before := tt.given.held
		tt.given.store(v)
		if got, then, asks := told(v), tt.given.String(), proposed(tt.given); got != tt.want || then != tt.then || asks != tt.asks {
			t.Errorf("%s:\ngot  %s: %s; %s\nwant %s: %s; %s", tt.name, got, then, asks, tt.want, tt.then, tt.asks)
		}
		if before.Open != nil && tt.given.held.Open != nil && before.Open.ID != tt.given.held.Open.ID {
			t.Errorf("%s: another correction", tt.name)
		}
		if again := tt.given.judgeAbsence(); again.Writes() || v.CorrectionID != again.CorrectionID {
			t.Errorf("%s: the second time it writes %+v", tt.name, again)
		}
	}
}

func TestWhatComesAfterAnAbsence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		given    *life
		revision timesheet.Revision
		want     string
		then     string
		asks     string
	}{
		{"older is stale", after(sends("8", 2), vanishes), revision("7", 1), "unchanged stale", "v2 deleted by mirror, last none@2", "nothing"},
		{"equal is created again", after(sends("8", 2), vanishes), revision("8", 2), "created", "v3 pending 8h, last 8h@2", "nothing"},
		{"newer is created again", after(sends("8", 2), vanishes), revision("7", 3), "created", "v3 pending 7h, last 7h@3", "nothing"},
		{"absent is created again", after(sends("8", 2), vanishes), revision("8", 0), "created", "v3 pending 8h, last 8h@2", "nothing"},
		{"on a closed day it is not", after(sendsOn("2026-10-31", "8", 0), vanishes, locks("2026-11-01")), revision("8", 0, day("2026-10-31")),
			"rejected period_closed", "v2 deleted by mirror, last none", "nothing"},
		{"the source has the approved one again", after(sends("8", 1), approves, vanishes), revision("8", 1),
			"unchanged", "v2 approved 8h, last 8h@1", "nothing"},
		{"with a newer stamp", after(sends("8", 1), approves, vanishes), revision("8", 2),
			"unchanged", "v2 approved 8h, last 8h@2", "nothing"},
		{"the source has what was edited to", after(sends("8", 1), edits("6"), vanishes), revision("6", 0),
			"unchanged", "v2 pending 6h, last 6h@1", "nothing"},
		{"it has another: that is proposed instead", after(sends("8", 1), approves, vanishes), revision("7", 2),
			"conflict entry_approved", "v2 approved 8h, last 8h@1, proposed 7h@2", "7h@2, entry_approved"},
		{"an older one than a change that was proposed before", after(sends("8", 1), approves, sends("7", 3), vanishes), revision("6", 2),
			"unchanged stale", "v2 approved 8h, last 8h@1, proposed none@3", "deletion, entry_approved"},
		{"the change that was proposed before", after(sends("8", 1), approves, sends("7", 3), vanishes), revision("7", 3),
			"conflict entry_approved", "v2 approved 8h, last 8h@1, proposed 7h@3", "7h@3, entry_approved"},
	} {
		v := tt.given.judge(tt.revision)
		tt.given.store(v)
		if got, then, asks := told(v), tt.given.String(), proposed(tt.given); got != tt.want || then != tt.then || asks != tt.asks {
			t.Errorf("%s:\ngot  %s: %s; %s\nwant %s: %s; %s", tt.name, got, then, asks, tt.want, tt.then, tt.asks)
		}
	}
}

func TestADeletionSaysWhoAndWhen(t *testing.T) {
	t.Parallel()
	l := after(sends("8", 1))
	was := l.held.Entry.Snapshot()
	later := receipt
	later.Now, later.By, later.Run = fixture.Now.Add(time.Hour+time.Nanosecond), "robot", timesheet.ID{1}
	got := timesheet.JudgeAbsence(l.held, later).Entry.Snapshot()
	want := was
	want.Version, want.Change, want.UpdatedAt, want.UpdatedBy, want.ImportID = 2, timesheet.WasDeleted, fixture.Now.Add(time.Hour), "robot", timesheet.ID{1}
	want.Deletion, want.DeletedAt, want.Received.Digest = timesheet.ByMirror, fixture.Now.Add(time.Hour), timesheet.Digest{}
	if diff := cmp.Diff(want, got, plain); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	c := after(sends("8", 1), approves)
	v := timesheet.JudgeAbsence(c.held, later)
	s := c.held.Entry.Snapshot()
	asked := timesheet.Correction{
		ID: v.CorrectionID, Origin: s.Origin, EntryID: s.ID, Why: timesheet.IsApproved, Deletion: true, State: timesheet.CorrectionOpen, Version: 1,
		OpenedAt: fixture.Now.Add(time.Hour), ProposedAt: fixture.Now.Add(time.Hour), ProposedBy: "robot", ImportID: timesheet.ID{1},
	}
	if diff := cmp.Diff(&asked, v.Propose, plain); diff != "" || v.CorrectionID.IsZero() {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAProposalSaysWhatItProposes(t *testing.T) {
	t.Parallel()
	l := after(sends("8", 0), approves, sends("7", 0))
	id := l.held.Open.ID
	vanishes(l)
	if c := l.held.Open; !c.Deletion || c.ID != id || !c.Content.Same(timesheet.Content{}) || !c.Digest.IsZero() || c.EntryID != l.held.Entry.ID() {
		t.Errorf("a deletion: %+v", c)
	}
	sends("7", 0)(l)
	if c := l.held.Open; c.Deletion || c.ID != id || c.Content.Duration != fixture.Hours("7") {
		t.Errorf("a content: %+v", c)
	}
}

// undone gives the entry after what the steps did is undone.
func undone(before *life, steps ...step) (was, is, back timesheet.Snapshot) {
	was = before.held.Entry.Snapshot()
	earlier := before.held.Entry
	for _, s := range steps {
		s(before)
	}
	at := receipt
	at.By, at.Run, at.Now = "carl", timesheet.ID{2}, fixture.Now.Add(time.Hour)
	return was, before.held.Entry.Snapshot(), before.held.Entry.Undo(earlier, at).Snapshot()
}

func TestUndoingGivesTheEarlierStateBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		before *life
		did    []step
		change timesheet.Change
	}{
		{"an update", after(sends("8", 1)), []step{sends("7", 2)}, timesheet.WasUpdated},
		{"two updates", after(sends("8", 1)), []step{sends("7", 2), sends("6", 3)}, timesheet.WasUpdated},
		{"a move to another day", after(sends("8", 1)), []step{sendsOn("2026-11-10", "8", 2)}, timesheet.WasUpdated},
		{"an update of a rejected one", after(sends("8", 1), rejects), []step{sends("7", 2)}, timesheet.WasUpdated},
		{"a deletion", after(sends("8", 1)), []step{vanishes}, timesheet.WasRestored},
		{"a deletion of a rejected one", after(sends("8", 1), rejects), []step{vanishes}, timesheet.WasRestored},
		{"a return", after(sends("8", 1), vanishes), []step{sends("7", 2)}, timesheet.WasDeleted},
		{"a return and a change", after(sends("8", 1), vanishes), []step{sends("7", 2), sends("6", 3)}, timesheet.WasDeleted},
	} {
		was, is, back := undone(tt.before, tt.did...)
		want := was
		want.Version, want.Change = is.Version+1, tt.change
		want.UpdatedAt, want.UpdatedBy, want.ImportID = fixture.Now.Add(time.Hour), "carl", timesheet.ID{2}
		if was.Deletion != "" {
			want.DeletedAt = want.UpdatedAt
		}
		if diff := cmp.Diff(want, back, plain); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

func TestUndoingACreationDeletes(t *testing.T) {
	t.Parallel()
	for name, did := range map[string][]step{"created": {sends("8", 1)}, "created and changed": {sends("8", 1), sends("7", 2)}} {
		_, is, back := undone(after(), did...)
		want := is
		want.Version, want.Change, want.UpdatedAt, want.UpdatedBy, want.ImportID = is.Version+1, timesheet.WasDeleted, fixture.Now.Add(time.Hour), "carl", timesheet.ID{2}
		want.Deletion, want.DeletedAt, want.Received = timesheet.ByRevert, want.UpdatedAt, timesheet.Received{}
		if diff := cmp.Diff(want, back, plain); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		// Nothing is known of it any more: the very same revision creates it again.
		l := &life{held: timesheet.Held{Entry: sure(timesheet.Restore(back)), Exists: true}, period: timesheet.Period{Today: fixture.Friday}}
		if v := l.judge(revision("8", 1)); v.Outcome != timesheet.OutcomeCreated || v.Entry.ID() != is.ID {
			t.Errorf("%s, sent again: %s", name, told(v))
		}
	}
}

// Whatever an import does to whatever there was: undone, the entry counts and
// says what it did, and a valid entry it is.
func TestUndoingIsTheWayBack(t *testing.T) {
	t.Parallel()
	hours := rapid.SampledFrom([]string{"5", "6", "7", "8"})
	rapid.Check(t, func(t *rapid.T) {
		l := after()
		send := func(t *rapid.T) {
			l.store(l.judge(revision(hours.Draw(t, "hours"), rapid.IntRange(0, 4).Draw(t, "stamp"))))
		}
		imports := map[string]func(*rapid.T){"send": send, "vanish": func(*rapid.T) { vanishes(l) }}
		all := map[string]func(*rapid.T){
			"edit": func(t *rapid.T) { maybe(l, edits(hours.Draw(t, "hours"))) }, "delete": func(*rapid.T) { maybe(l, deletes) },
			"approve": func(*rapid.T) { maybe(l, approves) }, "reject": func(*rapid.T) { maybe(l, rejects) },
		}
		maps.Copy(all, imports)
		t.Repeat(all)
		before := l.held
		for range rapid.IntRange(1, 3).Draw(t, "steps") {
			imports[rapid.SampledFrom([]string{"send", "send", "vanish"}).Draw(t, "step")](t)
		}
		was, is := before.Entry.Snapshot(), l.held.Entry.Snapshot()
		if is.Version == was.Version {
			return // the import changed nothing: there is nothing to undo
		}
		back, err := timesheet.Restore(l.held.Entry.Undo(before.Entry, receipt).Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		s := back.Snapshot()
		if s.Version != is.Version+1 || back.Counted() != before.Entry.Counted() || s.Status != was.Status && before.Exists || s.HandBy != was.HandBy ||
			s.Received != was.Received || before.Exists && (s.Deletion != was.Deletion || !s.Content.Same(was.Content)) || !before.Exists && s.Deletion != timesheet.ByRevert {
			t.Fatalf("it was %+v\nbecame %+v\nand is %+v", was, is, s)
		}
	})
}
