package timesheet_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

func TestTheDaysAtTheEdgesOfAYearLieInTheWeekThatISOSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, day, week, monday, sunday string }{
		{"in the middle of a year", "2026-11-20", "2026-W47", "2026-11-16", "2026-11-22"},
		{"a year that begins on a Monday", "2018-01-01", "2018-W01", "2018-01-01", "2018-01-07"},
		{"a year that begins on a Thursday has 53 weeks", "2026-12-31", "2026-W53", "2026-12-28", "2027-01-03"},
		{"its last week reaches into the next year", "2027-01-03", "2026-W53", "2026-12-28", "2027-01-03"},
		{"the week after week 53", "2027-01-04", "2027-W01", "2027-01-04", "2027-01-10"},
		{"a leap year that begins on a Wednesday has 53 weeks", "2020-12-31", "2020-W53", "2020-12-28", "2021-01-03"},
		{"Friday, Saturday and Sunday belong to the old year", "2021-01-03", "2020-W53", "2020-12-28", "2021-01-03"},
		{"a year of 52 weeks may end in the next one's first", "2024-12-30", "2025-W01", "2024-12-30", "2025-01-05"},
		{"New Year's Eve as well", "2025-12-31", "2026-W01", "2025-12-29", "2026-01-04"},
		{"the last day before week 1", "2025-12-28", "2025-W52", "2025-12-22", "2025-12-28"},
		{"the first year", "0001-01-01", "0001-W01", "0001-01-01", "0001-01-07"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := fixture.Day(tt.day).Week()
			got := fmt.Sprint(w, w.Monday(), w.Sunday())
			if want := tt.week + " " + tt.monday + " " + tt.sunday; got != want {
				t.Errorf("%s: got %s, want %s", tt.day, got, want)
			}
		})
	}
}

func TestWhatIsNoWeekIsRefused(t *testing.T) {
	t.Parallel()
	for _, written := range []string{
		"", "2026", "2026-47", "2026W47", "2026-w47", "2026-W4", "2026-W047", "2026-W47 ", " 2026-W47", "2026-W 7", "2026-W+7", "2026-W-7",
		"2026-W00", "2026-W54", "2026-W99", "2025-W53", "2027-W53", "0000-W01", "-026-W01", "+026-W01", "20 6-W01", "2026-W4٧", "2026-WW7", "2026-W47-5", "9999-W52",
	} {
		t.Run(written, func(t *testing.T) {
			t.Parallel()
			w, err := timesheet.ParseWeek(written)
			if !errors.Is(err, fault.Invalid) || fault.Of(err).Code != "not_a_week" || !w.IsZero() {
				t.Errorf("ParseWeek(%q) = %s, %v; want not_a_week", written, w, err)
			}
		})
	}
}

// All days of 400 years, after which the calendar repeats itself, against the
// definition: the week is of the year that its Thursday lies in.
func TestEveryDayLiesInExactlyOneWeek(t *testing.T) {
	t.Parallel()
	var last timesheet.Week
	for d, end := fixture.Day("1899-12-25"), fixture.Day("2300-01-05"); d.Before(end); d = d.Add(1) {
		w := d.Week()
		if monday := w.Monday(); d.Before(monday) || d.After(w.Sunday()) || monday.Time().Weekday() != time.Monday || w.Sunday() != monday.Add(6) {
			t.Fatalf("%s lies in %s, from %s to %s", d, w, monday, w.Sunday())
		}
		if w == last {
			continue
		}
		thursday := w.Monday().Add(3).Time()
		if want := fmt.Sprintf("%04d-W%02d", thursday.Year(), (thursday.YearDay()-1)/7+1); w.String() != want {
			t.Fatalf("%s lies in %s, want %s", d, w, want)
		}
		if read, err := timesheet.ParseWeek(w.String()); err != nil || read != w {
			t.Fatalf("%s reads back as %s, %v", w, read, err)
		}
		last = w
	}
}

func TestAWeekIsReadAsItIsWrittenOrNotAtAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) string {
				return fmt.Sprintf("%04d-W%02d", rapid.IntRange(0, 9999).Draw(t, "year"), rapid.IntRange(0, 60).Draw(t, "number"))
			}),
			rapid.StringMatching(`[-+ 0-9]{4}-W[-+ 0-9]{2}`),
			rapid.String(),
		).Draw(t, "week")
		w, err := timesheet.ParseWeek(s)
		if err == nil && (w.String() != s || w.Monday().Week() != w || w.Sunday().Week() != w) {
			t.Fatalf("ParseWeek(%q) = %s, from %s to %s", s, w, w.Monday(), w.Sunday())
		}
	})
}
