package httpapi

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// changeJSON is one change of an entry.
type changeJSON struct {
	Number   int64  `json:"number"`
	Index    int    `json:"index"`
	Type     string `json:"type"`
	At       string `json:"at"`
	By       string `json:"by"`
	ImportID string `json:"import_id,omitempty"`
	Before   any    `json:"before,omitempty"`
	Entry    any    `json:"entry"`
}

// tombstoneJSON is what is shown of a deleted entry.
type tombstoneJSON struct {
	ID         string `json:"id"`
	Source     string `json:"source"`
	ExternalID string `json:"external_id"`
	DeletedAt  string `json:"deleted_at"`
}

// showState is an entry, or its tombstone.
func showState(e timesheet.Entry) any {
	if s := e.Snapshot(); e.Deleted() {
		return tombstoneJSON{s.ID.String(), s.Origin.Source, s.Origin.ExternalID, showInstant(s.DeletedAt)}
	}
	return showEntry(e)
}

// versionPlace is where a page of a history begins, in a cursor.
type versionPlace struct {
	Version int `json:"v"`
}

func (s *Server) listHistory(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	id, err := entryID(c)
	if err != nil {
		return err
	}
	list, err := readList[versionPlace](c)
	if err != nil {
		return err
	}
	before := 0
	if list.after != nil {
		if before = list.after.Version; before < 1 || before > 1<<31-1 {
			return malformedCursor()
		}
	}
	page, more, err := s.application.Reviewer.History(ctx, by, id, before, list.limit)
	if err != nil {
		return err
	}
	shown := make([]changeJSON, len(page))
	for i, change := range page {
		after := change.After.Snapshot()
		shown[i] = changeJSON{
			Number: change.Number, Index: change.Index, Type: string(after.Change), At: showInstant(after.UpdatedAt), By: after.UpdatedBy,
			ImportID: showID(after.ImportID), Entry: showState(change.After),
		}
		if !change.Before.ID().IsZero() {
			shown[i].Before = showState(change.Before)
		}
	}
	if more {
		if err := linkNext(c, list.selection, versionPlace{page[len(page)-1].After.Snapshot().Version}); err != nil {
			return err
		}
	}
	return answer(c, fiber.StatusOK, shown)
}
