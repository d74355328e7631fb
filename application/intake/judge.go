package intake

import (
	"context"
	"errors"
	"maps"
	"slices"

	"timesheets/domain/identity"
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
	locked := b.concerned()
	receipt := timesheet.Receipt{By: b.by.ID, Run: b.run, Now: b.at, Period: b.period, NewID: b.newID}
	// A large batch is megabytes of states: each is kept once.
	judged := make([]Stored, len(b.open))
	var fresh, known []int // positions in open
	for n, i := range b.open {
		if b.glances[i].ID.IsZero() {
			fresh = append(fresh, n)
		} else {
			known = append(known, n)
		}
	}
	if !b.dryRun {
		if len(fresh) > 0 {
			if err := book.Admit(ctx, b.source, !ahead); err != nil {
				return nil, err
			}
		}
		if ahead {
			if err := b.insert(ctx, book, fresh, judged, receipt); err != nil {
				return nil, err
			}
		}
		if err := book.Lock(ctx, locked, unseenKind); err != nil {
			return nil, err
		}
	}
	if !ahead {
		fresh, known = nil, append(fresh, known...)
		slices.Sort(known)
	}
	if len(fresh) > 0 {
		contested, err := book.Corrected(ctx, b.source, b.keysOf(fresh))
		if err != nil {
			return nil, err
		}
		if contested {
			return nil, errContested
		}
	}
	if len(known) > 0 {
		held, err := book.Held(ctx, b.source, b.keysOf(known))
		if err != nil {
			return nil, err
		}
		for k, n := range known {
			judged[n].Before = held[k]
			if owner := held[k].Entry.Snapshot().Content.UserID; held[k].Exists && !b.dryRun {
				if _, ok := slices.BinarySearch(locked, owner); !ok {
					return nil, moved{owner}
				}
			}
		}
	}
	var err error
	if receipt.Sealed, err = b.sealed(ctx, book, judged); err != nil {
		return nil, err
	}
	for _, n := range fresh {
		if receipt.Sealed[timesheet.WeekOf(b.rows[b.open[n]].Content)] {
			return nil, errContested
		}
	}
	for _, n := range known {
		judged[n].Verdict = timesheet.Judge(judged[n].Before, b.revision(b.open[n]), receipt)
	}
	overflows, err := b.overflows(ctx, book, judged, fresh)
	if err != nil {
		return nil, err
	}
	for n, i := range b.open {
		b.conclude(i, &judged[n], overflows[n])
		b.last = judged[n].Verdict.Entry
	}
	b.inherit()
	if b.dryRun {
		return nil, nil
	}
	writing := judged[:0]
	for _, n := range known {
		if overflows[n] == nil && judged[n].Verdict.Writes() {
			writing = append(writing, judged[n])
		}
	}
	return writing, nil
}

// errContested says that something stands in the way of a row that was inserted
// before its worker was locked.
var errContested = errors.New("a new row is contested")

// insert judges the rows that are new at a glance, and inserts them.
func (b *batch) insert(ctx context.Context, book Book, fresh []int, judged []Stored, receipt timesheet.Receipt) error {
	inserting := make([]*timesheet.Entry, 0, len(fresh))
	for _, n := range fresh {
		judged[n].Verdict = timesheet.Judge(timesheet.Held{}, b.revision(b.open[n]), receipt)
		if judged[n].Verdict.Outcome == timesheet.OutcomeCreated {
			inserting = append(inserting, &judged[n].Verdict.Entry)
		}
	}
	b.inserted = len(inserting)
	if len(inserting) == 0 {
		return nil
	}
	return book.Insert(ctx, inserting)
}

// insertsAhead tells whether new rows should be inserted before workers are
// locked: not when some were refused before, or wait for an approver, since they
// mostly are and do so again.
func (b *batch) insertsAhead() bool {
	return !b.dryRun && !b.contested && len(b.refusedBefore) == 0
}

func (b *batch) keysOf(positions []int) []string {
	keys := make([]string, len(positions))
	for k, n := range positions {
		keys[k] = b.results[b.open[n]].ExternalID
	}
	return keys
}

