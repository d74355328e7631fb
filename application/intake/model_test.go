package intake_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture/office"
)

// model is the contract's "Identity and revisions" and its rules on every
// path, told once more in the plainest way, to hold the program against: for
// one organisation and one source.
type model struct {
	keys     map[string]*modelEntry // by external id
	made     map[string]string      // external ids that the server made, by what they are made of
	recorded map[string]bool        // refused rows of earlier runs: key, code and content
	others   map[string]int         // hours by worker and day of entries made by hand
	closed   bool                   // everything before 2026-11-01 is
	writes   int                    // that changed an entry
	earlier  int                    // states in history
	refused  []modelRefusal         // rows that wait for a retry, in the order of their receipt, or would again
	number   int                    // of the import that is under way; 0 for an object
}

// modelRefusal is the last receipt of a key, which was refused.
type modelRefusal struct {
	key      string
	row      modelRow
	number   int // of the import that received it
	settled  int // the import that received the key since, which may be taken back; 0 for none
	outdated int // the mirror that found since that the source no longer has it; 0 for none
}

// modelEntry is what is known under a key. Nil pointers are "none".
type modelEntry struct {
	says     modelContent
	status   timesheet.Status
	deleted  bool               // by hand
	gone     timesheet.Deletion // by mirror or revert
	touched  bool               // changed or deleted by hand
	version  int
	last     *modelContent // last received
	stamp    int           // last known; 0 for none
	proposal *modelContent
	proposed int  // its stamp
	removal  bool // it is proposed to delete the entry
	by       int  // the import that proposed it first
	why      string
	id       timesheet.ID
	opened   timesheet.ID // the correction
}

// modelContent is what may vary of a content.
type modelContent struct {
	user, day, project string
	hours              int
}

func newModel() *model {
	return &model{keys: map[string]*modelEntry{}, made: map[string]string{}, recorded: map[string]bool{}, others: map[string]int{}}
}

// modelRow is a row as the model sees it.
type modelRow struct {
	key   string // "" for one without
	says  modelContent
	stamp int // 0 for none
}

// row is the row as the program sees it. The worker nobody is named by e-mail.
func (r modelRow) row() intake.Row {
	row := office.Row(r.key, office.On(r.says.day), office.Of(r.says.user), office.Project(r.says.project), office.Hours(strconv.Itoa(r.says.hours)))
	row.Text = fmt.Append(nil, r)
	if r.says.user == "nobody" {
		office.By(intake.WorkerRef{Email: "nobody@example.com"})(&row)
	}
	if r.stamp > 0 {
		row.SourceUpdatedAt = office.Stamp(r.stamp)
	}
	return row
}

func (c modelContent) content() timesheet.Content {
	return modelRow{says: c}.row().Content
}

func (c modelContent) where() string { return c.user + " " + c.day }

// problem is what is wrong with a row by itself; "" for nothing.
func (r modelRow) problem() string {
	switch {
	case r.says.user == "nobody":
		return "unknown_worker"
	case r.says.project == "":
		return "required"
	case r.says.day == "1999-12-31":
		return "date_out_of_range"
	}
	return ""
}

func (m *model) isClosed(day string) bool { return m.closed && day < "2026-11-01" }

func (e *modelEntry) live() bool { return e != nil && !e.deleted && e.gone == "" }

// open tells whether a correction is.
func (e *modelEntry) open() bool { return e.proposal != nil || e.removal }

// close ends the correction.
func (e *modelEntry) close() { e.proposal, e.proposed, e.removal, e.why = nil, 0, false, "" }

// counts is the hours that count of an entry on its day.
func (e *modelEntry) counts() int {
	if !e.live() || e.status == timesheet.Rejected {
		return 0
	}
	return e.says.hours
}

// days sums up what counts on each day of each worker.
func (m *model) days() map[string]int {
	sums := map[string]int{}
	for where, hours := range m.others {
		sums[where] += hours
	}
	for _, e := range m.keys {
		sums[e.says.where()] += e.counts()
	}
	return sums
}

// keysOf names each row: its own key, or one made of what the row says and how
// many rows before it say the same.
func keysOf(rows []modelRow) []string {
	equal, keys := map[modelRow]int{}, make([]string, len(rows))
	for i, r := range rows {
		if keys[i] = r.key; r.key == "" {
			r.stamp = 0
			keys[i] = fmt.Sprintf("~%v %d", r.says, equal[r])
			equal[r]++
		}
	}
	return keys
}

