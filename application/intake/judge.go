package intake

import (
	"context"
	"errors"
	"maps"
	"slices"

	"timesheets/domain/timesheet"
)

// judge decides the open rows under the locks of the workers concerned, and
// gives what is to be stored. It may run again from the start.
//
// With ahead, what is new is inserted before anybody is locked. That is most of
// the work of most batches, and batches have most workers in common: so they
// work beside each other, and others wait for little. Whatever then turns out to
// be in the way of a new row is errContested: nothing has happened, and the
// batch is judged again without.
func (b *batch) judge(ctx context.Context, book Book, ahead bool) ([]Stored, error) {
	if len(b.open) == 0 {
		return nil, nil
	}
	j := judgement{
		batch: b, locked: b.concerned(),
		receipt:  timesheet.Receipt{By: b.by.ID, Run: b.run, Now: b.at, Period: b.period, NewID: b.newID},
		verdicts: make([]timesheet.Verdict, len(b.open)),
	}
	for n, i := range b.open {
		if ahead && b.glances[i].ID.IsZero() {
			j.fresh = append(j.fresh, n)
		} else {
			j.known = append(j.known, n)
		}
	}
	if err := j.insert(ctx, book); err != nil {
		return nil, err
	}
	if err := j.ask(ctx, book); err != nil {
		return nil, err
	}
	if err := j.decide(ctx, book); err != nil {
		return nil, err
	}
	b.inherit()
	if b.dryRun {
		return nil, nil
	}
	return j.writing, nil
}

// judgement is one attempt to decide a batch's open rows, each of which has its
// position among them.
type judgement struct {
	*batch
	fresh   []int // positions of rows that are inserted before anybody is locked
	known   []int // of all others
	locked  []string
	receipt timesheet.Receipt
	// A large batch is megabytes of states: each is kept once.
	verdicts []timesheet.Verdict // by position
	held     []timesheet.Held    // by the place of its position in known; of fresh rows nothing is
	shifts   []timesheet.Shift   // of fresh rows
	forecast Forecast
	answers  Answers
	writing  []Stored // what is to be stored of known rows
}

// errContested says that something stands in the way of a row that was inserted
// before its worker was locked.
var errContested = errors.New("a new row is contested")

// insertsAhead tells whether new rows should be inserted before workers are
// locked: not when some were refused before, or wait for an approver, since they
// mostly are and do so again.
func (b *batch) insertsAhead() bool {
	return !b.dryRun && !b.contested && len(b.refusedBefore) == 0
}

// insert judges the rows that are new at a glance as if nothing stood in their
// way, and inserts them.
func (j *judgement) insert(ctx context.Context, book Book) error {
	inserting := make([]*timesheet.Entry, 0, len(j.fresh))
	j.shifts = make([]timesheet.Shift, 0, len(j.fresh))
	for k, n := range j.fresh {
		j.way.Yield(ctx, k)
		v := &j.verdicts[n]
		*v = timesheet.Judge(timesheet.Held{}, j.revision(j.open[n]), j.receipt)
		if v.Outcome == timesheet.OutcomeCreated {
			inserting = append(inserting, &v.Entry)
			j.shifts = append(j.shifts, timesheet.ShiftOf(timesheet.Entry{}, v.Entry))
		}
		j.conclude(j.open[n], &timesheet.Held{}, v, nil)
		j.last = v.Entry
	}
	j.inserted = len(inserting)
	if len(inserting) == 0 {
		return nil
	}
	var err error
	j.forecast, err = book.Insert(ctx, inserting, j.locked, timesheet.DaysOf(j.shifts))
	return err
}

// ask locks the workers and learns what is held.
func (j *judgement) ask(ctx context.Context, book Book) error {
	questions := Questions{
		Source: j.source, Known: j.keysOf(j.known), Fresh: j.keysOf(j.fresh), Forecast: j.forecast,
		Alone: len(j.fresh) == 0 && len(j.glances) < len(j.open) && !j.dryRun,
	}
	met := make(map[timesheet.WorkerWeek]bool)
	for n, i := range j.open {
		j.way.Yield(ctx, n)
		if w := timesheet.WeekOf(j.rows[i].Content); !met[w] {
			met[w] = true
			questions.Weeks = append(questions.Weeks, w)
		}
	}
	lock, unseen := j.locked, unseenKind
	switch {
	case j.dryRun:
		lock = nil
	case j.inserted > 0 && !j.forecast.Unseen:
		unseen = ""
	}
	answers, err := book.Ask(ctx, lock, unseen, questions)
	if err != nil {
		return err
	}
	if answers.Corrected {
		return errContested
	}
	for _, n := range j.fresh {
		if answers.Weeks[timesheet.WeekOf(j.rows[j.open[n]].Content)] == timesheet.WeekApproved {
			return errContested
		}
	}
	var more []timesheet.WorkerWeek // of entries that rows would change
	for k := range j.known {
		h := &answers.Held[k]
		if !h.Exists {
			continue
		}
		content := h.Entry.Snapshot().Content
		if _, ok := slices.BinarySearch(j.locked, content.UserID); !ok && !j.dryRun {
			return moved{content.UserID}
		}
		if w := timesheet.WeekOf(content); !h.Entry.Deleted() && !met[w] {
			met[w] = true
			more = append(more, w)
		}
	}
	if len(more) > 0 {
		states, _, err := book.Around(ctx, more, nil)
		if err != nil {
			return err
		}
		maps.Copy(answers.Weeks, states)
	}
	j.answers, j.held = answers, answers.Held
	j.receipt.Sealed = make(map[timesheet.WorkerWeek]bool)
	for week, state := range answers.Weeks {
		j.receipt.Sealed[week] = state == timesheet.WeekApproved
	}
	return nil
}

