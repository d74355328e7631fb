package httpapi

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"timesheets/application/timekeeping"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/replay"
	"timesheets/domain/timesheet"
)

// entryFilters are the parameters that select entries.
var entryFilters = []string{"user_id", "from", "to", "week", "project", "status", "source", "import_id"}

func (s *Server) listEntries(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	if kind := preferred(c, jsonOrFiles); kind != typeJSON {
		return s.exportEntries(by, c, kind)
	}
	list, err := readList[entryPlace](c, entryFilters...)
	if err != nil {
		return err
	}
	filter, err := entryFilter(list.selection)
	if err != nil {
		return err
	}
	day, id, err := list.after.place()
	if err != nil {
		return err
	}
	page, more, err := s.application.Reviewer.List(ctx, by, filter, timekeeping.Place{Day: day, ID: id}, list.limit)
	if err != nil {
		return err
	}
	return answerEntries(c, list.selection, page, more)
}

// entryFilter reads the filters of a list of entries.
func entryFilter(sel selection) (timekeeping.Filter, error) {
	f := timekeeping.Filter{UserID: sel.get("user_id"), Project: sel.get("project")}
	var errs []error
	read := func(name string, parse func(value string) error) {
		if !sel.has(name) {
			return
		}
		if err := parse(sel.get(name)); err != nil {
			errs = append(errs, fault.InField("/"+name, fault.Of(err).Code, "%s", fault.Of(err).Text))
		}
	}
	read("from", func(v string) (err error) { f.From, err = parseCivilDay(v); return })
	read("to", func(v string) (err error) { f.To, err = parseCivilDay(v); return })
	read("week", func(v string) error {
		week, err := timesheet.ParseWeek(v)
		if err != nil {
			return err
		}
		if monday := week.Monday(); f.From.IsZero() || f.From.Before(monday) {
			f.From = monday
		}
		if sunday := week.Sunday(); f.To.IsZero() || f.To.After(sunday) {
			f.To = sunday
		}
		return nil
	})
	read("status", func(v string) (err error) { f.Status, err = timesheet.ParseStatus(v); return })
	read("source", func(v string) error { f.Source = v; return timesheet.CheckSource(v) })
	read("import_id", func(v string) (err error) { f.ImportID, err = timesheet.ParseID(v); return })
	errs = append(errs, sel.checkText("user_id", identity.MaxUserIDLength), sel.checkText("project", timesheet.MaxProject))
	return f, together(errs...)
}

// parseCivilDay reads YYYY-MM-DD and nothing else: a filter is about days.
func parseCivilDay(v string) (timesheet.Day, error) {
	if len(v) != len("2006-01-02") {
		return timesheet.Day{}, fault.New(fault.Invalid, "not_a_date", "Write the date as YYYY-MM-DD.")
	}
	return timesheet.ParseDay(v)
}

func (s *Server) getEntry(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	id, err := entryID(c)
	if err != nil {
		return err
	}
	entry, err := s.application.Reviewer.Get(ctx, by, id)
	if err != nil {
		return err
	}
	return answerEntry(c, fiber.StatusOK, entry)
}

// entryID is the id in the path. What is no id names nothing.
func entryID(c *fiber.Ctx) (timesheet.ID, error) {
	id, err := timesheet.ParseID(c.Params("id"))
	if err != nil {
		return id, fault.New(fault.NotFound, "not_found", "There is nothing with this id, or it is not yours.")
	}
	return id, nil
}

func (s *Server) addEntry(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	body, err := objectBody(c, typeJSON)
	if err != nil {
		return err
	}
	return s.once(ctx, by, c, func(settle func(int, map[string]string, any) (replay.Claim, replay.Answer)) error {
		m, err := readMembers(body, formNew)
		if err != nil {
			return malformed(err)
		}
		if m.given&(givenHours|givenSeconds) == 0 {
			m.fault("/hours", "required", "An entry needs hours or seconds.")
		}
		if err := invalid(m.wrong); err != nil {
			return err
		}
		var keep timekeeping.Settle
		if settle != nil {
			keep = func(e timesheet.Entry) (replay.Claim, replay.Answer) {
				return settle(fiber.StatusCreated, map[string]string{
					fiber.HeaderLocation: address(c, base+entryPath(e)),
					fiber.HeaderETag:     entityTag(int64(e.Snapshot().Version)),
				}, showEntry(e))
			}
		}
		entry, err := s.application.Recorder.Record(ctx, by, m.row.Content, keep)
		if err != nil {
			return err
		}
		located(c, entryPath(entry))
		return answerEntry(c, fiber.StatusCreated, entry)
	})
}

func entryPath(e timesheet.Entry) string { return "/timesheets/" + e.ID().String() }

func (s *Server) changeEntry(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	id, missing := entryID(c)
	body, err := objectBody(c, typeMergePatch, typeJSON)
	if err != nil {
		return told(err, missing, func() error {
			_, unknown := s.application.Recorder.Amend(ctx, by, id, nil, func(was timesheet.Content) (timesheet.Content, error) { return was, err })
			return unknown
		})
	}
	condition, err := readIfMatch(c)
	if err != nil {
		return err
	}
	if missing != nil {
		return missing
	}
	m, err := readMembers(body, formPatch)
	if err != nil {
		return malformed(err)
	}
	entry, err := s.application.Recorder.Amend(ctx, by, id, condition.expected, func(was timesheet.Content) (timesheet.Content, error) {
		// Wrong members are told only now: existence and version come first.
		return m.merged(was), invalid(m.wrong)
	})
	if err != nil {
		return err
	}
	return answerEntry(c, fiber.StatusOK, entry)
}

// merged is what the patch makes of content (RFC 7396).
func (m members) merged(content timesheet.Content) timesheet.Content {
	c := m.row.Content
	if m.given&givenUserID != 0 {
		content.UserID = c.UserID
	}
	if m.given&givenDate != 0 {
		content.Day = c.Day
	}
	if m.given&givenProject != 0 {
		content.Project = c.Project
	}
	if m.given&(givenHours|givenSeconds) != 0 {
		content.Duration = c.Duration
	}
	if m.given&givenTask != 0 {
		content.Task = c.Task
	}
	if m.given&givenDescription != 0 {
		content.Description = c.Description
	}
	if m.given&givenBillable != 0 {
		content.Billable = c.Billable
	}
	if m.given&givenStartedAt != 0 {
		content.StartedAt = c.StartedAt
	}
	if m.given&givenTimeZone != 0 {
		content.TimeZone = c.TimeZone
	}
	if m.given&givenTags != 0 {
		content.Tags = c.Tags
	}
	return content
}

func (s *Server) deleteEntry(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	condition, err := readIfMatch(c)
	if err != nil {
		return err
	}
	id, err := entryID(c)
	if err != nil {
		return err
	}
	if err := s.application.Recorder.Withdraw(ctx, by, id, condition.expected); err != nil {
		return err
	}
	return answerNothing(c)
}
