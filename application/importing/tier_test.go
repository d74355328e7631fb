package importing_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

func instant(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return at
}

func TestARunReadsItsTierAndBackToTheLastOne(t *testing.T) {
	t.Parallel()
	const now = "2026-11-20T12:30:00Z"
	for _, tt := range []struct {
		name, cursor string
		tier         importing.Tier
		want         string
	}{
		{"never imported", "", importing.Recent, "2026-10-06 to 2026-11-21"},
		{"never imported, weekly", "", importing.Weekly, "2026-10-06 to 2026-11-21"},
		{"a cursor that is none of ours", "page 7", importing.Recent, "2026-10-06 to 2026-11-21"},
		{"a quarter of an hour ago", "2026-11-20T12:15:00Z", importing.Recent, "2026-11-19 to 2026-11-21"},
		{"no tier", "2026-11-20T12:15:00Z", "", "2026-11-19 to 2026-11-21"},
		{"nightly", "2026-11-20T12:15:00Z", importing.Nightly, "2026-11-13 to 2026-11-21"},
		{"weekly", "2026-11-20T12:15:00Z", importing.Weekly, "2026-10-06 to 2026-11-21"},
		{"yesterday", "2026-11-19T23:00:00Z", importing.Recent, "2026-11-18 to 2026-11-21"},
		{"early yesterday, which was the day before elsewhere", "2026-11-19T11:59:00Z", importing.Recent, "2026-11-17 to 2026-11-21"},
		{"ten days ago", "2026-11-10T12:15:00Z", importing.Recent, "2026-11-09 to 2026-11-21"},
		{"ten days ago, nightly", "2026-11-10T12:15:00Z", importing.Nightly, "2026-11-09 to 2026-11-21"},
		{"ten days ago, weekly", "2026-11-10T12:15:00Z", importing.Weekly, "2026-10-06 to 2026-11-21"},
		{"a year ago", "2025-11-10T12:15:00Z", importing.Weekly, "2025-11-09 to 2026-11-21"},
		{"by a clock that is a little fast", "2026-11-20T13:30:00Z", importing.Recent, "2026-11-19 to 2026-11-21"},
		{"by a clock that was wrong", "2026-11-20T13:30:01Z", importing.Recent, "2026-10-06 to 2026-11-21"},
		{"by a clock that was wrong by years", "2036-11-20T12:15:00Z", importing.Nightly, "2026-10-06 to 2026-11-21"},
		{"before there was anything", "1970-01-01T00:00:00Z", importing.Recent, "2000-01-01 to 2026-11-21"},
	} {
		if got := importing.Due(tt.cursor, tt.tier, instant(now)).String(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestACursorIsEarnedByReadingWithoutAGap(t *testing.T) {
	t.Parallel()
	const began = "2026-11-20T13:30:00.987654321+01:00"
	for _, tt := range []struct{ name, before, from, to, want string }{
		{"everything", "", "", "", "2026-11-20T12:30:00Z"},
		{"everything, once more", "2026-11-19T11:30:00Z", "", "", "2026-11-20T12:30:00Z"},
		{"the first 45 days", "", "2026-10-06", "2026-11-21", "2026-11-20T12:30:00Z"},
		{"fewer days, the first time", "", "2026-10-20", "2026-11-21", ""},
		{"yesterday and today", "2026-11-20T10:00:00Z", "2026-11-18", "2026-11-21", "2026-11-20T12:30:00Z"},
		{"today alone", "2026-11-20T10:00:00Z", "2026-11-20", "2026-11-21", ""},
		{"back to the last run", "2026-11-10T12:00:00Z", "2026-11-09", "2026-11-21", "2026-11-20T12:30:00Z"},
		{"not quite back to the last run", "2026-11-10T12:00:00Z", "2026-11-10", "2026-11-21", ""},
		{"up to a day in between", "2026-11-10T12:00:00Z", "2026-11-09", "2026-11-15", "2026-11-15T00:00:00Z"},
		{"up to today", "2026-11-10T12:00:00Z", "2026-11-09", "2026-11-20", "2026-11-20T12:30:00Z"},
		{"up to a day that was read", "2026-11-10T12:00:00Z", "2026-11-01", "2026-11-10", ""},
		{"old days", "2026-11-20T10:00:00Z", "2026-01-01", "2026-01-31", ""},
		{"a year, the first time", "", "2025-01-01", "2025-12-31", "2025-12-31T00:00:00Z"},
		{"after a clock that is a little fast", "2026-11-20T13:30:00Z", "2026-11-01", "2026-11-21", ""},
		{"after a clock that was wrong", "2026-12-24T12:15:00Z", "2026-11-01", "2026-11-21", ""},
		{"all that is due after a clock that was wrong", "2026-12-24T12:15:00Z", "2026-10-06", "2026-11-21", "2026-11-20T12:30:00Z"},
		{"in the same second", "2026-11-20T12:30:00Z", "2026-11-01", "2026-11-21", ""},
	} {
		if got := importing.Earned(tt.before, window(tt.from, tt.to), instant(began)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Whatever was run when, the next run reads every day that was not over when
// the last one began, and the cursor only ever goes on, up to the present.
func TestNoDayIsLeftOutHoweverRunsFollowEachOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(1_700_000_000, 1_800_000_000).Draw(t, "begin"), 0).UTC()
		cursor, until := "", time.Time{} // all before until was read once it was over
		for range rapid.IntRange(1, 12).Draw(t, "runs") {
			now = now.Add(time.Duration(rapid.Int64Range(1, 60*24*3600).Draw(t, "seconds")) * time.Second)
			tier := rapid.SampledFrom([]importing.Tier{importing.Recent, importing.Nightly, importing.Weekly}).Draw(t, "tier")
			w := importing.Due(cursor, tier, now)
			if !until.IsZero() && !w.From.Before(dayBefore(until)) {
				t.Fatalf("all was read up to %s, and %s leaves out the day before", until, w)
			}
			earned := importing.Earned(cursor, w, now)
			if earned == "" || !instant(earned).Equal(now) {
				t.Fatalf("the run at %s of %s earned %q after %q", now, w, earned, cursor)
			}
			if rapid.Bool().Draw(t, "completed") {
				cursor, until = earned, now
			}
		}
	})
}

// dayBefore is the last day of which nobody may say that it was over at the
// time.
func dayBefore(at time.Time) timesheet.Day { return importing.Back(0, at).From }

func TestATierHasAName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]importing.Tier{"": importing.Recent, "recent": importing.Recent, "nightly": importing.Nightly, "weekly": importing.Weekly} {
		if got, err := importing.ParseTier(name); err != nil || got != want {
			t.Errorf("%q: got %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"monthly", "Weekly", " "} {
		if _, err := importing.ParseTier(name); fault.Of(err).Code != "not_a_tier" {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
