package httpapi

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"timesheets/domain/timesheet"
)

// entryJSON is an entry as it is shown. A member without a value is left out.
type entryJSON struct {
	ID              string         `json:"id"`
	UserID          string         `json:"user_id"`
	Date            string         `json:"date"`
	Week            string         `json:"week"`
	Project         string         `json:"project"`
	Task            string         `json:"task,omitempty"`
	Description     string         `json:"description,omitempty"`
	Seconds         int            `json:"seconds"`
	Hours           jsontext.Value `json:"hours"`
	Billable        bool           `json:"billable"`
	StartedAt       string         `json:"started_at,omitempty"`
	TimeZone        string         `json:"time_zone,omitempty"`
	Tags            []string       `json:"tags,omitempty"`
	Status          string         `json:"status"`
	Approved        bool           `json:"approved"`
	DecidedBy       string         `json:"decided_by,omitempty"`
	DecidedAt       string         `json:"decided_at,omitempty"`
	Reason          string         `json:"reason,omitempty"`
	Source          string         `json:"source"`
	ExternalID      string         `json:"external_id,omitempty"`
	SourceUpdatedAt string         `json:"source_updated_at,omitempty"`
	ImportID        string         `json:"import_id,omitempty"`
	Version         int            `json:"version"`
	CreatedAt       string         `json:"created_at"`
	UpdatedAt       string         `json:"updated_at"`
	CreatedBy       string         `json:"created_by"`
	DeletedAt       string         `json:"deleted_at,omitempty"`
}

func showEntry(e timesheet.Entry) entryJSON {
	s := e.Snapshot()
	shown := entryJSON{
		ID: s.ID.String(), UserID: s.Content.UserID, Date: s.Content.Day.String(), Week: s.Content.Day.Week().String(),
		Project: s.Content.Project, Task: s.Content.Task, Description: s.Content.Description,
		Seconds: s.Content.Duration.Seconds(), Hours: jsontext.Value(s.Content.Duration.Hours()), Billable: s.Content.Billable,
		StartedAt: showInstant(s.Content.StartedAt), TimeZone: s.Content.TimeZone, Tags: s.Content.Tags,
		Status: string(s.Status), Approved: s.Status == timesheet.Approved,
		DecidedBy: s.DecidedBy, DecidedAt: showInstant(s.DecidedAt), Reason: s.Reason,
		Source: s.Origin.Source, SourceUpdatedAt: showInstant(s.Received.SourceUpdatedAt), ImportID: showID(s.ImportID),
		Version: s.Version, CreatedAt: showInstant(s.CreatedAt), UpdatedAt: showInstant(s.UpdatedAt), CreatedBy: s.CreatedBy,
		DeletedAt: showInstant(s.DeletedAt),
	}
	if s.Origin.Source != timesheet.SourceAPI {
		shown.ExternalID = s.Origin.ExternalID
	}
	return shown
}

func showEntries(entries []timesheet.Entry) []entryJSON {
	shown := make([]entryJSON, len(entries))
	for i, e := range entries {
		shown[i] = showEntry(e)
	}
	return shown
}

// showInstant is RFC 3339 in UTC with microseconds at most; "" for none.
func showInstant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}

// showID is "" for none.
func showID(id timesheet.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// answerEntry sends one entry with its entity tag.
func answerEntry(c *fiber.Ctx, status int, e timesheet.Entry) error {
	tagged(c, int64(e.Snapshot().Version))
	return answer(c, status, showEntry(e))
}

// entryPlace is where a page of entries begins, in a cursor.
type entryPlace struct {
	Day int    `json:"d"` // days since 1970-01-01
	ID  string `json:"i"`
}

// place reads the place that a cursor names; the zero values before the first
// page.
func (p *entryPlace) place() (timesheet.Day, timesheet.ID, error) {
	if p == nil {
		return timesheet.Day{}, timesheet.ID{}, nil
	}
	id, err := timesheet.ParseID(p.ID)
	if err != nil || id.IsZero() || p.Day < -1e6 || p.Day > 1e6 {
		return timesheet.Day{}, timesheet.ID{}, malformedCursor()
	}
	return timesheet.DayFromUnix(p.Day), id, nil
}

// answerEntries sends a page of entries, and where the next one is.
func answerEntries(c *fiber.Ctx, sel selection, page []timesheet.Entry, more bool) error {
	if more {
		last := page[len(page)-1].Snapshot()
		if err := linkNext(c, sel, entryPlace{last.Content.Day.Unix(), last.ID.String()}); err != nil {
			return err
		}
	}
	return answer(c, fiber.StatusOK, showEntries(page))
}
