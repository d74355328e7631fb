package timesheet_test

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

func TestTheCalendarDateAsWrittenCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, written, want string }{
		{"a date", "2026-11-20", "2026-11-20"},
		{"a leap day", "2028-02-29", "2028-02-29"},
		{"the day at which Unix begins", "1970-01-01", "1970-01-01"},
		{"the first that can be written", "0000-01-01", "0000-01-01"},
		{"the last that can be written", "9999-12-31", "9999-12-31"},
		{"an instant in UTC", "2026-11-20T23:59:59Z", "2026-11-20"},
		{"an instant far in the east, yesterday in UTC", "2026-11-20T00:30:00+14:00", "2026-11-20"},
		{"an instant far in the west, tomorrow in UTC", "2026-11-20T23:30:00-12:00", "2026-11-20"},
		{"an instant with a fraction", "2026-11-20T09:00:00.123456789+01:00", "2026-11-20"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			day, err := timesheet.ParseDay(tt.written)
			if err != nil {
				t.Fatal(err)
			}
			if got := day.String(); got != tt.want {
				t.Errorf("ParseDay(%q) = %s, want %s", tt.written, got, tt.want)
			}
			if day.IsZero() {
				t.Errorf("%s stands for no day", tt.written)
			}
		})
	}
}

func TestWhatIsNoDateIsRefused(t *testing.T) {
	t.Parallel()
	for _, written := range []string{
		"", "2026", "2026-11", "2026-11-2", "20261120", "2026-11-20 ", " 2026-11-20", "2026/11/20", "20-11-2026", "+026-11-20", "-026-11-20",
		"2026-00-10", "2026-13-01", "2026-11-00", "2026-11-31", "2027-02-29", "2026-11-2٠", "２０２６-11-20",
		"Fri Nov 20 12:00:00 UTC 2026", "2026-11-20T", "2026-11-20T09:00", "2026-11-20T09:00:00", "2026-11-20 09:00:00Z",
		"2026-02-30T09:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T09:60:00Z", "2026-11-20T9:00:00Z", "2026-11-20T09:00:00,5Z",
		"2026-11-20T09:00:00+24:00", "2026-11-20T09:00:00+01:60", "2026-11-20T09:00:00+0100", "2026-11-20T09:00:00Z\x00", "2026-W47-5",
	} {
		t.Run(written, func(t *testing.T) {
			t.Parallel()
			day, err := timesheet.ParseDay(written)
			if !errors.Is(err, fault.Invalid) || fault.Of(err).Code != "not_a_date" {
				t.Errorf("ParseDay(%q) = %s, %v; want not_a_date", written, day, err)
			}
		})
	}
}

func TestNoDayCanBeWrittenThatStandsForNone(t *testing.T) {
	t.Parallel()
	var none timesheet.Day
	if !none.IsZero() {
		t.Error("the zero Day is a day")
	}
	if again, err := timesheet.ParseDay(none.String()); err == nil {
		t.Errorf("no day reads back as %s", again)
	}
	if first := fixture.Day("0000-01-01"); !none.Before(first) {
		t.Errorf("no day comes after %s: a lock that is not set would close it", first)
	}
}

// Every day of two spans in which all kinds of years meet.
func TestDaysFollowOneAnother(t *testing.T) {
	t.Parallel()
	for _, span := range [][2]string{{"0000-01-01", "0005-12-31"}, {"1899-12-25", "2101-01-05"}} {
		at := fixture.Day(span[0]).Time()
		for d := fixture.Day(span[0]); !d.After(fixture.Day(span[1])); d = d.Add(1) {
			read, err := timesheet.ParseDay(d.String())
			if err != nil || read != d {
				t.Fatalf("%s reads back as %s, %v", d, read, err)
			}
			if got, want := d.String(), at.Format(time.DateOnly); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
			if !d.Time().Equal(at) || timesheet.DayIn(at) != d || timesheet.DayFromUnix(d.Unix()) != d {
				t.Fatalf("%s: time %s, from it %s, from its number %s", d, d.Time(), timesheet.DayIn(at), timesheet.DayFromUnix(d.Unix()))
			}
			if next := d.Add(1); !d.Before(next) || !next.After(d) || d.After(next) || next.Add(-1) != d || d.Before(d) || d.After(d) {
				t.Fatalf("%s and %s are not in order", d, next)
			}
			at = at.AddDate(0, 0, 1)
		}
	}
}

func TestADayIsCountedFrom1970(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]int{"1969-12-31": -1, "1970-01-01": 0, "1970-01-02": 1, "2000-01-01": 10957, "2026-11-20": 20777} {
		if got := fixture.Day(written).Unix(); got != want {
			t.Errorf("%s is day %d, want %d", written, got, want)
		}
	}
	if got := timesheet.DayOf(2026, time.November, 31); got != fixture.Day("2026-12-01") {
		t.Errorf("31 November is %s", got)
	}
}

func FuzzADateOrARefusal(f *testing.F) {
	for _, s := range []string{"2026-11-20", "2026-11-20T09:00:00+01:00", "2026-11-20T9:00:00Z", "0000-01-01", "9999-12-31", "2026-02-29"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		day, err := timesheet.ParseDay(s)
		if err != nil {
			if !day.IsZero() || fault.Of(err).Code != "not_a_date" {
				t.Fatalf("ParseDay(%q) = %s, %v", s, day, err)
			}
			return
		}
		if len(s) < 10 || day.String() != s[:10] {
			t.Fatalf("ParseDay(%q) = %s", s, day)
		}
		if _, err := time.Parse(time.DateOnly, s[:10]); err != nil {
			t.Fatalf("ParseDay(%q) = %s, but %v", s, day, err)
		}
	})
}

// rfc3339 is the form of section 5.6, of which time.Parse takes more.
var rfc3339 = regexp.MustCompile(`^[0-9-]{10}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

func FuzzAnInstantOfRFC3339OrARefusal(f *testing.F) {
	for _, s := range []string{
		"2026-11-20T09:00:00Z", "2026-11-20T09:00:00.5+23:59", "2026-11-20T9:00:00Z", "2026-11-20T09:00:00,5Z", "2026-11-20T09:00:00.Z", "2026-11-20T09:00:00z",
		"2026-11-20T09:00:00+24:00", "2026-11-20T09:00:00-01:60", "2026-11-20T09:00:00", "2026-11-20T09:00:00.", "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := time.Parse(time.RFC3339, s)
		year := want.UTC().Year()
		valid := err == nil && rfc3339.MatchString(s) && year >= 1 && year <= 9999
		if got, err := timesheet.ParseInstant(s); (err == nil) != valid || valid && !got.Equal(want) {
			t.Fatalf("ParseInstant(%q) = %s, %v; want %s, valid: %t", s, got, err, want, valid)
		}
	})
}