// winners finds the last revision of each key among the rows that are well, and
// the last stamp that each key had.
func winners(rows []modelRow, keys []string) (wins, known map[string]int) {
	wins, known = map[string]int{}, map[string]int{}
	for i, r := range rows {
		if r.problem() != "" {
			continue
		}
		if _, met := wins[keys[i]]; met && r.stamp > 0 && r.stamp < known[keys[i]] {
			continue
		}
		wins[keys[i]] = i
		if r.stamp > 0 {
			known[keys[i]] = r.stamp
		}
	}
	return wins, known
}

// judge says what a revision does to what is held, and does it. A candidate is
// a change that the rule of 24 hours may still refuse: then refused is true.
// lastStamp is the last stamp that the key had in the request.
func (m *model) judge(key string, r modelRow, lastStamp int, refused bool) string {
	e := m.keys[key]
	if e != nil && r.stamp > 0 && (r.stamp < e.stamp || e.open() && r.stamp < e.proposed) {
		return "unchanged:stale"
	}
	if e != nil && (e.last != nil && *e.last == r.says || e.live() && e.says == r.says) {
		e.close()
		e.last = &r.says
		e.stamp = max(e.stamp, lastStamp)
		return "unchanged"
	}
	if m.isClosed(r.says.day) || e.live() && m.isClosed(e.says.day) {
		return "rejected:period_closed"
	}
	if e != nil {
		why := ""
		switch {
		case e.deleted:
			why = "deleted_by_hand"
		case e.status == timesheet.Approved:
			why = "entry_approved"
		case e.touched:
			why = "edited_by_hand"
		}
		if why != "" {
			known := ""
			if e.proposal != nil && *e.proposal == r.says && e.why == why {
				known = "!"
			}
			if e.proposal == nil || *e.proposal != r.says {
				e.by = m.number // whoever brings the same again, it stays theirs
			}
			e.proposal, e.proposed, e.why, e.removal = &r.says, max(e.proposed, lastStamp), why, false
			return "conflict:" + why + known
		}
	}
	if refused {
		return "rejected:day_over_24h"
	}
	if e == nil {
		m.keys[key] = &modelEntry{says: r.says, status: timesheet.Pending, version: 1, last: &r.says, stamp: lastStamp}
		return "created"
	}
	outcome := "updated"
	if e.gone != "" {
		outcome, e.gone, e.touched = "created", "", false
	}
	e.says, e.status, e.last, e.stamp = r.says, timesheet.Pending, &r.says, max(e.stamp, lastStamp)
	e.version++
	m.earlier++
	return outcome
}

// change does a change by hand, if the rules allow it, and says what came of it.
func (m *model) change(key string, to modelContent, remove bool) string {
	e := m.keys[key]
	switch {
	case !e.live():
		return "not_found"
	case e.status == timesheet.Approved:
		return "entry_approved"
	case !remove && e.says == to:
		return ""
	case m.isClosed(e.says.day), !remove && m.isClosed(to.day):
		return "period_closed"
	}
	sums := m.days()
	sums[e.says.where()] -= e.counts()
	grows := e.counts() < to.hours || e.says.where() != to.where()
	if sums[to.where()] += to.hours; !remove && grows && sums[to.where()] > 24 {
		return "day_over_24h"
	}
	if e.version++; remove {
		e.deleted, e.touched = true, true
	} else {
		e.says, e.status, e.touched = to, timesheet.Pending, true
	}
	m.earlier++
	m.writes++
	return ""
}

// decide approves or rejects, by somebody who is no worker here.
func (m *model) decide(key string, to timesheet.Status) string {
	e := m.keys[key]
	switch {
	case !e.live():
		return "not_found"
	case e.status == to:
		return ""
	case e.status == timesheet.Rejected:
		return "entry_rejected"
	case e.status == timesheet.Approved:
		return "entry_approved"
	case m.isClosed(e.says.day):
		return "period_closed"
	}
	e.status = to
	e.version++
	m.earlier++
	m.writes++
	return ""
}

// copy is a model that can be tried out.
func (m *model) copy() *model {
	c := *m
	c.refused = slices.Clone(m.refused)
	c.keys = map[string]*modelEntry{}
	for key, e := range m.keys {
		entry := *e
		c.keys[key] = &entry
	}
	return &c
}

// String shows what is held under every key, for a failure.
func (m *model) String() string {
	var s strings.Builder
	for key, e := range m.keys {
		fmt.Fprintf(&s, "\n%s: v%d %+v %s deleted %v touched %v, last %+v@%d, proposal %+v@%d %s",
			key, e.version, e.says, e.status, e.deleted, e.touched, e.last, e.stamp, e.proposal, e.proposed, e.why)
	}
	return s.String()
}
