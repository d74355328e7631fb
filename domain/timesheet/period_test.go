package timesheet_test

import (
	"errors"
	"testing"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

func TestAnEntryLiesBetween2000AndAMonthAhead(t *testing.T) {
	t.Parallel()
	period := timesheet.Period{Today: fixture.Day("2026-11-20"), LockBefore: fixture.Day("2026-11-01")}
	for day, want := range map[string]string{
		"1970-01-01": "date_out_of_range", "1999-12-31": "date_out_of_range", "2000-01-01": "", "2026-11-20": "",
		"2026-12-21": "", "2026-12-22": "date_out_of_range", "9999-12-31": "date_out_of_range", "0000-01-01": "date_out_of_range",
	} {
		err := period.Check(fixture.Day(day))
		if got := codeOf(err); got != want {
			t.Errorf("%s: got %q, want %q", day, got, want)
		}
		if err != nil && (!errors.Is(err, fault.Invalid) || fault.Of(err).Fields[0].Pointer != "/date") {
			t.Errorf("%s: %v does not name the date", day, err)
		}
	}
}

func TestEverythingBeforeTheLockIsClosed(t *testing.T) {
	t.Parallel()
	locked, never := timesheet.Period{LockBefore: fixture.Day("2026-11-01")}, timesheet.Period{}
	for day, closed := range map[string]bool{"2000-01-01": true, "2026-10-31": true, "2026-11-01": false, "2026-11-20": false} {
		if locked.Closed(fixture.Day(day)) != closed {
			t.Errorf("%s: closed is %v, want %v", day, !closed, closed)
		}
		if never.Closed(fixture.Day(day)) {
			t.Errorf("%s is closed without a lock", day)
		}
	}
	open, shut := fixture.Day("2026-11-01"), fixture.Day("2026-10-31")
	for name, err := range map[string]error{
		"the first day is closed":  locked.CheckOpen(shut, open),
		"the second day is closed": locked.CheckOpen(open, shut),
	} {
		if !errors.Is(err, fault.Conflict) || codeOf(err) != "period_closed" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"both days are open": locked.CheckOpen(open, open), "there are no days": locked.CheckOpen(), "there is no lock": never.CheckOpen(shut, fixture.Day("1970-01-01")),
	} {
		if err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// codeOf is the code of a fault, "" for none.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}
