package httpapi

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"timesheets/application/approval"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// overviewJSON is a week in a list.
type overviewJSON struct {
	UserID   string         `json:"user_id"`
	Week     string         `json:"week"`
	From     string         `json:"from"`
	To       string         `json:"to"`
	State    string         `json:"state"`
	Version  int            `json:"version"`
	Amended  bool           `json:"amended"`
	Seconds  int64          `json:"seconds"`
	Hours    jsontext.Value `json:"hours"`
	Entries  int            `json:"entries"`
	Pending  int            `json:"pending"`
	Rejected int            `json:"rejected"`
}

func showOverview(o approval.Overview) overviewJSON {
	return overviewJSON{
		UserID: o.Of.UserID, Week: o.Of.Week.String(), From: o.Of.Week.Monday().String(), To: o.Of.Week.Sunday().String(),
		State: string(o.State), Version: o.Version, Amended: o.Amended,
		Seconds: o.Seconds, Hours: showHours(o.Seconds), Entries: o.Entries, Pending: o.Pending, Rejected: o.Rejected,
	}
}

func showHours(seconds int64) jsontext.Value { return jsontext.Value(timesheet.Hours(seconds)) }

// weekJSON is one week with all that counts in it.
type weekJSON struct {
	overviewJSON
	Days     []dayTotalJSON     `json:"days"`
	Projects []projectTotalJSON `json:"projects"`
	Moves    []moveJSON         `json:"moves"`
	Approved *sealJSON          `json:"approved,omitempty"`
}

type dayTotalJSON struct {
	Date    string         `json:"date"`
	Seconds int64          `json:"seconds"`
	Hours   jsontext.Value `json:"hours"`
	Entries int            `json:"entries"`
}

type projectTotalJSON struct {
	Project         string         `json:"project"`
	Seconds         int64          `json:"seconds"`
	Hours           jsontext.Value `json:"hours"`
	BillableSeconds int64          `json:"billable_seconds"`
	Entries         int            `json:"entries"`
}

// moveJSON is one thing that happened to a week. What was approved stands with
// approvals and amendments.
type moveJSON struct {
	Move    string `json:"move"`
	At      string `json:"at"`
	By      string `json:"by"`
	Reason  string `json:"reason,omitempty"`
	Entries *int   `json:"entries,omitempty"`
	Seconds *int64 `json:"seconds,omitempty"`
	Digest  string `json:"digest,omitempty"`
}

// sealJSON is what is approved, and whether it is still what is there.
type sealJSON struct {
	At      string         `json:"at"`
	By      string         `json:"by"`
	Entries int            `json:"entries"`
	Seconds int64          `json:"seconds"`
	Hours   jsontext.Value `json:"hours"`
	Digest  string         `json:"digest"`
	Holds   bool           `json:"holds"`
}

func showWeek(w approval.Week) weekJSON {
	shown := weekJSON{
		overviewJSON: showOverview(w.Overview),
		Days:         make([]dayTotalJSON, len(w.Days)), Projects: make([]projectTotalJSON, len(w.Projects)), Moves: make([]moveJSON, len(w.Moves)),
	}
	for i, d := range w.Days {
		shown.Days[i] = dayTotalJSON{d.Day.String(), d.Seconds, showHours(d.Seconds), d.Entries}
	}
	for i, p := range w.Projects {
		shown.Projects[i] = projectTotalJSON{p.Project, p.Seconds, showHours(p.Seconds), p.Billable, p.Entries}
	}
	for i, m := range w.Moves {
		shown.Moves[i] = moveJSON{Move: string(m.Kind), At: showInstant(m.At), By: m.By, Reason: m.Reason}
		if m.Seal != (timesheet.Seal{}) {
			shown.Moves[i].Entries, shown.Moves[i].Seconds, shown.Moves[i].Digest = &m.Seal.Entries, &m.Seal.Seconds, m.Seal.Digest.String()
		}
	}
	if w.Sheet.State == timesheet.WeekApproved {
		last := w.LastMove()
		seal := w.Sheet.Seal
		shown.Approved = &sealJSON{showInstant(last.At), last.By, seal.Entries, seal.Seconds, showHours(seal.Seconds), seal.Digest.String(), w.Holds}
	}
	return shown
}

func answerWeek(c *fiber.Ctx, w approval.Week) error {
	c.Set(fiber.HeaderETag, `"`+w.Tag+`"`)
	return answer(c, fiber.StatusOK, showWeek(w))
}

// weekPlace is where a page of weeks begins, in a cursor.
type weekPlace struct {
	Week   string `json:"w"`
	UserID string `json:"u"`
}

// stateMissing as a state asks for weeks that have not been handed in.
const stateMissing = "missing"

