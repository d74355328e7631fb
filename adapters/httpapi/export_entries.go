package httpapi

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/gofiber/fiber/v2"

	"timesheets/application/timekeeping"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// exportEntries streams the whole selection, page by page by keyset: what is
// added or changed meanwhile may or may not be in it, and nothing is in it
// twice unless it moved to an earlier day.
func (s *Server) exportEntries(by identity.Principal, c *fiber.Ctx, mediaType string) error {
	sel, err := readSelection(c, entryFilters...)
	if err != nil {
		return err
	}
	filter, err := entryFilter(sel)
	if err != nil {
		return err
	}
	write, contentType := writeLines, typeNDJSON
	if mediaType == typeCSV {
		write, contentType = writeCSV, typeCSV+"; charset=utf-8; header=present"
	}
	var after timekeeping.Place
	first := true
	return exportPages(c, contentType, func(ctx context.Context) ([]byte, error) {
		page, more, err := s.application.Reviewer.List(ctx, by, filter, after, timekeeping.MaxPage)
		if err != nil {
			return nil, err
		}
		text, err := write(page, first)
		if err != nil {
			return nil, err
		}
		first = false
		if !more {
			return text, io.EOF
		}
		after = timekeeping.PlaceOf(page[len(page)-1])
		return text, nil
	})
}

// writeLines writes entries as NDJSON.
func writeLines(page []timesheet.Entry, _ bool) ([]byte, error) {
	var text bytes.Buffer
	for _, e := range page {
		if err := json.MarshalWrite(&text, showEntry(e), json.Deterministic(true)); err != nil {
			return nil, err
		}
		text.WriteByte('\n')
	}
	return text.Bytes(), nil
}

// entryColumns names the columns of an export, in their order.
var entryColumns = []string{
	"id", "user_id", "date", "week", "project", "task", "description", "hours", "seconds", "billable", "started_at", "time_zone", "tags",
	"status", "decided_at", "decided_by", "reason", "source", "external_id", "source_updated_at", "import_id", "version", "created_at", "updated_at", "created_by",
}

// writeCSV writes entries as a table, with a header before the first.
func writeCSV(page []timesheet.Entry, first bool) ([]byte, error) { //nolint:unparam // it stands in the place of writeLines, which can fail
	var text bytes.Buffer
	if first {
		writeRow(&text, entryColumns)
	}
	for _, entry := range page {
		e := showEntry(entry)
		writeRow(&text, []string{
			e.ID, plainCell(e.UserID), e.Date, e.Week, plainCell(e.Project), plainCell(e.Task), plainCell(e.Description), string(e.Hours),
			strconv.Itoa(e.Seconds), strconv.FormatBool(e.Billable), e.StartedAt, plainCell(e.TimeZone), plainCell(strings.Join(e.Tags, ", ")),
			e.Status, e.DecidedAt, plainCell(e.DecidedBy), plainCell(e.Reason), e.Source, plainCell(e.ExternalID), e.SourceUpdatedAt, e.ImportID,
			strconv.Itoa(e.Version), e.CreatedAt, e.UpdatedAt, plainCell(e.CreatedBy),
		})
	}
	return text.Bytes(), nil
}

// writeRow writes one record (RFC 4180, section 2). Line breaks inside a cell
// stay as they are: encoding/csv, told to end records with CRLF, drops each CR
// of the text and puts one before each LF.
func writeRow(text *bytes.Buffer, cells []string) {
	for i, cell := range cells {
		if i > 0 {
			text.WriteByte(',')
		}
		if strings.ContainsAny(cell, ",\"\r\n") || strings.TrimSpace(cell) != cell {
			text.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
		} else {
			text.WriteString(cell)
		}
	}
	text.WriteString("\r\n")
}

// formulaStarts are the characters that make a spreadsheet take a cell for a
// formula, or step over to what follows; full-width ones count where people
// write with them (OWASP, "CSV Injection").
const formulaStarts = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"

// plainCell keeps a spreadsheet from taking text for a formula: what begins
// like one gets an apostrophe before it.
func plainCell(text string) string {
	if first, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune(formulaStarts, first) {
		return "'" + text
	}
	return text
}
