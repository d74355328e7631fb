package job_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"timesheets/application/importing"
	"timesheets/bootstrap/assembly/job"
	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

func printed(s importing.Summary, err error) string {
	var b bytes.Buffer
	job.Print(&b, s, err)
	return b.String()
}

func day(t *testing.T, text string) timesheet.Day {
	t.Helper()
	d, err := timesheet.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestASummaryReadsLikeThis(t *testing.T) {
	t.Parallel()
	got := printed(importing.Summary{
		Source: "kimai", Window: importing.Window{From: day(t, "2026-10-01"), To: day(t, "2026-10-31")},
		Mode: importing.Mirror, Deleted: 3, Import: "01a1fa02-09c0-7c3b-9f2e-5b8f0c1d2e3f", Cursor: "2026-10-31T08:00:00Z",
		Read: 12, Counts: importing.Counts{Created: 7, Updated: 1, Unchanged: 2, Conflicts: 1, Rejected: 1}, NewProblems: 1, KnownProblems: 1, Running: 1,
		Problems: []importing.Change{{ExternalID: "7", Worker: "ann", Date: "2026-10-05", Project: "Web", Seconds: 90_000, Outcome: importing.Rejected, Code: "out_of_range", Text: "Too long."}},
		Hours: []importing.WorkerWeek{
			{Worker: "ann", Week: day(t, "2026-10-05").Week(), Seconds: 5400},
			{Worker: "ann", Week: day(t, "2026-10-19").Week(), Seconds: 3600},
			{Worker: "bob", Week: day(t, "2026-10-12").Week(), Seconds: 36_000},
		},
		Took: importing.Took{Total: 1500 * time.Millisecond, Tracker: time.Second, API: 250 * time.Millisecond},
	}, nil)
	want := `Imported kimai as a mirror, 2026-10-01 to 2026-10-31: 12 entries read in 1.5s (tracker 1s, API 250ms)
       7  created
       1  updated
       2  unchanged
       3  deleted (the tracker no longer has them)
       1  in conflict
       1  refused
       1  left out (their timer still runs)
1 of the refused or conflicting ones were known before.

New problems
  what      worker  date        project  hours  entry  why
  rejected  ann     2026-10-05  Web      25.00  7      out_of_range: Too long.
Import 01a1fa02-09c0-7c3b-9f2e-5b8f0c1d2e3f; the source is read up to 2026-10-31T08:00:00Z, before: no day yet.

Hours that landed
       2026-W41  2026-W42  2026-W43    all
  ann      1.50         –      1.00   2.50
  bob         –     10.00         –  10.00
`
	if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A summary has room for so many; whoever reads the log learns that there are
// more, and where.
func TestTheLogSaysHowManyProblemsItDoesNotShow(t *testing.T) {
	t.Parallel()
	logged := func(s importing.Summary) string {
		var b bytes.Buffer
		job.Log(t.Context(), slog.New(slog.NewTextHandler(&b, nil)), s, nil)
		return b.String()
	}
	s := importing.Summary{Import: "01a1fa02", NewProblems: 1000, Problems: make([]importing.Change, 200), Unreadable: 300, UnreadableTexts: make([]string, 200)}
	if got := logged(s); strings.Count(got, "\n") != 200+1+200+1+1 || !strings.Contains(got, "more=800 see=\"GET /v1/imports/01a1fa02/rows\"") || !strings.Contains(got, "more=100\n") {
		t.Errorf("got\n%s", got)
	}
	s.NewProblems, s.Unreadable = 200, 200
	if got := logged(s); strings.Contains(got, "more") {
		t.Errorf("got\n%s", got)
	}
}

func TestAMirrorThatDeletedNothingSaysWhy(t *testing.T) {
	t.Parallel()
	got := printed(importing.Summary{Mode: importing.Mirror, DeletionsSkipped: "unreadable_key"}, nil)
	if !strings.Contains(got, "Nothing was deleted (unreadable_key)") || strings.Contains(got, "Import ;") {
		t.Errorf("got\n%s", got)
	}
}

func TestARunThatFailedSaysWhyInWords(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("import: %w", fault.Wrap(errors.New("dial tcp 10.0.0.1"), fault.Unavailable, "api_unreachable", "The API cannot be reached."))
	got := printed(importing.Summary{Read: 5}, err)
	if !strings.Contains(got, "Not finished: The API cannot be reached.") || !strings.Contains(got, "5  without an answer") || strings.Contains(got, "10.0.0.1") {
		t.Errorf("got\n%s", got)
	}
}

func TestWhatATrackerSaysMovesNoCursorAndFillsNoScreen(t *testing.T) {
	t.Parallel()
	evil := "\x1b[2J\x1b]0;owned\x07\r\n\u202e" + strings.Repeat("x", 5000)
	s := importing.Summary{
		DryRun: true, NewProblems: 1000, UnreadableTexts: []string{evil},
		Problems: []importing.Change{{ExternalID: evil, Worker: evil, Date: evil, Project: evil, Code: "c", Text: evil}},
	}
	for i := range 500 {
		s.Hours = append(s.Hours, importing.WorkerWeek{Worker: evil + fmt.Sprint(i), Week: day(t, "2026-10-05").Add(7 * i).Week(), Seconds: 1})
	}
	got := printed(s, nil)
	if strings.ContainsAny(got, "\x1b\x07\r\u202e") {
		t.Error("control characters reach the terminal")
	}
	for line := range strings.SplitSeq(got, "\n") {
		if len([]rune(line)) > 400 && !strings.HasPrefix(line, "unreadable:") {
			t.Errorf("a line of %d characters", len([]rune(line)))
		}
	}
	if n := strings.Count(got, "\n"); n > 60 || !strings.Contains(got, "and 999 more") || !strings.Contains(got, "and 460 more workers") {
		t.Errorf("%d lines", n)
	}
}