// decide gives every row that was not inserted its verdict, and each the result.
func (j *judgement) decide(ctx context.Context, book Book) error {
	for k, n := range j.known {
		j.way.Yield(ctx, k)
		j.verdicts[n] = timesheet.Judge(j.held[k], j.revision(j.open[n]), j.receipt)
	}
	overflows, err := j.overflows(ctx, book)
	if err != nil {
		return err
	}
	for k, n := range j.known {
		v := &j.verdicts[n]
		j.conclude(j.open[n], &j.held[k], v, overflows[n])
		j.last = v.Entry
		if overflows[n] == nil && v.Writes() {
			j.writing = append(j.writing, Stored{Before: j.held[k], Verdict: *v})
		}
	}
	j.spare(book)
	return nil
}

// spare takes back those who were created for rows that turned out to change
// nothing.
func (j *judgement) spare(book Book) {
	idle := make(map[string]bool)
	for _, i := range j.open {
		if o := j.results[i].Outcome; o != timesheet.OutcomeCreated && o != timesheet.OutcomeUpdated {
			idle[j.rows[i].Content.UserID] = true
		}
	}
	if len(idle) == 0 {
		return
	}
	for _, i := range j.open {
		if o := j.results[i].Outcome; o == timesheet.OutcomeCreated || o == timesheet.OutcomeUpdated {
			delete(idle, j.rows[i].Content.UserID)
		}
	}
	book.Spare(slices.Sorted(maps.Keys(idle)))
}

func (b *batch) keysOf(positions []int) []string {
	keys := make([]string, len(positions))
	for k, n := range positions {
		keys[k] = b.results[b.open[n]].ExternalID
	}
	return keys
}

// concerned lists the workers whose entries may change, sorted: of the new
// content, and of the entries as they were at a glance. On a closed day no
// content is stored: its worker is not locked, and above all not created.
func (b *batch) concerned() []string {
	ids := slices.Clone(b.lockToo)
	for _, i := range b.open {
		if content := b.rows[i].Content; !b.period.Closed(content.Day) {
			ids = append(ids, content.UserID)
		}
		if g := b.glances[i]; g.UserID != "" {
			ids = append(ids, g.UserID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// overflows finds the verdicts that would overfill a day, by position. When it
// is one of a row that was inserted, it is errContested.
func (j *judgement) overflows(ctx context.Context, book Book) (map[int]*Problem, error) {
	var moves []mover
	for k, n := range j.known {
		if o := j.verdicts[n].Outcome; o == timesheet.OutcomeCreated || o == timesheet.OutcomeUpdated {
			moves = append(moves, mover{n, timesheet.ShiftOf(j.held[k].Entry, j.verdicts[n].Entry)})
		}
	}
	totals := j.answers.Totals
	if len(moves) == 0 {
		// What was inserted is part of the totals.
		for _, seconds := range totals {
			if seconds > timesheet.SecondsADay {
				return nil, errContested
			}
		}
		return nil, nil
	}
	// A forecast may be too high by what left the day since: enough to judge again
	// by, not to refuse a row.
	_, found, err := book.Around(ctx, nil, timesheet.DaysOf(shiftsOf(moves)))
	if err != nil {
		return nil, err
	}
	if totals == nil {
		totals = found
	} else {
		maps.Copy(totals, found)
	}
	for _, n := range j.fresh {
		if s := timesheet.ShiftOf(timesheet.Entry{}, j.verdicts[n].Entry); s.AfterSeconds > 0 {
			totals[s.After] -= s.AfterSeconds
			moves = append(moves, mover{n, s})
		}
	}
	slices.SortFunc(moves, func(a, b mover) int { return j.open[a.position] - j.open[b.position] })
	problems := make(map[int]*Problem)
	for _, o := range timesheet.Overflows(totals, shiftsOf(moves)) {
		n := moves[o.Index].position
		if slices.Contains(j.fresh, n) {
			return nil, errContested
		}
		problems[n] = &Problem{Code: timesheet.DayOver24h, Field: "/hours", Detail: o.String()}
	}
	return problems, nil
}

// mover is the verdict at a position, that moves hours.
type mover struct {
	position int
	shift    timesheet.Shift
}

func shiftsOf(moves []mover) []timesheet.Shift {
	shifts := make([]timesheet.Shift, len(moves))
	for k, m := range moves {
		shifts[k] = m.shift
	}
	return shifts
}

// conclude gives row i the result of its verdict.
func (b *batch) conclude(i int, held *timesheet.Held, v *timesheet.Verdict, over *Problem) {
	r := Result{Index: i, ExternalID: b.results[i].ExternalID, ID: held.Entry.ID(), Outcome: v.Outcome, Code: string(v.Code)}
	switch {
	case over != nil:
		r.Outcome, r.Code, r.Problem = timesheet.OutcomeRejected, over.Code, over
	case v.Outcome == timesheet.OutcomeRejected:
		r.Problem = &Problem{Code: string(v.Code), Field: "/date", Detail: b.detail(v.Code)}
	case v.Outcome == timesheet.OutcomeConflict:
		r.Problem = &Problem{Code: string(v.Code), Detail: b.detail(v.Code)}
		r.CorrectionID, r.Known = v.CorrectionID, v.Known
	case v.Outcome == timesheet.OutcomeCreated:
		r.ID = v.Entry.ID()
	}
	if b.dryRun {
		// What a dry run would make does not exist: its id is nobody's.
		if !held.Exists {
			r.ID = timesheet.ID{}
		}
		if held.Open == nil {
			r.CorrectionID = timesheet.ID{}
		}
	}
	b.results[i] = r
}
