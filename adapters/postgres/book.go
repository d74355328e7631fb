package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/application/intake"
	"timesheets/application/precedence"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// book is the ledger within one transaction.
type book struct {
	tx  *transaction
	org identity.Organization
	now time.Time
	way *precedence.RightOfWay // of those who insert ahead; nil for who never does

	submitted map[timesheet.WorkerWeek]bool // of the weeks that were asked for
	write     timesheet.ID                  // of what is stored; zero as long as nothing is
	inserted  []*timesheet.Entry            // before anybody was locked
	made      []string                      // workers who were created
	refused   []string                      // keys of which the last receipt was refused
}

var _ intake.Book = (*book)(nil)

func (b *book) Lock(ctx context.Context, userIDs []string, unseen worker.Kind) error {
	return lockWorkers(ctx, b.tx, b.org, userIDs, unseen, b.now, &b.made)
}

// Ask is one exchange with the server. Every statement sees what was committed
// when it began, hence after the locks were had.
func (b *book) Ask(ctx context.Context, userIDs []string, unseen worker.Kind, q intake.Questions) (intake.Answers, error) {
	var batch pgx.Batch
	var a intake.Answers
	locked := func() error { return nil }
	if q.Alone {
		b.askAdmission(&batch, q.Source, true)
	}
	if len(userIDs) > 0 {
		locked = askForLocks(&batch, b.org, userIDs, unseen, b.now, &b.made)
	}
	if len(q.Known) > 0 {
		a.Held = b.askHeld(&batch, q.Source, q.Known)
	}
	corrections := false
	if len(q.Fresh) > 0 {
		batch.Queue(`SELECT EXISTS (SELECT 1 FROM corrections WHERE org_id = $1 AND source = $2)`, string(b.org), q.Source).
			QueryRow(func(row pgx.Row) error { return row.Scan(&corrections) })
	}
	if len(q.Weeks) > 0 {
		a.Weeks = askWeeks(&batch, b.org, q.Weeks)
	}
	since := new([]timesheet.WorkerDay)
	if a.Totals = q.Forecast.Totals; len(a.Totals) > 0 {
		since = b.askSince(&batch, q.Forecast)
	}
	if batch.Len() == 0 {
		return a, nil
	}
	if err := b.tx.SendBatch(ctx, &batch).Close(); err != nil {
		return a, err
	}
	if err := locked(); err != nil {
		return a, err
	}
	b.remember(a.Weeks)
	if corrections {
		if err := b.tx.QueryRow(ctx, `
			SELECT EXISTS (SELECT 1 FROM corrections WHERE org_id = $1 AND source = $2 AND external_id = ANY ($3) AND state IN ('open', 'dismissed'))`,
			string(b.org), q.Source, q.Fresh).Scan(&a.Corrected); err != nil {
			return a, err
		}
	}
	return a, b.addUp(ctx, q.Forecast, *since)
}

// Spare takes workers back. Who waits to create the same worker does so then.
func (b *book) Spare(userIDs []string) {
	needless := slices.DeleteFunc(slices.Clone(b.made), func(id string) bool { return !slices.Contains(userIDs, id) })
	if len(needless) > 0 {
		b.tx.atLast(`DELETE FROM workers WHERE org_id = $1 AND user_id = ANY ($2)`, string(b.org), needless)
	}
}

// askSince asks which of the forecast's days have an entry that a later write
// made what it is: that is all that can make a day fuller.
func (b *book) askSince(batch *pgx.Batch, f intake.Forecast) *[]timesheet.WorkerDay {
	since := new([]timesheet.WorkerDay)
	var first, last timesheet.Day
	for d := range f.Totals {
		if first.IsZero() || d.Day.Before(first) {
			first = d.Day
		}
		if d.Day.After(last) {
			last = d.Day
		}
	}
	batch.Queue(`
		SELECT DISTINCT e.user_id, e.day FROM writes w CROSS JOIN LATERAL (
			SELECT user_id, day FROM entries e WHERE e.org_id = $1 AND e.write_id = w.write_id AND e.day BETWEEN $3 AND $4 OFFSET 0
		) e
		WHERE w.org_id = $1 AND w.number > $2`, string(b.org), f.After, first.Time(), last.Time()).Query(func(rows pgx.Rows) error {
		var userID string
		var day time.Time
		_, err := pgx.ForEachRow(rows, []any{&userID, &day}, func() error {
			d := timesheet.WorkerDay{UserID: userID, Day: timesheet.DayIn(day)}
			if _, mine := f.Totals[d]; mine {
				*since = append(*since, d)
			}
			return nil
		})
		return err
	})
	return since
}

