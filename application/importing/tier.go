package importing

import (
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

// Tier is how far back a run reads that is not told its days. What people
// enter late or change is found by the tiers that reach further, run less
// often. Each of them also reaches back to where the last run left off, so
// that runs that never took place are made up for.
type Tier string

// The tiers.
const (
	Recent  Tier = "recent"  // yesterday and today: every run
	Nightly Tier = "nightly" // a week: once a night
	Weekly  Tier = "weekly"  // 45 days: once a week, and the first run of all
)

// ParseTier reads the name of a tier; "" is Recent.
func ParseTier(name string) (Tier, error) {
	switch tier := Tier(name); tier {
	case "":
		return Recent, nil
	case Recent, Nightly, Weekly:
		return tier, nil
	}
	return "", fault.New(fault.Invalid, "not_a_tier", "--tier is %s, %s or %s.", Recent, Nightly, Weekly)
}

// days is how many days before today the tier reaches; the last of them is
// everything that a month's end still moves.
func (t Tier) days() int {
	switch t {
	case Nightly:
		return 7
	case Weekly:
		return 45
	case Recent:
	}
	return 1
}

// reach is how far a source was read, as its cursor says.
type reach struct {
	cursor string    // as the API has it
	until  time.Time // zero when nothing is known
}

// skew is how far the clocks of two machines may be apart. Whichever is right,
// the day before the cursor is read again.
const skew = time.Hour

// reachOf reads a cursor. One that no run of this job wrote says nothing, nor
// does one that was earned by a clock which was wrong: the source cannot have
// been read further than to now.
func reachOf(cursor string, now time.Time) reach {
	until, err := time.Parse(time.RFC3339, cursor)
	if err != nil || until.After(now.Add(skew)) {
		return reach{cursor: cursor}
	}
	return reach{cursor, until}
}

// due is what a run of the tier has to read now.
func (r reach) due(tier Tier, now time.Time) Window {
	if r.until.IsZero() {
		return Back(Weekly.days(), now)
	}
	w := Back(tier.days(), now)
	if day := timesheet.DayIn(r.until.In(west)).Add(-1); day.Before(w.From) {
		w.From = day
	}
	if w.From.Before(firstDay) {
		w.From = firstDay
	}
	return w
}

// earned is the cursor of a run that began to read w at the given instant: the
// end of what is read without a gap. It is "" when that is no further than
// before.
func (r reach) earned(w Window, began time.Time) string {
	if !w.IsZero() && r.due(Recent, began).From.Before(w.From) {
		return "" // the days between were never read
	}
	until := began.UTC().Truncate(time.Second)
	if end := w.To.Time(); !w.IsZero() && end.Before(until) && timesheet.DayIn(until) != w.To {
		until = end
	}
	if !until.After(r.until) {
		return ""
	}
	return until.Format(time.RFC3339)
}
