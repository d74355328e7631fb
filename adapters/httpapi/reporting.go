package httpapi

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"timesheets/application/reporting"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// feedJSON is a page of the change feed. Once there was a change, Cursor is
// there even when nothing is new, so that a reader always knows where to go on.
type feedJSON struct {
	Changes []changeJSON `json:"changes"`
	Cursor  string       `json:"cursor,omitempty"`
	More    bool         `json:"more"`
}

// feedPlace is where a page of the feed begins, in a cursor.
type feedPlace struct {
	Number int64 `json:"n"`
	Index  int   `json:"i"`
}

func (s *Server) listChanges(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	list, err := readList[feedPlace](c)
	if err != nil {
		return err
	}
	var after reporting.Place
	if list.after != nil {
		if after = (reporting.Place{Number: list.after.Number, Index: list.after.Index}); after.Number < 1 || after.Index < 0 || after.Index > 1<<31-1 {
			return malformedCursor()
		}
	}
	page, more, err := s.application.Feed.Changes(ctx, by, after, list.limit)
	if err != nil {
		return err
	}
	shown := feedJSON{Changes: make([]changeJSON, len(page)), More: more, Cursor: list.get("cursor")}
	for i, change := range page {
		shown.Changes[i] = changeJSON{
			Number: change.Number, Index: change.Index, Type: string(change.Entry.Snapshot().Change), At: showInstant(change.At), By: change.By,
			ImportID: showID(change.ImportID), Entry: showState(change.Entry),
		}
		after = change.Place
	}
	if len(page) > 0 {
		if shown.Cursor, err = list.cursorAt(feedPlace{after.Number, after.Index}); err != nil {
			return err
		}
	}
	return answer(c, fiber.StatusOK, shown)
}

func (s *Server) reportHours(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	sel, err := readSelection(c, "group_by", "from", "to", "user_id")
	if err != nil {
		return err
	}
	filter, errFilter := entryFilter(sel)
	groups, errGroups := readGroups(sel.get("group_by"))
	if err := together(errFilter, errGroups); err != nil {
		return err
	}
	totals, err := s.application.Reporter.Hours(ctx, by, reporting.Question{GroupBy: groups, From: filter.From, To: filter.To, UserID: filter.UserID})
	if err != nil {
		return err
	}
	if preferred(c, jsonOrCSV) == typeCSV {
		return answerCSV(c, groups, totals)
	}
	shown := make([]map[string]any, len(totals))
	for i, t := range totals {
		row := map[string]any{"seconds": t.Seconds, "hours": jsontext.Value(timesheet.Hours(t.Seconds)), "entries": t.Entries}
		for n, g := range groups {
			row[string(g)] = t.Of[n]
			if g == reporting.ByBillable {
				row[string(g)] = t.Of[n] == "true"
			}
		}
		shown[i] = row
	}
	return answer(c, fiber.StatusOK, shown)
}

// readGroups reads names separated by commas; none is one total.
func readGroups(text string) ([]reporting.Group, error) {
	var groups []reporting.Group
	for name := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		g := reporting.Group(strings.TrimSpace(name))
		if !slices.Contains(reporting.Groups(), g) || slices.Contains(groups, g) {
			return nil, fault.InField("/group_by", "not_a_choice", "group_by is a list, separated by commas, of user_id, project, week, month, status, billable and source, each at most once.")
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// answerCSV sends a report as a table with a header.
func answerCSV(c *fiber.Ctx, groups []reporting.Group, totals []reporting.Total) error {
	var text bytes.Buffer
	row := make([]string, 0, len(groups)+3)
	for _, g := range groups {
		row = append(row, string(g))
	}
	writeRow(&text, append(row, "seconds", "hours", "entries"))
	for _, t := range totals {
		row = row[:0]
		for _, of := range t.Of {
			row = append(row, plainCell(of))
		}
		writeRow(&text, append(row, strconv.FormatInt(t.Seconds, 10), timesheet.Hours(t.Seconds), strconv.FormatInt(t.Entries, 10)))
	}
	c.Status(fiber.StatusOK).Set(fiber.HeaderContentType, typeCSV+"; charset=utf-8; header=present")
	c.Response().SetBodyRaw(text.Bytes())
	return nil
}
