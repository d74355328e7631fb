package job

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// Log writes a line for each new problem that the summary has, one for all that
// it has no room for, and one for the run.
func Log(ctx context.Context, log *slog.Logger, s importing.Summary, err error) {
	for _, p := range s.Problems {
		log.WarnContext(ctx, "row "+string(p.Outcome), "external_id", p.ExternalID, "worker", p.Worker, "date", p.Date, "project", p.Project, "code", p.Code, "why", p.Text)
	}
	if more := s.NewProblems - len(s.Problems); more > 0 {
		log.WarnContext(ctx, "more rows refused or in conflict", "more", more, "see", "GET /v1/imports/"+s.Import+"/rows")
	}
	for _, text := range s.UnreadableTexts {
		log.WarnContext(ctx, "unreadable entry", "why", text)
	}
	if more := s.Unreadable - len(s.UnreadableTexts); more > 0 {
		log.WarnContext(ctx, "more unreadable entries", "more", more)
	}
	attributes := []any{
		"source", s.Source, "import_id", s.Import, "mode", string(s.Mode), "window", s.Window.String(), "dry_run", s.DryRun, "exit", importing.ExitCode(s, err),
		"read", s.Read, "created", s.Created, "updated", s.Updated, "unchanged", s.Unchanged, "deleted", s.Deleted, "conflicts", s.Conflicts, "rejected", s.Rejected,
		"unanswered", s.Unanswered(), "new_problems", s.NewProblems, "known_problems", s.KnownProblems, "running", s.Running, "unreadable", s.Unreadable,
		"pages", s.Pages, "batches", s.Batches, "retries", s.Retries, "reread", s.Reread,
		"cursor_before", s.CursorBefore, "cursor", s.Cursor, "deletions_skipped", s.DeletionsSkipped,
		"took", seconds(s.Took.Total), "tracker_took", seconds(s.Took.Tracker), "api_took", seconds(s.Took.API),
	}
	if err != nil {
		log.ErrorContext(ctx, "import not finished", append(attributes, "error", err)...)
		return
	}
	log.InfoContext(ctx, "import finished", attributes...)
}

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// Print writes what a person wants to know of a run.
func Print(w io.Writer, s importing.Summary, err error) {
	verb := "Imported"
	if s.DryRun {
		verb = "Would import"
	}
	what, deleted := s.Source, "deleted"
	if s.Mode == importing.Mirror {
		what += " as a mirror"
	}
	if s.DryRun {
		deleted = "would be deleted"
	}
	fmt.Fprintf(w, "%s %s, %s: %d entries read in %s (tracker %s, API %s)\n", verb, what, s.Window, s.Read,
		s.Took.Total.Round(time.Millisecond), s.Took.Tracker.Round(time.Millisecond), s.Took.API.Round(time.Millisecond))
	for _, c := range []struct {
		n    int
		word string
		note string
	}{
		{s.Created, "created", ""},
		{s.Updated, "updated", ""},
		{s.Unchanged, "unchanged", ""},
		{s.Deleted, deleted, "the tracker no longer has them"},
		{s.Conflicts, "in conflict", ""},
		{s.Rejected, "refused", ""},
		{s.Unanswered(), "without an answer", "the next run brings them"},
		{s.Running, "left out", "their timer still runs"},
		{s.Unreadable, "unreadable", "they are no entries"},
	} {
		if c.n > 0 || c.note == "" {
			fmt.Fprintf(w, "%8d  %s%s\n", c.n, c.word, note(c.note))
		}
	}
	if s.DeletionsSkipped != "" {
		fmt.Fprintf(w, "Nothing was deleted (%s): the id of an entry could not be read.\n", s.DeletionsSkipped)
	}
	if s.KnownProblems > 0 {
		fmt.Fprintf(w, "%d of the refused or conflicting ones were known before.\n", s.KnownProblems)
	}
	if s.DryRun {
		printChanges(w, "Would be refused or conflict", s.Problems, s.NewProblems+s.KnownProblems)
		printChanges(w, "Would be created or updated", s.Changes, s.Created+s.Updated)
	} else {
		printChanges(w, "New problems", s.Problems, s.NewProblems)
	}
	for _, text := range s.UnreadableTexts {
		fmt.Fprintln(w, "unreadable:", printable(text))
	}
	printRun(w, s)
	title := "Hours that landed"
	if s.DryRun {
		title = "Hours that would land"
	}
	printHours(w, title, s.Hours)
	if err != nil {
		fmt.Fprintf(w, "\nNot finished: %s\n", printable(fault.Of(err).Text))
	}
}

// printRun says how the run is known, and how far the source was read.
func printRun(w io.Writer, s importing.Summary) {
	if s.Import == "" {
		return
	}
	fmt.Fprintf(w, "Import %s; ", s.Import)
	switch {
	case s.Cursor != s.CursorBefore:
		fmt.Fprintf(w, "the source is read up to %s, before: %s.\n", s.Cursor, orNever(s.CursorBefore))
	default:
		fmt.Fprintf(w, "the source is read up to %s, as before.\n", orNever(s.Cursor))
	}
}

func orNever(cursor string) string {
	if cursor == "" {
		return "no day yet"
	}
	return short(cursor, 40)
}

func note(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// printChanges writes a table of rows, of which there are all in all.
func printChanges(w io.Writer, title string, list []importing.Change, all int) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  what\tworker\tdate\tproject\thours\tentry\twhy")
	for _, c := range list {
		why := c.Code
		if c.Text != "" {
			why += ": " + c.Text
		}
		if c.Known {
			why += " (known)"
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%.2f\t%s\t%s\n", c.Outcome, short(c.Worker, 40), short(c.Date, 12), short(c.Project, 30), hours(c.Seconds), short(c.ExternalID, 40), short(why, 160))
	}
	table.Flush()
	if more := all - len(list); more > 0 {
		fmt.Fprintf(w, "  … and %d more\n", more)
	}
}

func hours(seconds int) float64 { return float64(seconds) / 3600 }

// short gives text on one line of at most so many characters.
func short(text string, most int) string {
	runes := []rune(printable(text))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

// printable gives text as a terminal may show it: whatever a tracker says, it
// moves no cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}
