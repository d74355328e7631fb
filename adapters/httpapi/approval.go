package httpapi

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

func (s *Server) listApprovals(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	list, err := readList[entryPlace](c)
	if err != nil {
		return err
	}
	day, id, err := list.after.place()
	if err != nil {
		return err
	}
	page, more, err := s.application.Queue.Pending(ctx, by, day, id, list.limit)
	if err != nil {
		return err
	}
	return answerEntries(c, list.selection, page, more)
}

// decision is what an approver sends. Nothing at all means "approved".
type decision struct {
	Status *string `json:"status"`
	Reason *string `json:"reason"`
}

func (s *Server) decide(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	id, missing := entryID(c)
	known := func() error { return s.application.Decider.Known(ctx, by, id) }
	var d decision
	if err := readOptionalBody(c, &d); err != nil {
		return told(err, missing, known)
	}
	condition, err := readIfMatch(c)
	if err != nil {
		return err
	}
	if missing != nil {
		return missing
	}
	var entry timesheet.Entry
	switch {
	case d.Status != nil && *d.Status == string(timesheet.Rejected):
		reason := ""
		if d.Reason != nil {
			reason = *d.Reason
		}
		entry, err = s.application.Decider.Reject(ctx, by, id, reason, condition.expected)
	case d.Status != nil && *d.Status != string(timesheet.Approved):
		return told(fault.InField("/status", "not_a_decision", "Decide approved or rejected."), missing, known)
	case d.Reason != nil:
		return told(fault.InField("/reason", "reason_for_approval", "Only a rejection has a reason. Leave it out, or reject."), missing, known)
	default:
		entry, err = s.application.Decider.Approve(ctx, by, id, condition.expected)
	}
	if err != nil {
		return err
	}
	return answerEntry(c, fiber.StatusOK, entry)
}
