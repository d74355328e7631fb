package timesheet

import (
	"fmt"
	"time"

	"timesheets/domain/fault"
)

// Week is an ISO 8601 week, Monday to Sunday. The zero value is "no week".
type Week struct {
	year   int16
	number int8
}

// ParseWeek reads the form 2026-W47. A week that ends after Latest is none.
func ParseWeek(s string) (Week, error) {
	var y, n int
	if len(s) == len("2026-W47") && s[4] == '-' && s[5] == 'W' {
		if _, err := fmt.Sscanf(s, "%4d-W%2d", &y, &n); err == nil && y > 0 && n > 0 {
			// Sscanf takes signs and blanks: only what prints the same is a week,
			// and a year without a week 53 does not have it.
			if w := (Week{int16(y), int8(n)}); w.String() == s && w.Monday().Week() == w && !w.Sunday().After(Latest) {
				return w, nil
			}
		}
	}
	return Week{}, fault.New(fault.Invalid, "not_a_week", "Write the week in the ISO 8601 form 2026-W47.")
}

// IsZero is true for "no week".
func (w Week) IsZero() bool { return w == Week{} }

// String gives the form 2026-W47.
func (w Week) String() string { return fmt.Sprintf("%04d-W%02d", w.year, w.number) }

// Monday gives the first day of the week.
func (w Week) Monday() Day {
	// 4 January is always in week 1 (ISO 8601).
	fourth := DayOf(int(w.year), time.January, 4)
	sinceMonday := (int(fourth.Time().Weekday()) + 6) % 7
	return fourth.Add(-sinceMonday + 7*(int(w.number)-1))
}

// Sunday gives the last day of the week.
func (w Week) Sunday() Day { return w.Monday().Add(6) }
