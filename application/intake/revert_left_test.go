package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// Given back by another revert, it is left alone for the same reasons, and
// named once.
func TestWhatARevertGaveBackIsNamedOnce(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	first := o.Receive(t, office.Row("locked", office.On("2026-10-30")), office.Row("free")).ImportID
	second := o.Receive(t, office.Row("locked", office.On("2026-10-30"), office.Hours("7")), office.Row("free", office.Hours("7"))).ImportID
	revert(t, o, second)
	locked := o.With(office.Settings{LockBefore: "2026-11-01"})
	r, err := locked.Reverter.Revert(t.Context(), fixture.Job(), first)
	if err != nil || told(r) != "locked=rejected:touched_since" || r.Counts != (intake.Counts{Received: 1, Rejected: 1, Deleted: 1}) {
		t.Errorf("%+v, %s, %v", r.Counts, told(r), err)
	}
}

func TestARevertLeavesAloneAndNamesWhatOthersTouched(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("retouched", office.On("2026-11-12")), office.Row("between", office.On("2026-11-10")), office.Row("stamped since", office.On("2026-11-09"), office.Stamped(1)))
	run := begin(t, o)
	rows := []intake.Row{
		office.Row("alone"), office.Row("edited", office.On("2026-11-19")), office.Row("hand deleted", office.On("2026-11-18")), office.Row("approved", office.On("2026-11-17")),
		office.Row("rejected", office.On("2026-11-16")), office.Row("uploaded", office.On("2026-11-15")), office.Row("mirrored", office.On("2026-11-14")),
		office.Row("there and back", office.On("2026-11-13")), office.Row("retouched", office.On("2026-11-12"), office.Hours("7")), office.Row("between", office.On("2026-11-10"), office.Hours("7")),
		office.Row("stamped since", office.On("2026-11-09"), office.Stamped(2)),
	}
	bring(t, o, run, 1, rows...)
	if _, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), o.Held(t, "between").ID(), "no", nil); err != nil {
		t.Fatal(err)
	}
	bring(t, o, run, 2, office.Row("between", office.On("2026-11-10"), office.Hours("6")))
	complete(t, o, run)
	handEdit(t, o, "edited", "6")
	handDelete(t, o, "hand deleted")
	approve(t, o, "approved")
	if _, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), o.Held(t, "rejected").ID(), "no", nil); err != nil {
		t.Fatal(err)
	}
	o.Receive(t, office.Row("uploaded", office.On("2026-11-15"), office.Hours("7")), office.Row("retouched", office.On("2026-11-12"), office.Hours("6")), office.Row("stamped since", office.On("2026-11-09"), office.Stamped(3)))
	complete(t, o, begin(t, o, mirror, days("2026-11-14", "2026-11-14")), allowEmpty)
	for _, hours := range []string{"7", "8"} {
		o.Receive(t, office.Row("there and back", office.On("2026-11-13"), office.Hours(hours)))
	}
	before := states(t, o)
	want := "approved=rejected:entry_approved between=rejected:touched_since edited=rejected:touched_since hand deleted=rejected:touched_since " +
		"mirrored=rejected:touched_since rejected=rejected:touched_since retouched=rejected:touched_since there and back=rejected:touched_since uploaded=rejected:touched_since"
	for round := range 3 {
		r := revert(t, o, run.ID)
		var got []string
		for i, result := range r.Results {
			got = append(got, fmt.Sprintf("%s=%s", result.ExternalID, strings.Fields(office.Outcomes(r))[i]))
			if result.ID != o.Held(t, result.ExternalID).ID() {
				t.Errorf("%s is named as %s", result.ExternalID, result.ID)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("round %d\ngot  %s\nwant %s", round, strings.Join(got, " "), want)
		}
		if deleted := map[int]int{0: 1}[round]; r.Deleted != deleted || r.Created+r.Updated != 0 {
			t.Errorf("round %d did %+v", round, r.Counts)
		}
	}
	after := states(t, o)
	if got := after["alone"]; !strings.Contains(got, "deleted by revert") {
		t.Errorf("what nobody touched is %s", got)
	}
	delete(before, "alone")
	delete(after, "alone")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
}