// sealed finds the approved weeks among those that the open rows concern, with
// the entries that are held of them.
func (b *batch) sealed(ctx context.Context, book Book, judged []Stored) (map[timesheet.WorkerWeek]bool, error) {
	weeks := make(map[timesheet.WorkerWeek]bool)
	for n, i := range b.open {
		weeks[timesheet.WeekOf(b.rows[i].Content)] = true
		if h := &judged[n].Before; h.Exists && !h.Entry.Deleted() {
			weeks[timesheet.WeekOf(h.Entry.Snapshot().Content)] = true
		}
	}
	states, err := book.Weeks(ctx, slices.Collect(maps.Keys(weeks)))
	if err != nil {
		return nil, err
	}
	clear(weeks)
	for week, state := range states {
		weeks[week] = state == timesheet.WeekApproved
	}
	return weeks, nil
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

// overflows finds the verdicts that would overfill a day: result[n] is the
// problem of verdict n, nil when it fits. Of verdicts that were inserted already
// the hours are part of the totals; when one of them does not fit it is
// errContested.
func (b *batch) overflows(ctx context.Context, book Book, judged []Stored, inserted []int) ([]*Problem, error) {
	problems := make([]*Problem, len(judged))
	moves := make([]int, 0, len(judged)) // verdicts that move hours, by the position of their rows
	for n := range judged {
		if o := judged[n].Verdict.Outcome; o == timesheet.OutcomeCreated || o == timesheet.OutcomeUpdated {
			moves = append(moves, n)
		}
	}
	if len(moves) == 0 {
		return problems, nil
	}
	slices.SortFunc(moves, func(n, m int) int { return b.open[n] - b.open[m] })
	shifts := make([]timesheet.Shift, len(moves))
	for k, n := range moves {
		shifts[k] = timesheet.ShiftOf(judged[n].Before.Entry, judged[n].Verdict.Entry)
	}
	totals, err := book.Totals(ctx, timesheet.DaysOf(shifts))
	if err != nil {
		return nil, err
	}
	ahead := make(map[int]bool, len(inserted))
	for _, n := range inserted {
		e := judged[n].Verdict.Entry
		ahead[n] = true
		if content := e.Snapshot().Content; e.Counted() > 0 {
			totals[timesheet.WorkerDay{UserID: content.UserID, Day: content.Day}] -= e.Counted()
		}
	}
	for _, o := range timesheet.Overflows(totals, shifts) {
		if ahead[moves[o.Index]] {
			return nil, errContested
		}
		problems[moves[o.Index]] = &Problem{Code: timesheet.DayOver24h, Field: "/hours", Detail: o.String()}
	}
	return problems, nil
}

// conclude gives row i the result of its verdict.
func (b *batch) conclude(i int, judged *Stored, over *Problem) {
	held, v := &judged.Before, &judged.Verdict
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

// keep gives the problem rows as they are to be kept, with at most room bytes of
// text, and marks those whose problem was recorded before.
func (b *batch) keep(ctx context.Context, book Book, room int) (kept []KeptRow, text int, err error) {
	for i, r := range b.results {
		if r.Problem == nil {
			continue
		}
		row := KeptRow{Part: b.part, Source: b.source, Digest: b.digests[i], Day: b.rows[i].Content.Day, At: b.at, Result: r, Text: b.rows[i].Text}
		if row.Digest.IsZero() {
			row.Digest = textDigest(row.Text)
		}
		if userID := b.rows[i].Content.UserID; identity.CheckUserID(userID) == nil {
			row.UserID = userID
		}
		if len(row.Text) > MaxKeptText || len(row.Text) > room-text {
			row.Text, row.TextTruncated = nil, true
		}
		text += len(row.Text)
		kept = append(kept, row)
	}
	if len(kept) == 0 {
		return nil, 0, nil
	}
	recorded, err := book.Recorded(ctx, b.source, kept)
	if err != nil {
		return nil, 0, err
	}
	for n := range kept {
		if kept[n].Outcome == timesheet.OutcomeRejected {
			kept[n].Known = recorded[n]
			b.results[kept[n].Index].Known = recorded[n]
		}
	}
	return kept, text, nil
}

// remember notes which keys were refused at their last receipt, so that a retry
// can judge exactly those again.
func (b *batch) remember(ctx context.Context, book Book, kept []KeptRow) error {
	if b.dryRun || len(kept) == 0 && len(b.refusedBefore) == 0 {
		return nil
	}
	// Of rows of one key the last revision is its last receipt, also when it is
	// the one that was refused.
	keys := make([]string, len(b.rows))
	var keyed []int
	for i, r := range b.results {
		if keys[i] = r.ExternalID; r.ExternalID != "" {
			keyed = append(keyed, i)
		}
	}
	last, _ := contest(b.rows, keys, keyed)
	var refused []KeptRow
	refusedNow := make(map[string]bool)
	for _, row := range kept {
		if row.Outcome == timesheet.OutcomeRejected && row.ExternalID != "" && last[row.Index] == row.Index {
			refused = append(refused, row)
			refusedNow[row.ExternalID] = true
		}
	}
	var settled []string
	for key := range b.refusedBefore {
		if !refusedNow[key] {
			settled = append(settled, key)
		}
	}
	if len(refused) == 0 && len(settled) == 0 {
		return nil
	}
	return book.Refusals(ctx, b.source, b.run, refused, settled)
}
