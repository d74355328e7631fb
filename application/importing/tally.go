package importing

import (
	"cmp"
	"maps"
	"slices"

	"timesheets/domain/timesheet"
)

// tally counts what one reading of a window brings. A window that moved while
// it was read is read again, and its earlier tally is thrown away, so that no
// hour counts twice.
type tally struct {
	running    int
	unreadable int
	texts      []string
	hours      map[workerWeek]*WorkerWeek
}

type workerWeek struct {
	worker string
	week   timesheet.Week
}

func newTally() *tally { return &tally{hours: map[workerWeek]*WorkerWeek{}} }

// page counts what a page held beside its rows.
func (t *tally) page(p Page) {
	t.running += p.Running
	t.unreadable += len(p.Unreadable)
	for _, text := range p.Unreadable {
		if len(t.texts) < maxLines {
			t.texts = append(t.texts, text)
		}
	}
}

// landed counts the time of one row.
func (t *tally) landed(l line) {
	t.add(WorkerWeek{Worker: l.worker, Week: l.week, Entries: 1, Seconds: l.seconds})
}

func (t *tally) add(w WorkerWeek) {
	key := workerWeek{w.Worker, w.Week}
	if t.hours[key] == nil && len(t.hours) >= maxWorkerWeeks {
		key = workerWeek{worker: Others}
	}
	sum := t.hours[key]
	if sum == nil {
		sum = &WorkerWeek{Worker: key.worker, Week: key.week}
		t.hours[key] = sum
	}
	sum.Entries += w.Entries
	sum.Seconds += w.Seconds
}

// merge adds what another tally counted.
func (t *tally) merge(o *tally) {
	t.running += o.running
	t.unreadable += o.unreadable
	t.texts = append(t.texts, o.texts[:min(len(o.texts), maxLines-len(t.texts))]...)
	for _, w := range o.hours {
		t.add(*w)
	}
}

// into writes the tally into a summary.
func (t *tally) into(s *Summary) {
	s.Running, s.Unreadable, s.UnreadableTexts = t.running, t.unreadable, t.texts
	s.Hours = make([]WorkerWeek, 0, len(t.hours))
	for w := range maps.Values(t.hours) {
		s.Hours = append(s.Hours, *w)
	}
	slices.SortFunc(s.Hours, func(a, b WorkerWeek) int {
		return cmp.Or(cmp.Compare(a.Worker, b.Worker), a.Week.Monday().Unix()-b.Week.Monday().Unix())
	})
}
