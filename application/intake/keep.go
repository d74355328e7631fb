package intake

import (
	"context"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// keep gives the problem rows as they are to be kept, with at most room bytes of
// text, and marks those whose problem was recorded before.
func (b *batch) keep(ctx context.Context, book Book, room int) (kept []KeptRow, text int, err error) {
	for i, r := range b.results {
		if r.Problem == nil {
			continue
		}
		row := KeptRow{Part: b.part, Source: b.source, Digest: b.digests[i], Day: b.rows[i].Content.Day, At: b.at, Again: b.rows[i].keyed != "", Result: r, Text: b.rows[i].Text}
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
	if b.dryRun || len(kept) == 0 && len(b.refusedBefore) == 0 && len(b.open) == 0 {
		return nil
	}
	var refused []KeptRow
	refusedNow := make(map[string]bool)
	if len(kept) > 0 {
		last := b.lastReceipts()
		for _, row := range kept {
			if row.Outcome == timesheet.OutcomeRejected && b.received(row.Index) != "" && last[row.Index] == row.Index {
				refused = append(refused, row)
				refusedNow[row.ExternalID] = true
			}
		}
	}
	var settled []string
	for key := range b.refusedBefore {
		if !refusedNow[key] {
			settled = append(settled, key)
		}
	}
	var judged []string
	for _, i := range b.open {
		if b.inserted > 0 && b.glances[i].ID.IsZero() {
			continue // the Book knows what it inserted
		}
		if key := b.results[i].ExternalID; !refusedNow[key] && !b.refusedBefore[key] {
			judged = append(judged, key)
		}
	}
	if len(refused) == 0 && len(settled) == 0 && len(judged) == 0 {
		return nil
	}
	return book.Refusals(ctx, b.source, b.run, refused, settled, judged)
}

// lastReceipts gives, by row, the row that is the last receipt of its key: of
// rows of one key the last revision is, also when it is the one that was refused.
func (b *batch) lastReceipts() []int {
	keys := make([]string, len(b.rows))
	var keyed []int
	for i := range b.results {
		if keys[i] = b.received(i); keys[i] != "" {
			keyed = append(keyed, i)
		}
	}
	last, _ := contest(b.rows, keys, keyed)
	return last
}