// askHeld asks what is held under the keys.
func (b *book) askHeld(batch *pgx.Batch, source string, keys []string) []timesheet.Held {
	held := make([]timesheet.Held, len(keys))
	at := make(map[string]int, len(keys))
	for i, key := range keys {
		at[key] = i
	}
	batch.Queue(`
		SELECT e.* FROM unnest($3::text[]) AS k (external_id)
		CROSS JOIN LATERAL (
			SELECT `+entryColumns+` FROM entries e
			WHERE e.org_id = $1 AND e.source = $2 AND e.external_id = k.external_id LIMIT 1
		) e
		WHERE `+withinReach, string(b.org), source, keys).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			e, err := scanEntry(rows)
			if err != nil {
				return err
			}
			h := &held[at[e.Snapshot().Origin.ExternalID]]
			h.Entry, h.Exists = e, true
		}
		return rows.Err()
	})
	askLastCorrections(batch, b.org, source, keys, func(c *timesheet.Correction) *timesheet.Held { return &held[at[c.Origin.ExternalID]] })
	return held
}

func (b *book) Around(ctx context.Context, weeks []timesheet.WorkerWeek, days []timesheet.WorkerDay) (map[timesheet.WorkerWeek]timesheet.WeekState, map[timesheet.WorkerDay]int, error) {
	states, totals, err := around(ctx, b.tx, b.org, weeks, days)
	b.remember(states)
	return states, totals, err
}

func (b *book) Totals(ctx context.Context, days []timesheet.WorkerDay) (map[timesheet.WorkerDay]int, error) {
	return dayTotals(ctx, b.tx, b.org, days)
}

func (b *book) Recorded(ctx context.Context, source string, problems []intake.KeptRow) ([]bool, error) {
	keys, digests, codes := make([]*string, len(problems)), make([][]byte, len(problems)), make([]string, len(problems))
	for i, p := range problems {
		keys[i], digests[i], codes[i] = nullText(p.ExternalID), p.Digest[:], p.Code
	}
	rows, err := b.tx.Query(ctx, `
		SELECT EXISTS (
			SELECT 1 FROM import_rows r JOIN imports i ON i.org_id = r.org_id AND i.id = r.import_id
			WHERE r.org_id = $1 AND r.source = $2 AND r.digest = k.digest AND r.code = k.code
			AND r.external_id IS NOT DISTINCT FROM k.external_id AND NOT i.dry_run
		)
		FROM unnest($3::text[], $4::bytea[], $5::text[]) WITH ORDINALITY AS k (external_id, digest, code, ord)
		ORDER BY k.ord`, string(b.org), source, keys, digests, codes)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[bool])
}

// askAdmission holds a lock on the source in the one mode or the other.
func (b *book) askAdmission(batch *pgx.Batch, source string, alone bool) {
	batch.Queue(`SELECT `+advisory(alone)+`(hashtextextended($1 || ' ' || $2, 0))`, string(b.org), source)
}

func (b *book) Insert(ctx context.Context, entries []*timesheet.Entry, userIDs []string, days []timesheet.WorkerDay) (intake.Forecast, error) {
	var f intake.Forecast
	var batch pgx.Batch
	b.askAdmission(&batch, entries[0].Snapshot().Origin.Source, false)
	batch.Queue(`SELECT count(*) < $3 FROM workers WHERE org_id = $1 AND user_id = ANY ($2)`, string(b.org), userIDs, len(userIDs)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&f.Unseen) })
	after := b.askNumber(&batch)
	f.Totals = askTotals(&batch, b.org, days)
	if err := b.tx.SendBatch(ctx, &batch).Close(); err != nil {
		return f, err
	}
	f.After = *after
	created := make([]placed, len(entries))
	none := new(timesheet.Entry)
	for i := range entries {
		created[i] = placed{before: none, after: entries[i], position: i}
		// It is cheaper to add what is being inserted than to read it again.
		if s := timesheet.ShiftOf(timesheet.Entry{}, *entries[i]); s.AfterSeconds > 0 {
			f.Totals[s.After] += s.AfterSeconds
		}
	}
	var err error
	if b.write, err = newWrite(); err != nil {
		return f, err
	}
	b.inserted = entries
	if err := b.copyInPieces(ctx, created); err != nil {
		return f, err
	}
	return f, b.renew(ctx, &f)
}

// pieceOfCopy is how many new entries are inserted at a time while somebody
// writes by hand: a few milliseconds' work.
const pieceOfCopy = 200

// copyInPieces inserts new entries, and lets people go before all but the first
// piece. Nobody is locked yet, so a pause keeps none of them waiting.
func (b *book) copyInPieces(ctx context.Context, created []placed) error {
	for len(created) > pieceOfCopy && b.way.Near() {
		piece := created[:pieceOfCopy]
		if err := b.way.Piece(ctx, func() error { return copyEntries(ctx, b.tx, string(b.org), b.write, piece) }); err != nil {
			return err
		}
		created = created[pieceOfCopy:]
	}
	return copyEntries(ctx, b.tx, string(b.org), b.write, created)
}

// renew brings a forecast up to date with what others wrote while entries were
// being inserted, so that little is left to be looked up under lock.
func (b *book) renew(ctx context.Context, f *intake.Forecast) error {
	var batch pgx.Batch
	after := b.askNumber(&batch)
	since := b.askSince(&batch, *f)
	if err := b.tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	f.After = *after
	return b.addUp(ctx, *f, *since)
}

