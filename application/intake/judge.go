package intake

import (
	"context"
	"maps"
	"slices"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// judge decides the open rows under the locks of the workers concerned, and
// gives what is to be stored. It may run again from the start.
func (b *batch) judge(ctx context.Context, book Book) ([]Stored, error) {
	if len(b.open) == 0 {
		return nil, nil
	}
	locked := b.concerned()
	if !b.dryRun {
		if err := book.Lock(ctx, locked, unseenKind); err != nil {
			return nil, err
		}
	}
	keys := make([]string, len(b.open))
	for n, i := range b.open {
		keys[n] = b.results[i].ExternalID
	}
	held, err := book.Held(ctx, b.source, keys)
	if err != nil {
		return nil, err
	}
	receipt := timesheet.Receipt{By: b.by.ID, Run: b.run, Now: b.at, Period: b.period, NewID: b.newID}
	if receipt.Sealed, err = b.sealed(ctx, book, held); err != nil {
		return nil, err
	}
	// A large batch is megabytes of states: each is kept once.
	judged := make([]Stored, len(b.open))
	for n, i := range b.open {
		if owner := held[n].Entry.Snapshot().Content.UserID; held[n].Exists && !b.dryRun {
			if _, ok := slices.BinarySearch(locked, owner); !ok {
				return nil, moved{owner}
			}
		}
		judged[n] = Stored{Before: held[n], Verdict: timesheet.Judge(held[n], b.revision(i), receipt)}
	}
	overflows, err := b.overflows(ctx, book, judged)
	if err != nil {
		return nil, err
	}
	writing := judged[:0]
	for n, i := range b.open {
		j, over := &judged[n], overflows[n]
		b.conclude(i, j, over)
		b.last = j.Verdict.Entry
		if over == nil && j.Verdict.Writes() {
			writing = append(writing, *j)
		}
	}
	b.inherit()
	if b.dryRun {
		return nil, nil
	}
	return writing, nil
}

// sealed finds the approved weeks among those that the open rows concern, with
// the entries that are held of them.
func (b *batch) sealed(ctx context.Context, book Book, held []timesheet.Held) (map[timesheet.WorkerWeek]bool, error) {
	weeks := make(map[timesheet.WorkerWeek]bool)
	for n, i := range b.open {
		weeks[timesheet.WeekOf(b.rows[i].Content)] = true
		if h := held[n]; h.Exists && !h.Entry.Deleted() {
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
// problem of verdict n, nil when it fits.
func (b *batch) overflows(ctx context.Context, book Book, judged []Stored) ([]*Problem, error) {
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
	for _, o := range timesheet.Overflows(totals, shifts) {
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