func (s *Server) listWeeks(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	list, err := readList[weekPlace](c, "user_id", "week", "from", "to", "state")
	if err != nil {
		return err
	}
	filter, week, err := weekFilter(list.selection)
	if err != nil {
		return err
	}
	var after approval.WeekPlace
	if list.after != nil {
		if after.Week, err = timesheet.ParseWeek(list.after.Week); err != nil || list.after.UserID != "" && identity.CheckUserID(list.after.UserID) != nil {
			return malformedCursor()
		}
		after.UserID = list.after.UserID
	}
	var page []approval.Overview
	var next approval.WeekPlace
	if list.get("state") == stateMissing {
		page, next, err = s.application.Weeks.Missing(ctx, by, week, after.UserID, list.limit)
	} else {
		page, next, err = s.application.Weeks.List(ctx, by, filter, after, list.limit)
	}
	if err != nil {
		return err
	}
	shown := make([]overviewJSON, len(page))
	for i, o := range page {
		shown[i] = showOverview(o)
	}
	if next != (approval.WeekPlace{}) {
		if err := linkNext(c, list.selection, weekPlace{next.Week.String(), next.UserID}); err != nil {
			return err
		}
	}
	return answer(c, fiber.StatusOK, shown)
}

// weekFilter reads the filters of a list of weeks; week is the one of
// state=missing.
func weekFilter(sel selection) (f approval.WeekFilter, week timesheet.Week, err error) {
	// Days select the weeks that they lie in.
	days, errDays := entryFilter(sel)
	f.UserID = days.UserID
	if !days.From.IsZero() {
		f.From = days.From.Week()
	}
	if !days.To.IsZero() {
		f.To = days.To.Week()
	}
	var errState error
	switch state := sel.get("state"); {
	case state == stateMissing:
		switch {
		case !sel.has("week"):
			errState = fault.InField("/week", "required", "Say which week is missing.")
		case sel.has("from"), sel.has("to"), sel.has("user_id"):
			errState = fault.InField("/state", "not_a_choice", "With state=missing there is week alone.")
		}
		week, _ = timesheet.ParseWeek(sel.get("week"))
	case sel.has("state"):
		if f.State, err = timesheet.ParseWeekState(state); err != nil {
			errState = fault.InField("/state", "not_a_state", "A state is open, submitted, approved, rejected or missing.")
		}
	}
	return f, week, together(errDays, errState)
}

// weekInPath is the week in the path. What is no week names nothing.
func weekInPath(c *fiber.Ctx) (of timesheet.WorkerWeek, err error) {
	if of.UserID, err = pathParam(c, "user_id"); err != nil {
		return of, err
	}
	name, err := pathParam(c, "week")
	if err != nil {
		return of, err
	}
	if of.Week, err = timesheet.ParseWeek(name); err != nil || identity.CheckUserID(of.UserID) != nil {
		return of, fault.New(fault.NotFound, "not_found", "There is no such week. Weeks are written 2026-W47, by ISO 8601.")
	}
	return of, nil
}

func (s *Server) getWeek(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	of, err := weekInPath(c)
	if err != nil {
		return err
	}
	week, err := s.application.Weeks.Get(ctx, by, of)
	if err != nil {
		return err
	}
	return answerWeek(c, week)
}

// weekMove is what a use case does with a week.
type weekMove func(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, reason string, seen approval.Seen) (approval.Week, error)

// without gives a move that has no reason.
func without(move func(context.Context, identity.Principal, timesheet.WorkerWeek, approval.Seen) (approval.Week, error)) weekMove {
	return func(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, _ string, seen approval.Seen) (approval.Week, error) {
		return move(ctx, by, of, seen)
	}
}

// reason is the body of a move that has one.
type reason struct {
	Reason string `json:"reason"`
}

func (s *Server) submitWeek(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	return s.moveWeek(ctx, by, c, &struct{}{}, nil, without(s.application.Mover.Submit))
}

func (s *Server) withdrawWeek(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	return s.moveWeek(ctx, by, c, &struct{}{}, nil, without(s.application.Mover.Withdraw))
}

func (s *Server) approveWeek(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	return s.moveWeek(ctx, by, c, &struct{}{}, precondition.required, without(s.application.Mover.Approve))
}

func (s *Server) rejectWeek(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	return s.moveWeek(ctx, by, c, &reason{}, precondition.required, s.application.Mover.Reject)
}

func (s *Server) reopenWeek(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	return s.moveWeek(ctx, by, c, &reason{}, precondition.required, s.application.Mover.Reopen)
}

// moveWeek reads what a move needs into body, and makes it; needs, if any, says
// what If-Match must be.
func (s *Server) moveWeek(ctx context.Context, by identity.Principal, c *fiber.Ctx, body any, needs func(precondition) error, move weekMove) error {
	of, missing := weekInPath(c)
	known := func() error { return s.application.Mover.Known(ctx, by, of) }
	if err := readOptionalBody(c, body); err != nil {
		return told(err, missing, known)
	}
	condition, err := readIfMatch(c)
	if err != nil {
		return err
	}
	if missing != nil {
		return missing
	}
	if needs != nil {
		if err := needs(condition); err != nil {
			return told(err, nil, known)
		}
	}
	why := ""
	if r, ok := body.(*reason); ok {
		why = r.Reason
	}
	week, err := move(ctx, by, of, why, condition.seen)
	if err != nil {
		return err
	}
	return answerWeek(c, week)
}

// seen is check for use cases whose tags are no version numbers.
func (p precondition) seen(tag string) error { return p.checkTag(`"` + tag + `"`) }
