package httpapi

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"timesheets/application/approval"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// correctionJSON is a late change: the entry as it is, and what is proposed.
type correctionJSON struct {
	ID              string        `json:"id"`
	State           string        `json:"state"`
	Version         int           `json:"version"`
	Code            string        `json:"code"`
	Source          string        `json:"source"`
	ExternalID      string        `json:"external_id"`
	Deletion        bool          `json:"deletion"`
	Before          any           `json:"before,omitempty"`
	After           *proposalJSON `json:"after,omitempty"`
	SourceUpdatedAt string        `json:"source_updated_at,omitempty"`
	OpenedAt        string        `json:"opened_at"`
	ProposedAt      string        `json:"proposed_at"`
	ProposedBy      string        `json:"proposed_by"`
	ImportID        string        `json:"import_id,omitempty"`
	ClosedAt        string        `json:"closed_at,omitempty"`
	ClosedBy        string        `json:"closed_by,omitempty"`
	Reason          string        `json:"reason,omitempty"`
}

// proposalJSON is what the source says.
type proposalJSON struct {
	UserID      string         `json:"user_id"`
	Date        string         `json:"date"`
	Week        string         `json:"week"`
	Project     string         `json:"project"`
	Task        string         `json:"task,omitempty"`
	Description string         `json:"description,omitempty"`
	Seconds     int            `json:"seconds"`
	Hours       jsontext.Value `json:"hours"`
	Billable    bool           `json:"billable"`
	StartedAt   string         `json:"started_at,omitempty"`
	TimeZone    string         `json:"time_zone,omitempty"`
	Tags        []string       `json:"tags,omitempty"`
}

func showCorrection(l approval.LateChange) correctionJSON {
	c := l.Correction
	shown := correctionJSON{
		ID: c.ID.String(), State: string(c.State), Version: c.Version, Code: string(c.Why), Source: c.Origin.Source, ExternalID: c.Origin.ExternalID,
		Deletion: c.Deletion, SourceUpdatedAt: showInstant(c.SourceUpdatedAt),
		OpenedAt: showInstant(c.OpenedAt), ProposedAt: showInstant(c.ProposedAt), ProposedBy: c.ProposedBy, ImportID: showID(c.ImportID),
		ClosedAt: showInstant(c.ClosedAt), ClosedBy: c.ClosedBy, Reason: c.Reason,
	}
	if l.Held.Exists {
		shown.Before = showState(l.Held.Entry)
	}
	if p := c.Content; !c.Deletion {
		shown.After = &proposalJSON{
			UserID: p.UserID, Date: p.Day.String(), Week: p.Day.Week().String(), Project: p.Project, Task: p.Task, Description: p.Description,
			Seconds: p.Duration.Seconds(), Hours: jsontext.Value(p.Duration.Hours()), Billable: p.Billable,
			StartedAt: showInstant(p.StartedAt), TimeZone: p.TimeZone, Tags: p.Tags,
		}
	}
	return shown
}

func answerCorrection(c *fiber.Ctx, l approval.LateChange) error {
	tagged(c, int64(l.Correction.Version))
	return answer(c, fiber.StatusOK, showCorrection(l))
}

// correctionPlace is where a page of corrections begins, in a cursor.
type correctionPlace struct {
	OpenedAt int64  `json:"t"` // microseconds
	ID       string `json:"i"`
}

func (s *Server) listCorrections(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	list, err := readList[correctionPlace](c, "state", "user_id", "source")
	if err != nil {
		return err
	}
	filter := approval.CorrectionFilter{State: timesheet.CorrectionOpen, UserID: list.get("user_id"), Source: list.get("source")}
	var errState, errSource error
	if list.has("state") {
		if filter.State, err = timesheet.ParseCorrectionState(list.get("state")); err != nil {
			errState = fault.InField("/state", "not_a_state", "%s", fault.Of(err).Text)
		}
	}
	if list.has("source") {
		if err := timesheet.CheckSource(filter.Source); err != nil {
			errSource = fault.InField("/source", fault.Of(err).Code, "%s", fault.Of(err).Text)
		}
	}
	if err := together(errState, errSource, list.checkText("user_id", identity.MaxUserIDLength)); err != nil {
		return err
	}
	var after approval.CorrectionPlace
	if list.after != nil {
		id, err := timesheet.ParseID(list.after.ID)
		if at := time.UnixMicro(list.after.OpenedAt).UTC(); err != nil || id.IsZero() || at.Year() < 1 || at.Year() > 9999 {
			return malformedCursor()
		}
		after = approval.CorrectionPlace{OpenedAt: list.after.OpenedAt, ID: id}
	}
	page, more, err := s.application.Corrector.List(ctx, by, filter, after, list.limit)
	if err != nil {
		return err
	}
	shown := make([]correctionJSON, len(page))
	for i, l := range page {
		shown[i] = showCorrection(l)
	}
	if more {
		last := page[len(page)-1].Correction
		if err := linkNext(c, list.selection, correctionPlace{last.OpenedAt.UnixMicro(), last.ID.String()}); err != nil {
			return err
		}
	}
	return answer(c, fiber.StatusOK, shown)
}

// readDecision reads which correction a decision is about, and what it says into
// body.
func (s *Server) readDecision(ctx context.Context, by identity.Principal, c *fiber.Ctx, body any) (timesheet.ID, precondition, error) {
	id, missing := entryID(c)
	if err := readOptionalBody(c, body); err != nil {
		return id, precondition{}, told(err, missing, func() error { return s.application.Corrector.Known(ctx, by, id) })
	}
	condition, err := readIfMatch(c)
	if err != nil {
		return id, condition, err
	}
	return id, condition, missing
}

func (s *Server) acceptCorrection(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	id, condition, err := s.readDecision(ctx, by, c, &struct{}{})
	if err != nil {
		return err
	}
	done, err := s.application.Corrector.Accept(ctx, by, id, condition.expected)
	if err != nil {
		return err
	}
	return answerCorrection(c, done)
}

func (s *Server) dismissCorrection(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	var why reason
	id, condition, err := s.readDecision(ctx, by, c, &why)
	if err != nil {
		return err
	}
	done, err := s.application.Corrector.Dismiss(ctx, by, id, why.Reason, condition.expected)
	if err != nil {
		return err
	}
	return answerCorrection(c, done)
}
