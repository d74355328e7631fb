package timesheet

import "timesheets/domain/fault"

// Period says which days may be written to.
type Period struct {
	Today      Day // UTC
	LockBefore Day // days before it are closed; zero: none are
}

// Check is nil when an entry may be on the day at all: from Earliest to
// DaysAhead days after today, both inclusive.
func (p Period) Check(d Day) error {
	latest := p.Today.Add(DaysAhead)
	if d.Before(Earliest) || d.After(latest) {
		return fault.InField("/date", "date_out_of_range", "The date must lie between %s and %s.", Earliest, latest)
	}
	return nil
}

// Closed tells whether nothing on the day may change any more.
func (p Period) Closed(d Day) bool { return d.Before(p.LockBefore) }

// CheckOpen is nil unless one of the days is closed.
func (p Period) CheckOpen(days ...Day) error {
	for _, d := range days {
		if p.Closed(d) {
			return fault.New(fault.Conflict, "period_closed", "Everything before %s is closed: %s cannot be changed. Ask whoever closes the books.", p.LockBefore, d)
		}
	}
	return nil
}
