package timesheet

import (
	"strings"
	"time"

	"timesheets/domain/fault"
)

// Day is a civil date without a time zone, as written on a timesheet. The
// zero value stands for "no day": it comes before 0000-01-01, the first that
// can be written.
type Day struct{ number int32 } // 0000-01-01 is 1

// unixDay is the number of 1970-01-01.
const unixDay = 719529

// Earliest is the first day that an entry can be on, and DaysAhead how many
// days after today the last one is.
var Earliest = DayOf(2000, time.January, 1)

// Latest is after every day that an entry can ever be on.
var Latest = DayOf(9999, time.December, 31)

// DaysAhead is how far into the future an entry may lie, inclusive.
const DaysAhead = 31

// DayOf gives the day of a civil date; out-of-range values are normalised as
// by time.Date.
func DayOf(year int, month time.Month, day int) Day {
	return DayFromUnix(int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400))
}

// DayIn gives the civil date of t in t's own location.
func DayIn(t time.Time) Day { return DayOf(t.Date()) }

// DayFromUnix gives the day that lies days after 1970-01-01.
func DayFromUnix(days int) Day { return Day{int32(days + unixDay)} }

// ParseDay reads YYYY-MM-DD, or an RFC 3339 timestamp, of which the calendar
// date as written counts, whatever its offset.
func ParseDay(s string) (Day, error) {
	if len(s) == len("2006-01-02") {
		if d, ok := parseCivil(s); ok {
			return d, nil
		}
	} else if len(s) > len("2006-01-02") {
		if t, err := ParseInstant(s); err == nil {
			return DayIn(t), nil
		}
	}
	return Day{}, fault.New(fault.Invalid, "not_a_date", "Write the date as YYYY-MM-DD, or as an RFC 3339 timestamp such as 2026-11-20T09:00:00+01:00.")
}

// ParseInstant reads an RFC 3339 timestamp, and keeps its offset.
func ParseInstant(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if utc := t.UTC(); err != nil || !hasInstantForm(s) || utc.Year() < 1 || utc.Year() > 9999 {
		return time.Time{}, fault.New(fault.Invalid, "not_a_timestamp", "Write the instant as RFC 3339 does, such as 2026-11-19T09:00:00+01:00; in UTC it lies in the years from 1 to 9999.")
	}
	return t, nil
}

// hasInstantForm tells whether s, which time.Parse took, has the form of RFC
// 3339, section 5.6: time.Parse takes T9:00, a decimal comma and an offset of 24
// hours or 60 minutes as well (go.dev/issue/54580).
func hasInstantForm(s string) bool {
	const upToSeconds = len("2006-01-02T15:04:05")
	if len(s) <= upToSeconds || s[13] != ':' || s[16] != ':' {
		return false
	}
	rest := s[upToSeconds:]
	if fraction := strings.TrimLeft(rest[1:], "0123456789"); rest[0] == '.' {
		rest = fraction
	}
	return rest == "Z" || len(rest) == len("+01:00") && (rest[0] == '+' || rest[0] == '-') && rest[1:3] < "24" && rest[4:6] < "60"
}

// parseCivil is time.Parse("2006-01-02", s), ten times as fast: a batch has
// thousands of dates.
func parseCivil(s string) (Day, bool) {
	digits := func(i, n int) (v int, ok bool) {
		for ; n > 0; i, n = i+1, n-1 {
			if s[i] < '0' || s[i] > '9' {
				return 0, false
			}
			v = v*10 + int(s[i]-'0')
		}
		return v, true
	}
	y, ok1 := digits(0, 4)
	m, ok2 := digits(5, 2)
	d, ok3 := digits(8, 2)
	if !ok1 || !ok2 || !ok3 || s[4] != '-' || s[7] != '-' || m < 1 || m > 12 || d < 1 || d > 31 {
		return Day{}, false
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if t.Day() != d {
		return Day{}, false
	}
	return DayIn(t), true
}

// IsZero is true for "no day".
func (d Day) IsZero() bool { return d.number == 0 }

// Unix gives the number of days since 1970-01-01.
func (d Day) Unix() int { return int(d.number) - unixDay }

// Time gives midnight UTC at the start of the day.
func (d Day) Time() time.Time { return time.Unix(int64(d.Unix())*86400, 0).UTC() }

// Add gives the day that lies days later.
func (d Day) Add(days int) Day { return Day{d.number + int32(days)} }

// Before tells whether d is earlier than e.
func (d Day) Before(e Day) bool { return d.number < e.number }

// After tells whether d is later than e.
func (d Day) After(e Day) bool { return d.number > e.number }

// String gives YYYY-MM-DD.
func (d Day) String() string { return d.Time().Format("2006-01-02") }

// Week gives the ISO 8601 week that the day lies in.
func (d Day) Week() Week {
	y, w := d.Time().ISOWeek()
	return Week{int16(y), int8(w)}
}
