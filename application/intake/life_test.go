package intake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture/office"
)

// lived shows every key of Source as it is, with its version and what is
// proposed.
func lived(t *testing.T, o *office.Office) map[string]string {
	t.Helper()
	all := states(t, o)
	for key, is := range all {
		proposal := ""
		if err := o.Pool.QueryRow(t.Context(), `SELECT coalesce((SELECT '; proposed ' || CASE WHEN deletion THEN 'deletion' ELSE round(seconds / 3600.0) || 'h' END FROM corrections
			WHERE source = $1 AND external_id = $2 AND state = 'open'), '')`, office.Source, key).Scan(&proposal); err != nil {
			t.Fatal(err)
		}
		all[key] = fmt.Sprintf("v%d %s%s", o.Held(t, key).Snapshot().Version, is, proposal)
	}
	return all
}

// A source is imported, edited, deleted from, moved about, edited and deleted
// from by hand, approved, imported again, mirrored and reverted. After each
// step exactly what the contract says has changed, and nothing else.
func TestTheLifeOfASource(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	row := func(key, hours string, stamp int, edits ...func(*intake.Row)) intake.Row {
		return office.Row(key, append([]func(*intake.Row){office.Hours(hours), office.Stamped(stamp), office.On(map[string]string{
			"a": "2026-11-02", "b": "2026-11-03", "c": "2026-11-04", "d": "2026-11-05", "e": "2026-11-06", "f": "2026-11-07"}[key])}, edits...)...)
	}
	receive := func(outcomes string, rows ...intake.Row) func() timesheet.ID {
		return func() timesheet.ID {
			r := o.Receive(t, rows...)
			if got := office.Outcomes(r); got != outcomes {
				t.Errorf("received: %s, want %s", got, outcomes)
			}
			return r.ImportID
		}
	}
	sweep := func(deleted int, rows ...intake.Row) func() timesheet.ID {
		return func() timesheet.ID {
			run := begin(t, o, mirror)
			bring(t, o, run, 1, rows...)
			if ended := complete(t, o, run, cursor(o.Clock.Now().String())); ended.Deleted != deleted {
				t.Errorf("mirrored: %+v, want %d deleted", ended.Counts, deleted)
			}
			return run.ID
		}
	}
	byHand := func(do func(*testing.T)) func() timesheet.ID {
		return func() timesheet.ID { do(t); return timesheet.ID{} }
	}
	var first, swept, returned timesheet.ID
	reverting := func(id *timesheet.ID, want intake.Counts) func() timesheet.ID {
		return func() timesheet.ID {
			r := revert(t, o, *id)
			if r.Counts != want {
				t.Errorf("reverted: %+v, want %+v: %s", r.Counts, want, told(r))
			}
			return r.ImportID
		}
	}
	bobs := office.Of("bob")
	for _, step := range []struct {
		name string
		do   func() timesheet.ID
		note *timesheet.ID
		want map[string]string // what has changed
	}{
		{"import", receive("created created created created created", row("a", "8", 1), row("b", "8", 1), row("c", "8", 1), row("d", "8", 1), row("e", "8", 1)), &first, map[string]string{
			"a": "v1 pending 8h Website of ann on 2026-11-02, received this@1", "b": "v1 pending 8h Website of ann on 2026-11-03, received this@1",
			"c": "v1 pending 8h Website of ann on 2026-11-04, received this@1", "d": "v1 pending 8h Website of ann on 2026-11-05, received this@1",
			"e": "v1 pending 8h Website of ann on 2026-11-06, received this@1",
		}},
		{"the same import again", receive("unchanged unchanged unchanged unchanged unchanged", row("a", "8", 1), row("b", "8", 1), row("c", "8", 1), row("d", "8", 1), row("e", "8", 1)), nil, nil},
		{"edited in the source", receive("updated", row("a", "7", 2)), nil, map[string]string{"a": "v2 pending 7h Website of ann on 2026-11-02, received this@2"}},
		{"the former revision, late", receive("unchanged:stale", row("a", "8", 1)), nil, nil},
		{"deleted in the source", sweep(1, row("a", "7", 2), row("c", "8", 1), row("d", "8", 1), row("e", "8", 1)), nil, map[string]string{
			"b": "v2 pending 8h Website of ann on 2026-11-03, deleted by mirror, received nothing@1",
		}},
		{"moved to another worker", receive("updated", row("c", "8", 2, bobs)), nil, map[string]string{"c": "v2 pending 8h Website of bob on 2026-11-04, received this@2"}},
		{"edited by hand", byHand(func(t *testing.T) { handEdit(t, o, "d", "6") }), nil, map[string]string{"d": "v2 pending 6h Website of ann on 2026-11-05, received another content@1"}},
		{"deleted by hand", byHand(func(t *testing.T) { handDelete(t, o, "e") }), nil, map[string]string{"e": "v2 pending 8h Website of ann on 2026-11-06, deleted by hand, received this@1"}},
		{"approved", byHand(func(t *testing.T) { approve(t, o, "a") }), nil, map[string]string{"a": "v3 approved 7h Website of ann on 2026-11-02, received this@2"}},
		{"imported again", receive("unchanged unchanged unchanged unchanged", row("a", "7", 2), row("c", "8", 2, bobs), row("d", "8", 1), row("e", "8", 1)), nil, nil},
		{"touched in the source, with nothing new in it", receive("unchanged unchanged", row("a", "7", 3), row("e", "8", 3)), nil, map[string]string{
			"a": "v3 approved 7h Website of ann on 2026-11-02, received this@3", "e": "v2 pending 8h Website of ann on 2026-11-06, deleted by hand, received this@3",
		}},
		{"edited in the source, after people decided", receive("conflict:entry_approved conflict:edited_by_hand conflict:deleted_by_hand", row("a", "5", 4), row("d", "5", 4), row("e", "5", 4)), nil, map[string]string{
			"a": "v3 approved 7h Website of ann on 2026-11-02, received this@3; proposed 5h", "d": "v2 pending 6h Website of ann on 2026-11-05, received another content@1; proposed 5h",
			"e": "v2 pending 8h Website of ann on 2026-11-06, deleted by hand, received this@3; proposed 5h",
		}},
		{"the same again", receive("conflict:entry_approved! conflict:edited_by_hand! conflict:deleted_by_hand!", row("a", "5", 4), row("d", "5", 4), row("e", "5", 4)), nil, nil},
		{"edited once more", receive("conflict:edited_by_hand unchanged:stale", row("d", "4", 5), row("a", "6", 3)), nil, map[string]string{
			"d": "v2 pending 6h Website of ann on 2026-11-05, received another content@1; proposed 4h",
		}},
		{"the source returns to what was approved", receive("unchanged", row("a", "7", 6)), nil, map[string]string{"a": "v3 approved 7h Website of ann on 2026-11-02, received this@6"}},
		{"what was deleted in the source returns, and something is new", receive("created created", row("b", "8", 1), row("f", "8", 1, bobs)), &returned, map[string]string{
			"b": "v3 pending 8h Website of ann on 2026-11-03, received this@1", "f": "v1 pending 8h Website of bob on 2026-11-07, received this@1",
		}},
		{"mirrored when almost everything is gone", sweep(2, row("b", "7", 2)), &swept, map[string]string{
			"a": "v3 approved 7h Website of ann on 2026-11-02, received this@6; proposed deletion", "b": "v4 pending 7h Website of ann on 2026-11-03, received this@2",
			"c": "v3 pending 8h Website of bob on 2026-11-04, deleted by mirror, received nothing@2", "d": "v2 pending 6h Website of ann on 2026-11-05, received another content@1; proposed deletion",
			"e": "v2 pending 8h Website of ann on 2026-11-06, deleted by hand, received this@3",
			"f": "v2 pending 8h Website of bob on 2026-11-07, deleted by mirror, received nothing@1",
		}},
		{"the same mirror again", sweep(0, row("b", "7", 2)), nil, nil},
		{"the former mirror reverted", reverting(&swept, intake.Counts{Received: 3, Created: 2, Updated: 1}), nil, map[string]string{
			"a": "v3 approved 7h Website of ann on 2026-11-02, received this@6", "b": "v5 pending 8h Website of ann on 2026-11-03, received this@1",
			"c": "v4 pending 8h Website of bob on 2026-11-04, received this@2", "d": "v2 pending 6h Website of ann on 2026-11-05, received another content@1",
			"f": "v3 pending 8h Website of bob on 2026-11-07, received this@1",
		}},
		{"reverted once more", reverting(&swept, intake.Counts{}), nil, nil},
		{"imported again, as the mirror had it", receive("updated unchanged", row("b", "7", 2), row("f", "8", 1, bobs)), nil, map[string]string{"b": "v6 pending 7h Website of ann on 2026-11-03, received this@2"}},
		{"the return reverted: one was changed since, the other a revert has given back", reverting(&returned, intake.Counts{Received: 1, Rejected: 1, Deleted: 1}), nil, map[string]string{
			"f": "v4 pending 8h Website of bob on 2026-11-07, deleted by revert, received nothing",
		}},
	} {
		o.Clock.Forward(time.Hour)
		before := lived(t, o)
		done := step.do()
		if step.note != nil {
			*step.note = done
		}
		changed := map[string]string{}
		for key, is := range lived(t, o) {
			if before[key] != is {
				changed[key] = is
			}
		}
		want := step.want
		if want == nil {
			want = map[string]string{}
		}
		if diff := cmp.Diff(want, changed); diff != "" {
			t.Errorf("%s (-want +got)\n%s", step.name, diff)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM entries`); n != 6 {
		t.Errorf("%d entries for 6 keys", n)
	}
	if n := o.Count(t, `SELECT count(*) FROM entries e WHERE (SELECT count(*) FROM history h WHERE h.id = e.id AND h.version < e.version) <> e.version - 1`); n != 0 {
		t.Errorf("%d entries have gaps in their history", n)
	}
	if got := look(t, o, first).Counts; got != (intake.Counts{Received: 5, Created: 5}) {
		t.Errorf("the first import counts %+v", got)
	}
}
