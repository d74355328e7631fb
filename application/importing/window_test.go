package importing_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

func TestAWindowIsReadFromTwoDates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, from, to, want, code string }{
		{"a month", "2026-10-01", "2026-10-31", "2026-10-01 to 2026-10-31", ""},
		{"a day", "2026-10-01", "2026-10-01", "2026-10-01 to 2026-10-01", ""},
		{"none", "", "", "everything", ""},
		{"no end", "2026-10-01", "", "", "half_a_window"},
		{"no beginning", "", "2026-10-01", "", "half_a_window"},
		{"the wrong way round", "2026-10-02", "2026-10-01", "", "backward_window"},
		{"no date", "yesterday", "2026-10-01", "", "not_a_date"},
		{"a day that is not", "2026-10-01", "2026-02-30", "", "not_a_date"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := importing.ParseWindow(tt.from, tt.to)
			switch {
			case tt.code != "":
				if f := fault.Of(err); f == nil || f.Code != tt.code || f.Kind != fault.Invalid {
					t.Errorf("got %v, want %s", err, tt.code)
				}
			case err != nil || got.String() != tt.want:
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestDaysBackAreCountedWhereverOnEarthItIsToday(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		now  string
		days int
		want string
	}{
		{"2026-11-01T12:30:00Z", 45, "2026-09-17 to 2026-11-02"}, // the 2nd in Kiritimati
		{"2026-11-01T09:30:00Z", 1, "2026-10-30 to 2026-11-01"},  // still October in Samoa
		{"2026-11-01T09:30:00Z", 0, "2026-10-31 to 2026-11-01"},
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := importing.Back(tt.days, now).String(); got != tt.want {
			t.Errorf("%d days before %s: got %s, want %s", tt.days, tt.now, got, tt.want)
		}
	}
}

func TestAWindowContainsItsDatesAndWhatIsNoDate(t *testing.T) {
	t.Parallel()
	october := window("2026-10-01", "2026-10-31")
	for day, want := range map[string]bool{
		"2026-09-30": false, "2026-10-01": true, "2026-10-31": true, "2026-11-01": false, "": true, "soon": true,
	} {
		if got := october.Contains(day); got != want {
			t.Errorf("%q: got %v", day, got)
		}
		if !(importing.Window{}).Contains(day) {
			t.Errorf("%q does not lie in all time", day)
		}
	}
}

func TestMonthsShareAWindowOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := timesheet.DayFromUnix(rapid.IntRange(10_000, 30_000).Draw(t, "from"))
		w := importing.Window{From: from, To: from.Add(rapid.IntRange(0, 800).Draw(t, "days"))}
		next := w.From
		for _, m := range w.Months() {
			if m.From != next || m.To.Before(m.From) || m.From.Time().Month() != m.To.Time().Month() || m.From.Time().Year() != m.To.Time().Year() {
				t.Fatalf("%s has the part %s, expected to begin on %s", w, m, next)
			}
			next = m.To.Add(1)
		}
		if next != w.To.Add(1) {
			t.Fatalf("the parts of %s end before %s", w, next)
		}
	})
}