// askNumber asks for the number of the organisation's last write. It is asked
// for before sums are: what others commit in between may be part of them, and is
// looked up again all the same.
func (b *book) askNumber(batch *pgx.Batch) *int64 {
	var number int64
	batch.Queue(`SELECT coalesce((SELECT number FROM write_counters WHERE org_id = $1), 0)`, string(b.org)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&number) })
	return &number
}

// addUp reads the sums of days of the forecast anew.
func (b *book) addUp(ctx context.Context, f intake.Forecast, days []timesheet.WorkerDay) error {
	if len(days) == 0 {
		return nil
	}
	totals, err := dayTotals(ctx, b.tx, b.org, days)
	maps.Copy(f.Totals, totals)
	return err
}

func (b *book) Store(ctx context.Context, by string, run timesheet.ID, writing []intake.Stored) error {
	changes := make([]placed, 0, len(writing))
	var received receivedArrays
	var corrections correctionBatch
	for i := range writing {
		w := &writing[i]
		v := &w.Verdict
		if !v.Entry.ID().IsZero() {
			changes = append(changes, placed{&w.Before.Entry, &v.Entry, len(b.inserted) + i})
		}
		if v.Received != nil {
			received.add(w.Before.Entry, *v.Received)
		}
		if v.Propose != nil {
			corrections.propose(b.org, *v.Propose)
		}
		if v.Restamp != nil {
			corrections.restamp(b.org, *v.Restamp)
		}
		if v.Obsolete {
			corrections.close(b.org, *w.Before.Open, timesheet.CorrectionObsolete, b.now, by)
		}
	}
	if err := b.raise(ctx, writing); err != nil {
		return err
	}
	if b.write.IsZero() && len(changes) > 0 {
		var err error
		if b.write, err = newWrite(); err != nil {
			return err
		}
	}
	if err := storeEntries(ctx, b.tx, b.org, b.write, changes); err != nil {
		return err
	}
	if err := received.store(ctx, b.tx, b.org, run); err != nil {
		return err
	}
	if err := corrections.store(ctx, b.tx, b.org); err != nil {
		return err
	}
	if b.write.IsZero() {
		return nil
	}
	b.forgetInserted()
	number(b.tx, b.org, b.write, by, run, b.now)
	return nil
}

// forgetInserted forgets what others have remembered meanwhile under the keys of
// what was inserted: that these keys were refused. A later row of the same
// request may have been.
func (b *book) forgetInserted() {
	if len(b.inserted) == 0 {
		return
	}
	source := b.inserted[0].Snapshot().Origin.Source
	b.tx.atLast(forget(`SELECT e.external_id FROM entries e WHERE e.org_id = $1 AND e.write_id = $3 AND e.external_id <> ALL ($4)`),
		string(b.org), source, b.write, append([]string{}, b.refused...))
}

// receivedArrays collects last received revisions that change while the entry
// does not. An entry's version guards them, as it guards the entry.
type receivedArrays struct {
	ids      []timesheet.ID
	versions []int32
	digests  [][]byte
	stamps   []*time.Time
}

func (a *receivedArrays) add(e timesheet.Entry, r timesheet.Received) {
	a.ids = append(a.ids, e.ID())
	a.versions = append(a.versions, int32(e.Snapshot().Version))
	a.digests = append(a.digests, nullDigest(r.Digest))
	a.stamps = append(a.stamps, nullInstant(r.SourceUpdatedAt))
}

func (a *receivedArrays) store(ctx context.Context, tx *transaction, org identity.Organization, run timesheet.ID) error {
	if len(a.ids) == 0 {
		return nil
	}
	// A run's revert brings back what was received before its first word. Once
	// the run has changed the entry, history knows that.
	if !run.IsZero() {
		if _, err := tx.Exec(ctx, `
			INSERT INTO received_before (org_id, import_id, entry_id, digest, stamp, after_digest, after_stamp)
			SELECT $1, $2, e.id, e.received_digest, e.received_stamp, s.digest, s.stamp
			FROM unnest($3::uuid[], $4::bytea[], $5::timestamptz[]) AS s (id, digest, stamp) JOIN entries e ON e.org_id = $1 AND e.id = s.id
			WHERE e.import_id IS DISTINCT FROM $2
			ON CONFLICT (org_id, import_id, entry_id) DO UPDATE SET after_digest = excluded.after_digest, after_stamp = excluded.after_stamp`,
			string(org), run, a.ids, a.digests, a.stamps); err != nil {
			return err
		}
	}
	if err := lockReceipts(ctx, tx, org, false); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		UPDATE entries e SET received_digest = s.digest, received_stamp = s.stamp, received_at = clock_timestamp()
		FROM unnest($2::uuid[], $3::int[], $4::bytea[], $5::timestamptz[]) AS s (id, version, digest, stamp)
		WHERE e.org_id = $1 AND e.id = s.id AND e.version = s.version
		RETURNING 1`, string(org), a.ids, a.versions, a.digests, a.stamps)
	if err != nil {
		return err
	}
	done, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return err
	}
	if len(done) != len(a.ids) {
		return errRaced
	}
	return nil
}