// What a run received without changing anything returns, unless something else
// was received since.
func TestARevertLeavesLaterReceiptsAlone(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	content := []string{"returns", "caught up", "caught up twice"}
	stamped := []string{"stamp returns", "stamped twice"}
	on := func(i int) func(*intake.Row) { return office.On(fmt.Sprintf("2026-11-%02d", i+1)) }
	for i, key := range append(content, stamped...) {
		o.Receive(t, office.Row(key, on(i), office.Stamped(1)))
	}
	// The source catches up with what people write: that is nothing new.
	catchUp := func(hours string, keys ...string) (rows []intake.Row) {
		for i, key := range content {
			if slices.Contains(keys, key) {
				handEdit(t, o, key, hours)
				rows = append(rows, office.Row(key, on(i), office.Hours(hours)))
			}
		}
		return rows
	}
	before := states(t, o)
	run := begin(t, o)
	bring(t, o, run, 1, append(catchUp("6", content...), office.Row("stamp returns", on(3), office.Stamped(2)), office.Row("stamped twice", on(4), office.Stamped(2)))...)
	complete(t, o, run)
	o.Receive(t, append(catchUp("5", "caught up twice"), office.Row("stamped twice", on(4), office.Stamped(3)))...)
	if r := revert(t, o, run.ID); r.Counts != (intake.Counts{}) {
		t.Errorf("it did %+v: %s", r.Counts, told(r))
	}
	after := states(t, o)
	for key, want := range map[string]string{
		"returns": "pending 6h Website of ann on 2026-11-01, received another content@1", "caught up": "pending 6h Website of ann on 2026-11-02, received another content@1",
		"caught up twice": "pending 5h Website of ann on 2026-11-03, received this@1", "stamp returns": before["stamp returns"],
		"stamped twice": "pending 8h Website of ann on 2026-11-05, received this@3",
	} {
		if after[key] != want {
			t.Errorf("%s is %s, want %s", key, after[key], want)
		}
	}
}

// It is no longer the doing of the run that was reverted, whoever touches it.
func TestWhatCameAgainAfterARevertIsNotNamed(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := o.Receive(t, office.Row("again"), office.Row("edited", office.On("2026-11-19"))).ImportID
	revert(t, o, run)
	o.Receive(t, office.Row("again"), office.Row("edited", office.On("2026-11-19")))
	handEdit(t, o, "edited", "6")
	before := states(t, o)
	if r := revert(t, o, run); r.Counts != (intake.Counts{}) {
		t.Errorf("it did %+v: %s", r.Counts, told(r))
	}
	if diff := cmp.Diff(before, states(t, o)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
}

func TestARevertLeavesAloneWhatIsLockedOrHasNoRoom(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("locked", office.On("2026-10-31")), office.Row("was locked", office.On("2026-10-30")), office.Row("was long", office.Hours("20")), office.Row("was long too", office.On("2026-11-19"), office.Hours("20")))
	run := begin(t, o)
	bring(t, o, run, 1, office.Row("locked", office.On("2026-10-31"), office.Hours("7")), office.Row("was locked", office.On("2026-11-10")), office.Row("now locked", office.On("2026-10-29")),
		office.Row("was long", office.Hours("1")), office.Row("was long too", office.On("2026-11-19"), office.Hours("1")), office.Row("created", office.On("2026-11-10"), office.Hours("2")))
	complete(t, o, run)
	o.Receive(t, office.Row("filler", office.Hours("5")))
	locked := o.With(office.Settings{LockBefore: "2026-11-01"})
	before := states(t, o)
	r, err := locked.Reverter.Revert(t.Context(), fixture.Job(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, result := range r.Results {
		got[result.ExternalID] = result.Code
	}
	want := map[string]string{"locked": "period_closed", "was locked": "period_closed", "now locked": "period_closed", "was long": "day_over_24h"}
	if diff := cmp.Diff(want, got); diff != "" || r.Counts != (intake.Counts{Received: 5, Updated: 1, Rejected: 4, Deleted: 1}) {
		t.Errorf("%+v (-want +got)\n%s", r.Counts, diff)
	}
	after := states(t, o)
	for key := range want {
		if after[key] != before[key] {
			t.Errorf("%s was %s and is %s", key, before[key], after[key])
		}
	}
	// When there is room again, and the period is open, it goes on.
	handDelete(t, o, "filler")
	if again := revert(t, o, run.ID); again.Counts != (intake.Counts{Received: 3, Updated: 3, Deleted: 1}) {
		t.Errorf("again: %+v, %s", again.Counts, told(again))
	}
}

// More than a step's worth: what a later step frees makes room for an earlier.
func TestARevertOfThousands(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("a", office.Hours("23")))
	run := begin(t, o)
	// The first entry of the run grows back into what all others fill now.
	bring(t, o, run, 1, append([]intake.Row{office.Row("a", office.Hours("1"))}, office.Rows(2500, func(i int, r *intake.Row) {
		r.ExternalID = fmt.Sprintf("b%04d", i)
		r.Content.Duration = fixture.Seconds(30)
	})...)...)
	complete(t, o, run)
	r := revert(t, o, run.ID)
	if r.Counts != (intake.Counts{Received: 1, Updated: 1, Deleted: 2500}) || live(t, o) != "a" || o.Held(t, "a").Snapshot().Content.Duration.Hours() != "23" {
		t.Errorf("it did %+v, left is %q", r.Counts, live(t, o))
	}
}
