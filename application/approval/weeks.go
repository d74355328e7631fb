package approval

import (
	"context"
	"errors"
	"slices"
	"strings"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// WeekReader shows weeks.
type WeekReader struct {
	weeks   Weeks
	userIDs identity.UserIDs
}

// NewWeekReader makes a WeekReader.
func NewWeekReader(weeks Weeks, userIDs identity.UserIDs) *WeekReader {
	return &WeekReader{weeks, userIDs}
}

// Week is a worker's week with all that counts in it.
type Week struct {
	timesheet.Sheet
	Overview

	Days     []DayTotal     // its seven days, Monday first
	Projects []ProjectTotal // by name
	Tag      string         // differs whenever a move or an entry does
	// Holds tells, of an approved week, whether its entries are still exactly
	// those that were approved.
	Holds bool
}

// Sum is what counts of some entries.
type Sum struct {
	Entries int
	Seconds int64
}

func (s *Sum) add(seconds int) {
	s.Entries++
	s.Seconds += int64(seconds)
}

// DayTotal is what counts on one day.
type DayTotal struct {
	Day timesheet.Day
	Sum
}

// ProjectTotal is what counts of one project, and how much of it is billable.
type ProjectTotal struct {
	Project  string
	Billable int64 // seconds
	Sum
}

// Get gives one week. Another's is a fault.NotFound, as if there were no such
// worker; one with more than timesheet.MaxWeekEntries is a fault.Conflict.
func (r *WeekReader) Get(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek) (Week, error) {
	if err := by.Require(identity.ReadTimesheets); err != nil {
		return Week{}, err
	}
	of.UserID = r.userIDs.Canonical(of.UserID)
	if !by.Sees(of.UserID) {
		return Week{}, errNoWeek
	}
	return r.read(ctx, by, of, timesheet.MaxWeekEntries)
}

var errNoWeek = fault.New(fault.NotFound, "not_found", "There is no such worker, or you may not see them.")

// read gives the week as it is, whoever may see it. A person who was never seen
// has empty weeks, too.
func (r *WeekReader) read(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, most int) (Week, error) {
	if err := inRange(of.Week); err != nil {
		return Week{}, err
	}
	sheet, entries, err := r.weeks.Week(ctx, by.Organization, of, most)
	switch {
	case errors.Is(err, fault.NotFound) && by.IsPerson() && by.ID == of.UserID:
		sheet = timesheet.NewSheet(of)
	case err != nil:
		return Week{}, err
	}
	w := Week{Sheet: sheet, Tag: sheet.Tag(entries)}
	w.Overview = Overview{Of: of, State: sheet.State, Version: sheet.Version, Amended: sheet.Amended}
	w.count(entries)
	if sheet.State == timesheet.WeekApproved {
		w.Holds = timesheet.SealOf(of, entries) == sheet.Seal
	}
	return w, nil
}

// count adds the live entries of the week up.
func (w *Week) count(entries []timesheet.Entry) {
	monday := w.Sheet.Of.Week.Monday()
	for i := range 7 {
		w.Days = append(w.Days, DayTotal{Day: monday.Add(i)})
	}
	projects := make(map[string]*ProjectTotal)
	for _, e := range entries {
		s := e.Snapshot()
		seconds := e.Counted()
		if seconds == 0 {
			w.Rejected++
			continue
		}
		if s.Status == timesheet.Pending {
			w.Pending++
		}
		w.Overview.Entries++
		w.Overview.Seconds += int64(seconds)
		w.Days[s.Content.Day.Unix()-monday.Unix()].add(seconds)
		p := projects[s.Content.Project]
		if p == nil {
			p = &ProjectTotal{Project: s.Content.Project}
			projects[s.Content.Project] = p
		}
		if p.add(seconds); s.Content.Billable {
			p.Billable += int64(seconds)
		}
	}
	for _, p := range projects {
		w.Projects = append(w.Projects, *p)
	}
	slices.SortFunc(w.Projects, func(a, b ProjectTotal) int { return strings.Compare(a.Project, b.Project) })
}

// List gives a page of at most limit weeks, newest first, and where the next one
// begins; the zero place when there is none. A page that is not full, even an empty
// one, may have a next one. Without a user id people get their own, approvers too,
// and machines get all.
func (r *WeekReader) List(ctx context.Context, by identity.Principal, filter WeekFilter, after WeekPlace, limit int) (page []Overview, next WeekPlace, err error) {
	if err := by.Require(identity.ReadTimesheets); err != nil {
		return nil, WeekPlace{}, err
	}
	if filter.UserID, err = by.Selects(r.userIDs.Canonical(filter.UserID)); err != nil {
		return nil, WeekPlace{}, err
	}
	limit = min(limit, MaxPage)
	page, next, err = r.weeks.Weeks(ctx, by.Organization, filter, after, limit+1)
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Of
	}
	return page, next, err
}

// Missing gives a page of the weeks that active workers have not handed in, by
// user id, and where the next one begins, as List does. It is for approvers.
func (r *WeekReader) Missing(ctx context.Context, by identity.Principal, week timesheet.Week, after string, limit int) (page []Overview, next WeekPlace, err error) {
	if err := by.Require(identity.ReadTimesheets); err != nil {
		return nil, WeekPlace{}, err
	}
	if err := by.Require(identity.ApproveTimesheets); err != nil {
		return nil, WeekPlace{}, err
	}
	if err := inRange(week); err != nil {
		return nil, WeekPlace{}, err
	}
	limit = min(limit, MaxPage)
	page, err = r.weeks.Missing(ctx, by.Organization, week, after, limit+1)
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Of
	}
	return page, next, err
}

// inRange is nil for a week that may have entries at some time.
func inRange(w timesheet.Week) error {
	if w.Sunday().Before(timesheet.Earliest) {
		return fault.InField("/week", "week_out_of_range", "Weeks begin with the one of %s.", timesheet.Earliest)
	}
	return nil
}
