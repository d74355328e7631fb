package timesheet_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

// hour is in seconds.
const hour = 3600

func on(user string, day int) timesheet.WorkerDay {
	return timesheet.WorkerDay{UserID: user, Day: fixture.Friday.Add(day)}
}

func TestADayTakes24HoursAndNoMore(t *testing.T) {
	t.Parallel()
	mon, tue, wed := on("ann", 0), on("ann", 1), on("ann", 2)
	for _, tt := range []struct {
		name   string
		totals map[timesheet.WorkerDay]int
		shifts []timesheet.Shift
		want   []timesheet.Overflow
	}{
		{"nothing", nil, nil, []timesheet.Overflow{}},
		{"24 hours fit", nil, []timesheet.Shift{{After: mon, AfterSeconds: 24 * hour}}, []timesheet.Overflow{}},
		{"a second more does not", map[timesheet.WorkerDay]int{mon: 1}, []timesheet.Shift{{After: mon, AfterSeconds: 24 * hour}},
			[]timesheet.Overflow{{0, mon, 24*hour + 1}}},
		{"each worker has a day of their own", map[timesheet.WorkerDay]int{mon: 24 * hour},
			[]timesheet.Shift{{After: on("bob", 0), AfterSeconds: 24 * hour}, {After: tue, AfterSeconds: 24 * hour}}, []timesheet.Overflow{}},
		{"the earlier position takes the room", map[timesheet.WorkerDay]int{mon: 20 * hour},
			[]timesheet.Shift{{After: mon, AfterSeconds: 3 * hour}, {After: mon, AfterSeconds: 2 * hour}, {After: mon, AfterSeconds: hour}},
			[]timesheet.Overflow{{1, mon, 26 * hour}}},
		{"what shrinks makes room first", map[timesheet.WorkerDay]int{mon: 24 * hour},
			[]timesheet.Shift{{After: mon, AfterSeconds: 2 * hour}, {mon, 8 * hour, mon, 6 * hour}}, []timesheet.Overflow{}},
		{"what moves away makes room first", map[timesheet.WorkerDay]int{mon: 24 * hour},
			[]timesheet.Shift{{After: mon, AfterSeconds: 8 * hour}, {mon, 8 * hour, tue, 8 * hour}}, []timesheet.Overflow{}},
		{"what is deleted or rejected makes room too", map[timesheet.WorkerDay]int{mon: 24 * hour},
			[]timesheet.Shift{{After: mon, AfterSeconds: 8 * hour}, {mon, 8 * hour, mon, 0}}, []timesheet.Overflow{}},
		{"two full days change places", map[timesheet.WorkerDay]int{mon: 24 * hour, tue: 24 * hour},
			[]timesheet.Shift{{mon, 24 * hour, tue, 24 * hour}, {tue, 24 * hour, mon, 24 * hour}}, []timesheet.Overflow{}},
		{"what may not move leaves no room", map[timesheet.WorkerDay]int{mon: 24 * hour, tue: 20 * hour},
			[]timesheet.Shift{{mon, 8 * hour, tue, 8 * hour}, {After: mon, AfterSeconds: hour}},
			[]timesheet.Overflow{{0, tue, 28 * hour}, {1, mon, 25 * hour}}},
		{"one refusal leads to the next", map[timesheet.WorkerDay]int{mon: 24 * hour, tue: 24 * hour, wed: 24 * hour},
			[]timesheet.Shift{{mon, 8 * hour, tue, 8 * hour}, {tue, 8 * hour, wed, 8 * hour}, {After: mon, AfterSeconds: 8 * hour}},
			[]timesheet.Overflow{{0, tue, 32 * hour}, {1, wed, 32 * hour}, {2, mon, 32 * hour}}},
		{"a day that is too full already may shrink", map[timesheet.WorkerDay]int{mon: 30 * hour},
			[]timesheet.Shift{{mon, 10 * hour, mon, 9 * hour}}, []timesheet.Overflow{}},
		{"or stay as it is", map[timesheet.WorkerDay]int{mon: 30 * hour},
			[]timesheet.Shift{{mon, 10 * hour, mon, 10 * hour}, {mon, 5 * hour, tue, 5 * hour}}, []timesheet.Overflow{}},
		{"and does not grow", map[timesheet.WorkerDay]int{mon: 30 * hour},
			[]timesheet.Shift{{mon, 10 * hour, mon, 10*hour + 1}}, []timesheet.Overflow{{0, mon, 30*hour + 1}}},
		{"what was refused for the sake of another one is taken when that is refused too",
			map[timesheet.WorkerDay]int{mon: 20 * hour, tue: 24 * hour},
			[]timesheet.Shift{{After: mon, AfterSeconds: 8 * hour}, {After: mon, AfterSeconds: 3 * hour}, {mon, 5 * hour, tue, 5 * hour}},
			[]timesheet.Overflow{{0, mon, 31 * hour}, {2, tue, 29 * hour}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := maps.Clone(tt.totals)
			got := timesheet.Overflows(tt.totals, tt.shifts)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(timesheet.Day{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !maps.Equal(before, tt.totals) {
				t.Error("the caller's totals were changed")
			}
		})
	}
}

func TestAShiftIsWhatCountsBeforeAndAfter(t *testing.T) {
	t.Parallel()
	entry := timesheet.Record(fixture.NewID(), fixture.Content(), "ann", fixture.Now)
	moved, err := entry.Amend(with(func(c *timesheet.Content) { c.UserID, c.Day, c.Duration = "bob", c.Day.Add(1), fixture.Hours("2") }), "ann", fixture.Now)
	if err != nil {
		t.Fatal(err)
	}
	rejected, err := entry.Reject("bob", "no", fixture.Now)
	if err != nil {
		t.Fatal(err)
	}
	deleted, err := entry.Withdraw("ann", fixture.Now)
	if err != nil {
		t.Fatal(err)
	}
	friday, none := on("ann", 0), timesheet.WorkerDay{}
	for _, tt := range []struct {
		name          string
		before, after timesheet.Entry
		want          timesheet.Shift
	}{
		{"a new entry", timesheet.Entry{}, entry, timesheet.Shift{none, 0, friday, 8 * hour}},
		{"to another worker and day", entry, moved, timesheet.Shift{friday, 8 * hour, on("bob", 1), 2 * hour}},
		{"rejected", entry, rejected, timesheet.Shift{friday, 8 * hour, friday, 0}},
		{"no longer rejected", rejected, entry, timesheet.Shift{friday, 0, friday, 8 * hour}},
		{"deleted", entry, deleted, timesheet.Shift{friday, 8 * hour, friday, 0}},
	} {
		if got := timesheet.ShiftOf(tt.before, tt.after); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// Random days and entries, small enough that days are full most of the time.
// Hours stand for seconds of a day that has 24.
func TestWhatIsRefusedDoesNotFitAndWhatIsTakenDoes(t *testing.T) {
	t.Parallel()
	day := rapid.Custom(func(t *rapid.T) timesheet.WorkerDay {
		return on(rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "user"), rapid.IntRange(0, 1).Draw(t, "day"))
	})
	rapid.Check(t, func(t *rapid.T) {
		totals, shifts := map[timesheet.WorkerDay]int{}, []timesheet.Shift{}
		for range rapid.IntRange(0, 8).Draw(t, "shifts") {
			s := timesheet.Shift{After: day.Draw(t, "after"), AfterSeconds: hour * rapid.IntRange(0, 24).Draw(t, "after hours")}
			if rapid.Bool().Draw(t, "existed") {
				s.Before, s.BeforeSeconds = day.Draw(t, "before"), hour*rapid.IntRange(0, 24).Draw(t, "before hours")
				totals[s.Before] += s.BeforeSeconds
			}
			shifts = append(shifts, s)
		}
		for range rapid.IntRange(0, 2).Draw(t, "others") {
			totals[day.Draw(t, "of others")] += hour * rapid.IntRange(0, 12).Draw(t, "hours of others")
		}
		overflows := timesheet.Overflows(totals, shifts)
		refused := make([]bool, len(shifts))
		for i, o := range overflows {
			refused[o.Index] = true
			if i > 0 && overflows[i-1].Index >= o.Index {
				t.Fatalf("not in order: %v", overflows)
			}
		}
		after := ledger(totals, shifts, refused)
		for d, seconds := range after {
			if seconds > timesheet.SecondsADay && seconds > totals[d] {
				t.Fatalf("%v has %d hours, had %d", d, seconds/hour, totals[d]/hour)
			}
		}
		for _, o := range overflows {
			s := shifts[o.Index]
			if s.After == s.Before && s.AfterSeconds <= s.BeforeSeconds || s.AfterSeconds == 0 {
				t.Fatalf("%+v makes no day fuller and is refused", s)
			}
			retried := slices.Clone(refused)
			retried[o.Index] = false
			would := ledger(totals, shifts, retried)[s.After]
			if would <= timesheet.SecondsADay {
				t.Fatalf("%+v fits (%d hours) and is refused", s, would/hour)
			}
			if o.Day != s.After || o.Seconds != would {
				t.Fatalf("%+v is refused for %v with %d hours; it would come to %d", s, o.Day, o.Seconds/hour, would/hour)
			}
		}
		if all := ledger(totals, shifts, make([]bool, len(shifts))); len(overflows) > 0 && fitsAll(all) {
			t.Fatalf("all fit together, and yet %v", overflows)
		}
	})
}

// Without moves from day to day there is nothing to find out by trying: what
// shrinks goes first, the rest by position.
func TestOnOneDayThePositionDecides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := on("ann", 0)
		total, shifts := hour*rapid.IntRange(0, 12).Draw(t, "others"), []timesheet.Shift{}
		for range rapid.IntRange(0, 8).Draw(t, "shifts") {
			s := timesheet.Shift{Before: d, BeforeSeconds: hour * rapid.IntRange(0, 8).Draw(t, "before"), After: d, AfterSeconds: hour * rapid.IntRange(0, 24).Draw(t, "after")}
			total += s.BeforeSeconds
			shifts = append(shifts, s)
		}
		sum, want := total, []int{}
		for _, s := range shifts {
			sum -= max(0, s.BeforeSeconds-s.AfterSeconds)
		}
		for i, s := range shifts {
			if grows := s.AfterSeconds - s.BeforeSeconds; grows > 0 && sum+grows > timesheet.SecondsADay {
				want = append(want, i)
			} else {
				sum += max(0, grows)
			}
		}
		got := []int{}
		for _, o := range timesheet.Overflows(map[timesheet.WorkerDay]int{d: total}, shifts) {
			got = append(got, o.Index)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("of %v (-want +got)\n%s", shifts, diff)
		}
	})
}

// ledger sums up the days after all shifts but the refused ones.
func ledger(totals map[timesheet.WorkerDay]int, shifts []timesheet.Shift, refused []bool) map[timesheet.WorkerDay]int {
	sums := maps.Clone(totals)
	for i, s := range shifts {
		if !refused[i] {
			sums[s.Before] -= s.BeforeSeconds
			sums[s.After] += s.AfterSeconds
		}
	}
	return sums
}

func fitsAll(sums map[timesheet.WorkerDay]int) bool {
	for _, seconds := range sums {
		if seconds > timesheet.SecondsADay {
			return false
		}
	}
	return true
}

// with is the fixture's content, changed.
func with(edit func(*timesheet.Content)) timesheet.Content {
	c := fixture.Content()
	edit(&c)
	return c
}
