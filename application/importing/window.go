package importing

import (
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

// Window is a span of days, both ends included. The zero value is all time.
type Window struct{ From, To timesheet.Day }

// ParseWindow reads two dates of the form YYYY-MM-DD, both or none of them "".
func ParseWindow(from, to string) (Window, error) {
	if from == "" && to == "" {
		return Window{}, nil
	}
	if from == "" || to == "" {
		return Window{}, fault.New(fault.Invalid, "half_a_window", "Give both --from and --to, or neither.")
	}
	first, err := timesheet.ParseDay(from)
	if err != nil {
		return Window{}, fault.Wrap(err, fault.Invalid, "not_a_date", "--from %q is not a date of the form 2026-11-20.", from)
	}
	last, err := timesheet.ParseDay(to)
	if err != nil {
		return Window{}, fault.Wrap(err, fault.Invalid, "not_a_date", "--to %q is not a date of the form 2026-11-20.", to)
	}
	if last.Before(first) {
		return Window{}, fault.New(fault.Invalid, "backward_window", "--from %s is after --to %s.", first, last)
	}
	return Window{first, last}, nil
}

// IsZero is true for all time.
func (w Window) IsZero() bool { return w == Window{} }

// Contains tells whether day, a date as a tracker wrote it, lies in w. What is
// no date lies in every window: whoever reads it must not lose it.
func (w Window) Contains(day string) bool {
	if w.IsZero() {
		return true
	}
	d, err := timesheet.ParseDay(day)
	return err != nil || !d.Before(w.From) && !d.After(w.To)
}

// Months cuts w at the ends of calendar months.
func (w Window) Months() []Window {
	var months []Window
	for from := w.From; !from.After(w.To); {
		year, month, _ := from.Time().Date()
		to := timesheet.DayOf(year, month+1, 0)
		if to.After(w.To) {
			to = w.To
		}
		months = append(months, Window{from, to})
		from = to.Add(1)
	}
	return months
}

// String gives "2026-11-01 to 2026-11-30".
func (w Window) String() string {
	if w.IsZero() {
		return "everything"
	}
	return w.From.String() + " to " + w.To.String()
}

// The zones in which a day begins first and last.
var (
	east = time.FixedZone("UTC+14", 14*3600)
	west = time.FixedZone("UTC-12", -12*3600)
)

// Back gives today and so many days before it, wherever on Earth people work.
func Back(days int, now time.Time) Window {
	return Window{timesheet.DayIn(now.In(west)).Add(-days), timesheet.DayIn(now.In(east))}
}

// The first and the last day that the API takes: 2000-01-01, and so many days
// ahead of today.
var firstDay = timesheet.DayOf(2000, time.January, 1)

const daysAhead = 31

// bounded gives w with ends: for all time, those that the API takes.
func (w Window) bounded(now time.Time) Window {
	if !w.IsZero() {
		return w
	}
	return Window{firstDay, timesheet.DayIn(now.In(east)).Add(daysAhead)}
}
