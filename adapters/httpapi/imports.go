package httpapi

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

type importJSON struct {
	ID         string   `json:"id"`
	Source     string   `json:"source"`
	Mode       string   `json:"mode"`
	Kind       string   `json:"kind"`
	State      string   `json:"state"`
	DryRun     bool     `json:"dry_run"`
	From       string   `json:"from,omitempty"`
	To         string   `json:"to,omitempty"`
	UserIDs    []string `json:"user_ids,omitempty"`
	LeaseUntil string   `json:"lease_until,omitempty"`
	Cursor     string   `json:"cursor,omitempty"`
	Reverts    string   `json:"reverts,omitempty"`
	StartedAt  string   `json:"started_at"`
	EndedAt    string   `json:"ended_at,omitempty"`
	CreatedBy  string   `json:"created_by"`
	countsJSON `json:",inline"`
}

func showImport(i intake.Import) importJSON {
	return importJSON{
		ID: i.ID.String(), Source: i.Source, Mode: string(i.Mode), Kind: string(i.Kind), State: string(i.State), DryRun: i.DryRun,
		From: showDay(i.Scope.From), To: showDay(i.Scope.To), UserIDs: i.Scope.UserIDs, LeaseUntil: showInstant(i.LeaseEnd), Cursor: i.Cursor,
		Reverts: showID(i.Reverts), StartedAt: showInstant(i.StartedAt), EndedAt: showInstant(i.EndedAt), CreatedBy: i.CreatedBy,
		countsJSON: countsJSON(i.Counts),
	}
}

func (s *Server) getImport(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	id, err := importID(c)
	if err != nil {
		return err
	}
	i, err := s.application.Lookback.Import(ctx, by, id)
	if err != nil {
		return err
	}
	return answer(c, fiber.StatusOK, showImport(i))
}

// importPlace is where a page of imports begins, in a cursor.
type importPlace struct {
	StartedAt time.Time `json:"s"`
	ID        string    `json:"i"`
}

func (s *Server) listImports(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	list, err := readList[importPlace](c, "source")
	if err != nil {
		return err
	}
	if list.has("source") {
		if err := timesheet.CheckSource(list.get("source")); err != nil {
			return fault.InField("/source", fault.Of(err).Code, "%s", fault.Of(err).Text)
		}
	}
	var after intake.ImportPlace
	if list.after != nil {
		if after.ID, err = timesheet.ParseID(list.after.ID); err != nil || list.after.StartedAt.IsZero() {
			return malformedCursor()
		}
		after.StartedAt = list.after.StartedAt
	}
	page, more, err := s.application.Lookback.Imports(ctx, by, list.get("source"), after, list.limit)
	if err != nil {
		return err
	}
	shown := make([]importJSON, len(page))
	for i, one := range page {
		shown[i] = showImport(one)
	}
	if more {
		last := page[len(page)-1]
		if err := linkNext(c, list.selection, importPlace{last.StartedAt, last.ID.String()}); err != nil {
			return err
		}
	}
	return answer(c, fiber.StatusOK, shown)
}

func importID(c *fiber.Ctx) (timesheet.ID, error) {
	id, err := timesheet.ParseID(c.Params("id"))
	if err != nil {
		return id, fault.New(fault.NotFound, "not_found", "There is no such import.")
	}
	return id, nil
}

type keptRowJSON struct {
	Index         int           `json:"index"`
	Part          int           `json:"part,omitzero"`
	ExternalID    string        `json:"external_id,omitempty"`
	Outcome       string        `json:"outcome"`
	Code          string        `json:"code"`
	Error         *rowErrorJSON `json:"error"`
	CorrectionID  string        `json:"correction_id,omitempty"`
	Known         bool          `json:"known"`
	Text          string        `json:"text,omitempty"`
	TextTruncated bool          `json:"text_truncated"`
}

// rowPlace is where a page of kept rows begins, in a cursor.
type rowPlace struct {
	Part  int `json:"p"`
	Index int `json:"i"`
}

func (s *Server) listImportRows(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	id, err := importID(c)
	if err != nil {
		return err
	}
	list, err := readList[rowPlace](c)
	if err != nil {
		return err
	}
	after := intake.FirstRow
	if list.after != nil {
		after = intake.RowPlace(*list.after)
		if after.Part < 0 || after.Part > 1<<31-1 || after.Index < 0 || after.Index > 1<<31-1 {
			return malformedCursor()
		}
	}
	page, more, err := s.application.Lookback.Rows(ctx, by, id, after, list.limit)
	if err != nil {
		return err
	}
	shown := make([]keptRowJSON, len(page))
	for n, r := range page {
		shown[n] = keptRowJSON{
			Index: r.Index, Part: r.Part, ExternalID: r.ExternalID, Outcome: string(r.Outcome), Code: r.Code, Error: showRowError(r.Problem),
			CorrectionID: showID(r.CorrectionID), Known: r.Known, Text: showText(r.Text), TextTruncated: r.TextTruncated,
		}
	}
	if more {
		last := page[len(page)-1]
		if err := linkNext(c, list.selection, rowPlace{last.Part, last.Index}); err != nil {
			return err
		}
	}
	return answer(c, fiber.StatusOK, shown)
}

// showText is a row as it was sent; bytes that are not UTF-8, for which it may
// have been refused, show as U+FFFD.
func showText(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	return string([]rune(string(text)))
}
