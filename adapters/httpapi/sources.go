package httpapi

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"timesheets/application/intake"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

type sourceJSON struct {
	Source       string      `json:"source"`
	Cursor       string      `json:"cursor,omitempty"`
	CursorImport string      `json:"cursor_import_id,omitempty"`
	LastImport   *importJSON `json:"last_import,omitempty"`
	AgeSeconds   *int64      `json:"age_seconds,omitempty"`
}

func (s *Server) showSource(from intake.Source) sourceJSON {
	shown := sourceJSON{Source: from.Name, Cursor: from.Cursor, CursorImport: showID(from.CursorFrom)}
	if !from.Last.ID.IsZero() {
		last := showImport(from.Last)
		age := int64(s.now().Sub(from.Last.EndedAt).Seconds())
		shown.LastImport, shown.AgeSeconds = &last, &age
	}
	return shown
}

// namePlace is where a page of sources begins, in a cursor.
type namePlace struct {
	Name string `json:"n"`
}

func (s *Server) listSources(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	list, err := readList[namePlace](c)
	if err != nil {
		return err
	}
	after := ""
	if list.after != nil {
		if after = list.after.Name; timesheet.CheckSource(after) != nil {
			return malformedCursor()
		}
	}
	page, more, err := s.application.Lookback.Sources(ctx, by, after, list.limit)
	if err != nil {
		return err
	}
	shown := make([]sourceJSON, len(page))
	for i, from := range page {
		shown[i] = s.showSource(from)
	}
	if more {
		if err := linkNext(c, list.selection, namePlace{page[len(page)-1].Name}); err != nil {
			return err
		}
	}
	return answer(c, fiber.StatusOK, shown)
}

func (s *Server) getSource(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	name, err := pathParam(c, "source")
	if err != nil {
		return err
	}
	from, err := s.application.Lookback.Source(ctx, by, name)
	if err != nil {
		return err
	}
	return answer(c, fiber.StatusOK, s.showSource(from))
}
