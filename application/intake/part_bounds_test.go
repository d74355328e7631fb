package intake_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/test/fixture/office"
)

// almostFull gives a run the record of a part that leaves so much room.
func almostFull(t *testing.T, o *office.Office, run intake.Import, problems, text int) {
	t.Helper()
	o.Exec(t, `INSERT INTO import_parts (org_id, import_id, part, digest, report, received, created, updated, unchanged, conflicts, rejected, text_bytes, at)
		VALUES ('default', $1, 1000, '', '', $2, 0, 0, 0, 7, $2 - 7, $3, now())`, run.ID, intake.MaxProblems-problems, intake.MaxKeptTextRun-text)
}

func TestARunHasABoundOfProblems(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := begin(t, o)
	almostFull(t, o, run, 2, 1000)
	bad := func(key string) intake.Row { return office.Row(key, office.Project("")) }
	before := o.Footprint(t)
	_, err := upload(t.Context(), o, run, 1, bad("1"), bad("2"), bad("3"), office.Row("good"))
	if codeOf(err) != "too_many_problems" || !errors.Is(err, fault.Conflict) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
		t.Errorf("it wrote (-before +after)\n%s", diff)
	}
	bring(t, o, run, 1, bad("1"), bad("2"), office.Row("good"))
	if _, err := upload(t.Context(), o, run, 2, bad("3")); codeOf(err) != "too_many_problems" {
		t.Errorf("one more: %v", err)
	}
	bring(t, o, run, 2, office.Row("good"), office.Row("better", office.On("2026-11-19")))
	if got := look(t, o, run.ID); got.State != intake.Open || got.Rejected+got.Conflicts != intake.MaxProblems {
		t.Errorf("the run is %+v", got)
	}
	complete(t, o, run)
}

func TestPartsAtOnceDoNotPassTheBoundTogether(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := begin(t, o)
	almostFull(t, o, run, 5, 50)
	codes := make([]string, 8)
	var sends []func()
	for n := range codes {
		sends = append(sends, func() {
			_, err := upload(t.Context(), o, run, n+1, office.Row(fmt.Sprint("good ", n), office.Of(fmt.Sprint("worker ", n))), office.Row(fmt.Sprint("bad ", n), office.Project(""),
				func(r *intake.Row) { r.Text = []byte("exactly 20 bytes ...") }))
			codes[n] = codeOf(err)
		})
	}
	atOnce(sends...)
	slices.Sort(codes)
	if got := strings.Join(codes, " "); got != "     too_many_problems too_many_problems too_many_problems" {
		t.Errorf("got %q", got)
	}
	if got := look(t, o, run.ID); got.Rejected+got.Conflicts != intake.MaxProblems || got.Created != 5 {
		t.Errorf("the run counts %+v", got.Counts)
	}
	if n := o.Count(t, `SELECT sum(octet_length(row_text)) FROM import_rows`); n != 40 {
		t.Errorf("%d bytes of text are kept, there was room for 40 of two rows", n)
	}
}

func TestTheTextThatARunKeepsIsBoundedOverAllItsParts(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := begin(t, o)
	almostFull(t, o, run, 100, 10)
	of := func(key string, n int) intake.Row {
		return office.Row(key, office.Project(""), func(r *intake.Row) { r.Text = []byte(strings.Repeat("x", n)) })
	}
	bring(t, o, run, 1, of("6 of 10", 6), of("5 too much", 5))
	bring(t, o, run, 2, of("5 too much again", 5), of("the last 4", 4), of("none left", 1), of("nothing", 0))
	var got []string
	for _, k := range kept(t, o, run.ID) {
		got = append(got, fmt.Sprint(k.Part, " ", k.ExternalID, " ", len(k.Text), " ", k.TextTruncated))
	}
	want := []string{"1 6 of 10 6 false", "1 5 too much 0 true", "2 5 too much again 0 true", "2 the last 4 4 false", "2 none left 0 true", "2 nothing 0 false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
