package importing

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"timesheets/domain/timesheet"
)

// Row is one entry as a tracker tells it and as the API takes it. Nothing in
// it has been judged: dates and numbers are text as they were written, and
// what was missing is "". All text is valid UTF-8.
type Row struct {
	ExternalID  string
	UserID      string // who worked, by the API's own id …
	Worker      Worker // … or, if not zero, by the tracker's
	Date        string // YYYY-MM-DD
	Project     string
	Task        string
	Description string
	Billable    *bool  // nil: not said
	Seconds     string // a JSON number
	StartedAt   string // RFC 3339
	TimeZone    string // IANA name
	Tags        []string
}

// Worker refers to a worker by the id that a tracker knows them by.
type Worker struct{ Source, ID string }

// Limits, in characters, past which the API refuses what domain/timesheet does
// not name.
const (
	maxID   = 255
	maxTime = 64
)

// bounded gives the row with every text that is too long for the API cut, one
// character past the API's limit: it is refused for the same reason as the
// whole, and a hostile tracker cannot make a row of more than about 30 KiB.
func (r Row) bounded() Row {
	for _, f := range []struct {
		text *string
		most int
	}{
		{&r.ExternalID, maxID},
		{&r.UserID, maxID},
		{&r.Worker.Source, maxID},
		{&r.Worker.ID, maxID},
		{&r.Date, maxTime},
		{&r.Project, timesheet.MaxProject},
		{&r.Task, timesheet.MaxTask},
		{&r.Description, timesheet.MaxDescription},
		{&r.Seconds, maxTime},
		{&r.StartedAt, maxTime},
		{&r.TimeZone, maxTime},
	} {
		*f.text = cut(*f.text, f.most)
	}
	if len(r.Tags) > timesheet.MaxTags {
		r.Tags = r.Tags[:timesheet.MaxTags+1]
	}
	r.Tags = slices.Clone(r.Tags)
	for i, tag := range r.Tags {
		r.Tags[i] = cut(tag, timesheet.MaxTag)
	}
	return r
}

// cut gives s, or, when it is longer than most characters, its first most
// ones and an ellipsis, so that the last character is never one that a reader
// may trim.
func cut(s string, most int) string {
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	end := 0
	for range most {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	return strings.Clone(s[:end]) + "…"
}

// worker names who worked, for people.
func (r Row) worker() string {
	if r.Worker != (Worker{}) {
		return r.Worker.Source + ":" + r.Worker.ID
	}
	return r.UserID
}

// seconds gives the duration as it is written, 0 when it is no whole number
// of fewer than ten digits. Only those from 1 to 86,400 ever land.
func (r Row) seconds() int {
	s, err := strconv.Atoi(r.Seconds)
	if err != nil || len(r.Seconds) > 9 {
		return 0
	}
	return s
}

// week gives the ISO week of the date, the zero week when it is no date.
func (r Row) week() timesheet.Week {
	d, err := timesheet.ParseDay(r.Date)
	if err != nil {
		return timesheet.Week{}
	}
	return d.Week()
}
