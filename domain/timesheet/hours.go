package timesheet

import (
	"fmt"
	"slices"
)

// WorkerDay is one day of one worker.
type WorkerDay struct {
	UserID string
	Day    Day
}

// Shift is how one change moves hours: what counted before it, what counts
// after it. Seconds are 0 where nothing counts (no entry, deleted, rejected).
type Shift struct {
	Before        WorkerDay
	BeforeSeconds int
	After         WorkerDay
	AfterSeconds  int
}

// ShiftOf gives the shift from one state of an entry to another; either may
// be the zero Entry.
func ShiftOf(before, after Entry) Shift {
	return Shift{
		Before: WorkerDay{before.s.Content.UserID, before.s.Content.Day}, BeforeSeconds: before.Counted(),
		After: WorkerDay{after.s.Content.UserID, after.s.Content.Day}, AfterSeconds: after.Counted(),
	}
}

// DaysOf lists the days on which the shifts move something, each once.
func DaysOf(shifts []Shift) []WorkerDay {
	met := make(map[WorkerDay]bool, len(shifts))
	days := make([]WorkerDay, 0, len(shifts))
	touch := func(d WorkerDay, seconds int) {
		if seconds > 0 && !met[d] {
			met[d] = true
			days = append(days, d)
		}
	}
	for _, s := range shifts {
		touch(s.Before, s.BeforeSeconds)
		touch(s.After, s.AfterSeconds)
	}
	return days
}

// Overflow is a shift that does not fit.
type Overflow struct {
	Index   int // of the shift
	Day     WorkerDay
	Seconds int // what the day would come to, beside all that fits
}

// DayOver24h is the code of what would give a worker more than 24 hours on a
// day.
const DayOver24h = "day_over_24h"

// String says, for a person, why the shift does not fit.
func (o Overflow) String() string {
	return fmt.Sprintf("%s would come to %s hours (%d seconds) for this worker: a day has 24.", o.Day.Day, Hours(int64(o.Seconds)), o.Seconds)
}

// Overflows names the shifts that would give a worker more than 24 hours on a
// day, in the order of their indexes. totals has what counts now on every day
// that a shift touches. All shifts are judged by the state that they lead to
// together: what moves away or shrinks makes room first, then they take their
// place in order of their position. What does not fit stays as it was and
// counts so, which may leave no room for others: this is repeated until the
// rest fits. No shift that leaves its day no fuller than before is refused,
// and none that would fit into what is left in the end.
func Overflows(totals map[WorkerDay]int, shifts []Shift) []Overflow {
	now, moves := plan(totals, shifts)
	refused := make([]bool, len(moves))
	after, more := settle(now, moves, refused)
	for more {
		after, more = settle(now, moves, refused)
	}
	// What was refused for the sake of a shift that was itself refused later
	// may fit after all; and where it leaves, so may others.
	for again := true; again; {
		again = false
		for i, m := range moves {
			if refused[i] && after[m.to]+m.grows <= SecondsADay {
				after[m.from] -= m.leaves
				after[m.to] += m.grows
				refused[i], again = false, true
			}
		}
	}
	overflows := []Overflow{}
	for i, m := range moves {
		if refused[i] {
			overflows = append(overflows, Overflow{Index: i, Day: shifts[i].After, Seconds: after[m.to] + m.grows})
		}
	}
	return overflows
}

// move is a shift by the numbers of its days: what it takes from one, which it
// does first, and by how much it makes one fuller.
type move struct{ from, leaves, to, grows int }

// plan numbers the days, since a large batch is judged many times over, and
// gives what counts on each now.
func plan(totals map[WorkerDay]int, shifts []Shift) (now []int, moves []move) {
	numbers := make(map[WorkerDay]int, len(totals))
	number := func(d WorkerDay) int {
		n, met := numbers[d]
		if !met {
			n = len(now)
			numbers[d], now = n, append(now, totals[d])
		}
		return n
	}
	for _, s := range shifts {
		m := move{number(s.Before), s.BeforeSeconds, number(s.After), s.AfterSeconds}
		if m.from == m.to {
			m.leaves, m.grows = max(0, s.BeforeSeconds-s.AfterSeconds), max(0, s.AfterSeconds-s.BeforeSeconds)
		}
		moves = append(moves, m)
	}
	return now, moves
}

// settle gives the days after all moves that are not refused, and refuses
// those that do not fit: more tells whether there were any, which counted as
// leaving their old day until then.
func settle(now []int, moves []move, refused []bool) (after []int, more bool) {
	after = slices.Clone(now)
	for i, m := range moves {
		if !refused[i] {
			after[m.from] -= m.leaves
		}
	}
	for i, m := range moves {
		switch {
		case refused[i]:
		case m.grows > 0 && after[m.to]+m.grows > SecondsADay:
			refused[i], more = true, true
		default:
			after[m.to] += m.grows
		}
	}
	return after, more
}
