package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/application/approval"
	"timesheets/application/precedence"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Weeks keeps weeks, and late changes to them.
type Weeks struct {
	pool *pgxpool.Pool
	way  *precedence.RightOfWay
	now  func() time.Time
}

var (
	_ approval.Weeks  = (*Weeks)(nil)
	_ approval.WeekTx = (*weekTx)(nil)
)

// NewWeeks gives the weeks in the pool's database.
func NewWeeks(pool *pgxpool.Pool, way *precedence.RightOfWay, now func() time.Time) *Weeks {
	return &Weeks{pool, way, now}
}

// Known looks for the worker.
func (w *Weeks) Known(ctx context.Context, org identity.Organization, userID string) error {
	return inSnapshot(ctx, w.pool, func(tx *transaction) error { return seen(ctx, tx, org, userID) })
}

func seen(ctx context.Context, tx *transaction, org identity.Organization, userID string) error {
	var known bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM workers WHERE org_id = $1 AND user_id = $2)`, string(org), userID).Scan(&known)
	if err == nil && !known {
		return errNoWorker
	}
	return err
}

// Week reads the week in one snapshot.
func (w *Weeks) Week(ctx context.Context, org identity.Organization, of timesheet.WorkerWeek, most int) (sheet timesheet.Sheet, entries []timesheet.Entry, err error) {
	err = inSnapshot(ctx, w.pool, func(tx *transaction) (err error) {
		if err := seen(ctx, tx, org, of.UserID); err != nil {
			return err
		}
		sheet, entries, err = readWeek(ctx, tx, org, of, most)
		return err
	})
	return sheet, entries, err
}

// readWeek gives a week with its live entries. One with more than most is a
// fault.Conflict, of which one more is read; 0 is no bound.
func readWeek(ctx context.Context, tx *transaction, org identity.Organization, of timesheet.WorkerWeek, most int) (timesheet.Sheet, []timesheet.Entry, error) {
	sheet, err := readSheet(ctx, tx, org, of)
	if err != nil {
		return sheet, nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT `+entryColumns+` FROM entries
		WHERE org_id = $1 AND user_id = $2 AND day BETWEEN $3 AND $4 AND deletion IS NULL ORDER BY day, id LIMIT nullif($5, 0) + 1`,
		string(org), of.UserID, of.Week.Monday().Time(), of.Week.Sunday().Time(), most)
	if err != nil {
		return sheet, nil, err
	}
	entries, err := pgx.CollectRows(rows, scanEntry)
	if err == nil && most > 0 && len(entries) > most {
		return sheet, nil, timesheet.TooManyEntries(of.Week)
	}
	return sheet, entries, err
}

func readSheet(ctx context.Context, tx *transaction, org identity.Organization, of timesheet.WorkerWeek) (timesheet.Sheet, error) {
	monday := of.Week.Monday().Time()
	sheet := timesheet.NewSheet(of)
	rows, err := tx.Query(ctx, `SELECT state, version, amended, entries, seconds, digest FROM weeks WHERE org_id = $1 AND user_id = $2 AND monday = $3`,
		string(org), of.UserID, monday)
	if err != nil {
		return sheet, err
	}
	var seal sealRow
	if _, err := pgx.ForEachRow(rows, []any{&sheet.State, &sheet.Version, &sheet.Amended, &seal.entries, &seal.seconds, &seal.digest}, func() error {
		sheet.Seal = seal.seal()
		return nil
	}); err != nil {
		return sheet, err
	}
	moves := `SELECT number, move, at, moved_by, reason, entries, seconds, digest FROM week_moves WHERE org_id = $1 AND user_id = $2 AND monday = $3`
	if rows, err = tx.Query(ctx, `
		(`+moves+` ORDER BY number DESC LIMIT $4) UNION (`+moves+` AND move <> 'amended' ORDER BY number DESC LIMIT 1) ORDER BY number`,
		string(org), of.UserID, monday, timesheet.MaxMoves); err != nil {
		return sheet, err
	}
	sheet.Moves, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m timesheet.Move, err error) {
		var number int
		var reason *string
		var seal sealRow
		err = row.Scan(&number, &m.Kind, &m.At, &m.By, &reason, &seal.entries, &seal.seconds, &seal.digest)
		m.At, m.Reason, m.Seal = m.At.UTC(), text(reason), seal.seal()
		return m, err
	})
	return sheet, err
}

// sealRow is what was approved, as columns; all of them null for nothing.
type sealRow struct {
	entries *int
	seconds *int64
	digest  []byte
}

func (r sealRow) seal() (s timesheet.Seal) {
	if r.entries != nil && r.seconds != nil {
		s.Entries, s.Seconds = *r.entries, *r.seconds
		copy(s.Digest[:], r.digest)
	}
	return s
}

func rowOfSeal(s timesheet.Seal) (r sealRow) {
	if s == (timesheet.Seal{}) {
		return r
	}
	return sealRow{&s.Entries, &s.Seconds, s.Digest[:]}
}

// whatCounts adds the live entries e of a week up, from the index by worker (see
// dayTotals).
const whatCounts = `
	SELECT count(*) FILTER (WHERE e.status <> 'rejected')::int4 AS entries, coalesce(sum(e.seconds) FILTER (WHERE e.status <> 'rejected'), 0)::int8 AS seconds,
		count(*) FILTER (WHERE e.status = 'pending')::int4 AS pending, count(*) FILTER (WHERE e.status = 'rejected')::int4 AS rejected
	FROM entries e WHERE e.org_id = $1 AND e.deletion IS NULL`

// stateOf is the state of the week w, which may have no row.
const stateOf = `coalesce(w.state, 'open') AS state, coalesce(w.version, 0) AS version, coalesce(w.amended, false) AS amended`

func scanOverview(row pgx.CollectableRow) (o approval.Overview, err error) {
	var monday time.Time
	err = row.Scan(&o.Of.UserID, &monday, &o.State, &o.Version, &o.Amended, &o.Entries, &o.Seconds, &o.Pending, &o.Rejected)
	o.Of.Week = timesheet.DayIn(monday).Week()
	return o, err
}

// mondayOf is the Monday before a day.
const mondayOf = `(day - (extract(isodow FROM day)::int - 1))`

// barrenWeeks bounds in how many weeks without anything for its page a list looks:
// where all is approved, every open week is looked for in each of them.
const barrenWeeks = 13

// Weeks goes from week to week, and from worker to worker within one, by index
// probes: no entry of a week is read that the page does not show.
func (w *Weeks) Weeks(ctx context.Context, org identity.Organization, f approval.WeekFilter, after approval.WeekPlace, limit int) (page []approval.Overview, reached approval.WeekPlace, err error) {
	before := timesheet.Latest.Add(1)
	if !f.To.IsZero() && f.To.Monday().Before(timesheet.Latest) {
		before = f.To.Monday().Add(7)
	}
	from := timesheet.Earliest.Add(-7)
	if !f.From.IsZero() && f.From.Monday().After(from) {
		from = f.From.Monday()
	}
	if f.UserID != "" {
		if !after.Week.IsZero() && after.Week.Monday().Before(before) {
			before = after.Week.Monday()
		}
		page, err = w.ofWorker(ctx, org, f, from, before, limit)
		return page, reached, err
	}
	// The rest of the week in which the page before ended.
	if !after.Week.IsZero() {
		before = after.Week.Monday()
		if after.UserID != "" {
			if page, err = w.ofWeek(ctx, org, f.State, before, after.UserID, limit); err != nil {
				return nil, reached, err
			}
		}
	}
	for barren := 0; len(page) < limit; {
		monday, err := w.weekBefore(ctx, org, f.State, before)
		if err != nil || monday.IsZero() || monday.Before(from) {
			return page, reached, err
		}
		if barren == barrenWeeks {
			return page, approval.WeekPlace{Week: before.Week()}, nil
		}
		more, err := w.ofWeek(ctx, org, f.State, monday, "", limit-len(page))
		if err != nil {
			return nil, reached, err
		}
		if page, before = append(page, more...), monday; len(more) == 0 {
			barren++
		}
	}
	return page, reached, nil
}

// ofWorker gives a worker's weeks from the one of from until before.
func (w *Weeks) ofWorker(ctx context.Context, org identity.Organization, f approval.WeekFilter, from, before timesheet.Day, limit int) ([]approval.Overview, error) {
	last := func(before string) string {
		return `greatest(
			(SELECT ` + mondayOf + ` FROM entries WHERE org_id = $1 AND user_id = $2 AND day < ` + before + ` AND deleted_at IS NULL ORDER BY day DESC LIMIT 1),
			(SELECT monday FROM weeks WHERE org_id = $1 AND user_id = $2 AND monday < ` + before + ` ORDER BY monday DESC LIMIT 1))`
	}
	return query(ctx, w.pool, scanOverview, `
		WITH RECURSIVE m (monday, n) AS (
			SELECT `+last("$4")+`, 1
			UNION ALL
			SELECT `+last("m.monday")+`, n + 1 FROM m WHERE m.monday > $3 AND (n < $6 OR $5 <> '')
		)
		SELECT $2, m.monday, `+stateOf+`, t.entries, t.seconds, t.pending, t.rejected
		FROM m LEFT JOIN weeks w ON w.org_id = $1 AND w.user_id = $2 AND w.monday = m.monday
		CROSS JOIN LATERAL (`+whatCounts+` AND e.user_id = $2 AND e.day BETWEEN m.monday AND m.monday + 6) t
		WHERE m.monday >= $3 AND ($5 = '' OR coalesce(w.state, 'open') = $5)
		ORDER BY m.monday DESC LIMIT $6`, string(org), f.UserID, from.Time(), before.Time(), string(f.State), limit)
}

// weekBefore gives the Monday of the last week before the day that anybody has
// an entry in, or to which something has happened; with a state other than
// open, the last that is in it.
func (w *Weeks) weekBefore(ctx context.Context, org identity.Organization, state timesheet.WeekState, before timesheet.Day) (timesheet.Day, error) {
	sql := `SELECT greatest(
		(SELECT max(e.monday) FROM (VALUES ('pending'), ('approved'), ('rejected')) AS s (status) CROSS JOIN LATERAL (
			SELECT ` + mondayOf + ` AS monday FROM entries
			WHERE ` + having("entries.", "status", "s.status") + ` AND day < $2 AND deleted_at IS NULL ORDER BY day DESC LIMIT 1) e),
		(SELECT monday FROM weeks WHERE org_id = $1 AND monday < $2 AND $3 IN ('', 'open') ORDER BY monday DESC LIMIT 1))`
	if state != "" && state != timesheet.WeekOpen {
		sql = `SELECT (SELECT monday FROM weeks WHERE org_id = $1 AND monday < $2 AND state = $3 ORDER BY monday DESC LIMIT 1)`
	}
	found, err := query(ctx, w.pool, pgx.RowTo[*time.Time], sql, string(org), before.Time(), string(state))
	if err != nil || len(found) == 0 || found[0] == nil {
		return timesheet.Day{}, err
	}
	return timesheet.DayIn(*found[0]), nil
}

// ofWeek gives the weeks of workers, by user id, after the given one.
func (w *Weeks) ofWeek(ctx context.Context, org identity.Organization, state timesheet.WeekState, monday timesheet.Day, after string, limit int) ([]approval.Overview, error) {
	workers := `workers k LEFT JOIN weeks w ON w.org_id = $1 AND w.user_id = k.user_id AND w.monday = $2`
	condition := `k.org_id = $1 AND ($4 = '' OR coalesce(w.state, 'open') = $4) AND (t.entries + t.rejected > 0 OR w.state IS NOT NULL)`
	if state != "" && state != timesheet.WeekOpen {
		workers, condition = `weeks k JOIN weeks w USING (org_id, user_id, monday)`, `k.org_id = $1 AND k.monday = $2 AND k.state = $4`
	}
	return query(ctx, w.pool, scanOverview, `
		SELECT k.user_id, $2::date, `+stateOf+`, t.entries, t.seconds, t.pending, t.rejected
		FROM `+workers+`
		CROSS JOIN LATERAL (`+whatCounts+` AND e.user_id = k.user_id AND e.day BETWEEN $2 AND $2::date + 6) t
		WHERE `+condition+` AND k.user_id > $3
		ORDER BY k.user_id LIMIT $5`, string(org), monday.Time(), after, string(state), limit)
}

// Missing goes through the workers.
func (w *Weeks) Missing(ctx context.Context, org identity.Organization, week timesheet.Week, after string, limit int) ([]approval.Overview, error) {
	return query(ctx, w.pool, scanOverview, `
		SELECT k.user_id, $2::date, `+stateOf+`, t.entries, t.seconds, t.pending, t.rejected
		FROM workers k LEFT JOIN weeks w ON w.org_id = $1 AND w.user_id = k.user_id AND w.monday = $2
		CROSS JOIN LATERAL (`+whatCounts+` AND e.user_id = k.user_id AND e.day BETWEEN $2 AND $2::date + 6) t
		WHERE k.org_id = $1 AND k.user_id > $3 AND coalesce(w.state, 'open') IN ('open', 'rejected')
		AND coalesce(k.active_from <= $2::date + 6, true) AND coalesce(k.active_to >= $2, true)
		ORDER BY k.user_id LIMIT $4`, string(org), week.Monday().Time(), after, limit)
}

// Corrections reads a page and the entries beside it in one snapshot.
func (w *Weeks) Corrections(ctx context.Context, org identity.Organization, f approval.CorrectionFilter, after approval.CorrectionPlace, limit int) ([]approval.LateChange, error) {
	s := selection{args: []any{string(org)}}
	s.where("c.org_id = $1")
	if f.State != "" {
		s.where("c.state = ?", string(f.State))
	}
	if f.Source != "" {
		s.where("c.source = ?", f.Source)
	}
	if f.UserID != "" {
		s.where(`(c.user_id = ? OR EXISTS (
			SELECT 1 FROM entries e WHERE e.org_id = $1 AND e.source = c.source AND e.external_id = c.external_id AND e.user_id = ?))`, f.UserID, f.UserID)
	}
	if !after.ID.IsZero() {
		s.where("(c.opened_at, c.id) < (?, ?)", time.UnixMicro(after.OpenedAt).UTC(), after.ID)
	}
	var page []approval.LateChange
	err := inSnapshot(ctx, w.pool, func(tx *transaction) (err error) {
		page, err = lateChanges(ctx, tx, org, s.conditionText()+` ORDER BY c.opened_at DESC, c.id DESC LIMIT `+s.arg(limit), s.args...)
		return err
	})
	return page, err
}

// Correction gives one late change.
func (w *Weeks) Correction(ctx context.Context, org identity.Organization, id timesheet.ID) (approval.LateChange, error) {
	var change approval.LateChange
	err := inSnapshot(ctx, w.pool, func(tx *transaction) (err error) {
		change, err = lateChange(ctx, tx, org, id)
		return err
	})
	return change, err
}

func lateChange(ctx context.Context, tx *transaction, org identity.Organization, id timesheet.ID) (approval.LateChange, error) {
	found, err := lateChanges(ctx, tx, org, `c.org_id = $1 AND c.id = $2`, string(org), id)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "not_found", "There is no such correction.")
	}
	if err != nil {
		return approval.LateChange{}, err
	}
	return found[0], nil
}

// lateChanges gives the corrections c for which the condition holds, each with
// what is held under its key.
func lateChanges(ctx context.Context, tx *transaction, org identity.Organization, condition string, args ...any) ([]approval.LateChange, error) {
	rows, err := tx.Query(ctx, `SELECT `+correctionColumns+` FROM corrections c WHERE `+condition, args...)
	if err != nil {
		return nil, err
	}
	corrections, err := pgx.CollectRows(rows, scanCorrection)
	if err != nil || len(corrections) == 0 {
		return nil, err
	}
	changes := make([]approval.LateChange, len(corrections))
	sources, keys := make([]string, len(corrections)), make([]string, len(corrections))
	for i, c := range corrections {
		changes[i].Correction = c
		sources[i], keys[i] = c.Origin.Source, c.Origin.ExternalID
	}
	if rows, err = tx.Query(ctx, `
		SELECT k.ord::int4, e.* FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS k (source, external_id, ord)
		CROSS JOIN LATERAL (
			SELECT `+entryColumns+` FROM entries e
			WHERE e.org_id = $1 AND e.source = k.source AND e.external_id = k.external_id LIMIT 1
		) e`, string(org), sources, keys); err != nil {
		return nil, err
	}
	var ord int
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (timesheet.Entry, error) {
		e, err := scanEntry(behind{row, []any{&ord}})
		if err == nil {
			changes[ord-1].Held.Entry, changes[ord-1].Held.Exists = e, true
		}
		return e, err
	})
	for i := range changes {
		if changes[i].Correction.State == timesheet.CorrectionOpen {
			changes[i].Held.Open = &changes[i].Correction
		}
	}
	return changes, err
}

// Revise runs fn in one transaction, again when it lost a race.
func (w *Weeks) Revise(ctx context.Context, org identity.Organization, fn func(approval.WeekTx) error) error {
	return w.way.Hand(func() error {
		return inTx(ctx, w.pool, func(tx *transaction) error {
			t := &weekTx{book: book{tx: tx, org: org, now: w.now().UTC()}, named: make(map[string]bool)}
			if err := fn(t); err != nil {
				return err
			}
			t.book.Spare(slices.DeleteFunc(slices.Clone(t.book.made), func(id string) bool { return t.named[id] }))
			return nil
		})
	})
}

// weekTx is one transaction on weeks. It stores as the ledger does.
type weekTx struct {
	book  book
	named map[string]bool // workers of weeks and entries that were written
}

func (t *weekTx) Lock(ctx context.Context, userIDs []string, unseen worker.Kind) error {
	return t.book.Lock(ctx, userIDs, unseen)
}

func (t *weekTx) Sheet(ctx context.Context, of timesheet.WorkerWeek) (timesheet.Sheet, []timesheet.Entry, error) {
	return readWeek(ctx, t.book.tx, t.book.org, of, timesheet.MaxWeekEntries)
}

// RemovedBy looks, of each entry that was once in the week and is no longer, at
// the change that took it out last. What that entry says is read one at a time: as
// a join it would be one of all with all, as long as nobody has analyzed the tables.
func (t *weekTx) RemovedBy(ctx context.Context, of timesheet.WorkerWeek, person string) (removed bool, err error) {
	err = t.book.tx.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT 1 FROM (
				SELECT id, max(version) AS version FROM history
				WHERE org_id = $1 AND user_id = $2 AND day BETWEEN $3 AND $4 AND deleted_at IS NULL GROUP BY id
			) h
			CROSS JOIN LATERAL (
				SELECT e.version, e.hand_by, e.updated_by, e.user_id = $2 AND e.day BETWEEN $3 AND $4 AND e.deleted_at IS NULL AS inside
				FROM entries e WHERE e.org_id = $1 AND e.id = h.id LIMIT 1
			) e
			CROSS JOIN LATERAL (
				SELECT n.hand_by, n.updated_by FROM history n WHERE n.org_id = $1 AND n.id = h.id AND n.version = h.version + 1
				UNION ALL
				SELECT e.hand_by, e.updated_by WHERE e.version = h.version + 1
				LIMIT 1
			) n
			WHERE NOT e.inside AND n.hand_by = $5 AND n.updated_by = $5
		)`, string(t.book.org), of.UserID, of.Week.Monday().Time(), of.Week.Sunday().Time(), person).Scan(&removed)
	return removed, err
}

// Concerning probes for the correction of each entry, and then for each that it
// has found. As a join it would be one of all with all, as long as nobody has
// analyzed the table.
func (t *weekTx) Concerning(ctx context.Context, of timesheet.WorkerWeek) ([]timesheet.Held, error) {
	changes, err := lateChanges(ctx, t.book.tx, t.book.org, `c.org_id = $1 AND `+stillOpen+` AND c.id = ANY (ARRAY(
			SELECT p.id FROM corrections p WHERE p.org_id = $1 AND p.state = 'open' AND p.user_id = $2 AND p.day BETWEEN $3 AND $4
			UNION ALL
			SELECT p.id FROM entries e CROSS JOIN LATERAL (
				SELECT c.id FROM corrections c WHERE c.org_id = $1 AND c.source = e.source AND c.external_id = e.external_id AND `+stillOpen+` LIMIT 1
			) p
			WHERE e.org_id = $1 AND e.user_id = $2 AND e.day BETWEEN $3 AND $4
		))
		ORDER BY c.proposed_at, c.id`, string(t.book.org), of.UserID, of.Week.Monday().Time(), of.Week.Sunday().Time())
	held := make([]timesheet.Held, len(changes))
	for i, c := range changes {
		held[i] = c.Held
	}
	return held, err
}

func (t *weekTx) Correction(ctx context.Context, id timesheet.ID) (approval.LateChange, error) {
	return lateChange(ctx, t.book.tx, t.book.org, id)
}

func (t *weekTx) States(ctx context.Context, weeks []timesheet.WorkerWeek) (map[timesheet.WorkerWeek]timesheet.WeekState, error) {
	return t.book.Weeks(ctx, weeks)
}

func (t *weekTx) Totals(ctx context.Context, days []timesheet.WorkerDay) (map[timesheet.WorkerDay]int, error) {
	return t.book.Totals(ctx, days)
}

// Save writes the week, guarded by its version, and the moves that are new.
func (t *weekTx) Save(ctx context.Context, before, after timesheet.Sheet) error {
	t.named[after.Of.UserID] = true
	var b pgx.Batch
	monday, seal := after.Of.Week.Monday().Time(), rowOfSeal(after.Seal)
	b.Queue(`
		INSERT INTO weeks AS w (org_id, user_id, monday, state, version, amended, entries, seconds, digest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (org_id, user_id, monday) DO UPDATE SET state = excluded.state, version = excluded.version, amended = excluded.amended,
			entries = excluded.entries, seconds = excluded.seconds, digest = excluded.digest
		WHERE w.version = $10
		RETURNING 1`, string(t.book.org), after.Of.UserID, monday, string(after.State), after.Version, after.Amended, seal.entries, seal.seconds, seal.digest,
		before.Version).Query(exactlyOne)
	for _, m := range after.Moves[len(before.Moves):] {
		seal := rowOfSeal(m.Seal)
		b.Queue(`
			INSERT INTO week_moves (org_id, user_id, monday, number, move, at, moved_by, reason, entries, seconds, digest)
			SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6, $7, $8, $9, $10 FROM week_moves WHERE org_id = $1 AND user_id = $2 AND monday = $3`,
			string(t.book.org), after.Of.UserID, monday, string(m.Kind), m.At, m.By, nullText(m.Reason), seal.entries, seal.seconds, seal.digest)
	}
	return t.book.tx.SendBatch(ctx, &b).Close()
}

func (t *weekTx) Close(ctx context.Context, c timesheet.Correction) error {
	rows, err := t.book.tx.Query(ctx, `
		UPDATE corrections c SET state = $3, closed_at = $4, closed_by = $5, closed_reason = $6, digest = $7, entry_id = $8
		WHERE c.org_id = $1 AND c.id = $2 AND `+stillOpen+` AND c.version = $9 RETURNING 1`, string(t.book.org), c.ID, string(c.State), c.ClosedAt, c.ClosedBy,
		nullText(c.Reason), nullDigest(c.Digest), nullID(c.EntryID), c.Version)
	if err != nil {
		return err
	}
	return exactlyOne(rows)
}

// Obsolete is one statement about one table: joined with the versions it could
// be planned as a join of all with all.
func (t *weekTx) Obsolete(ctx context.Context, open []timesheet.Correction, by, reason string, at time.Time) error {
	ids := make([]timesheet.ID, len(open))
	versions := make(map[timesheet.ID]int, len(open))
	for i, c := range open {
		ids[i], versions[c.ID] = c.ID, c.Version
	}
	rows, err := t.book.tx.Query(ctx, `
		UPDATE corrections c SET state = 'obsolete', closed_at = $3, closed_by = $4, closed_reason = $5
		WHERE c.org_id = $1 AND c.id = ANY ($2) AND `+stillOpen+` RETURNING c.id, c.version`, string(t.book.org), ids, at, by, reason)
	if err != nil {
		return err
	}
	var id timesheet.ID
	var version int
	if _, err := pgx.ForEachRow(rows, []any{&id, &version}, func() error {
		if versions[id] == version {
			delete(versions, id)
		}
		return nil
	}); err != nil {
		return err
	}
	if len(versions) > 0 {
		return errRaced
	}
	return nil
}

func (t *weekTx) Receive(ctx context.Context, e timesheet.Entry, last timesheet.Received) error {
	var received receivedArrays
	received.add(e, last)
	return received.store(ctx, t.book.tx, t.book.org, timesheet.ID{})
}

func (t *weekTx) Store(ctx context.Context, by string, writing []timesheet.Stored) error {
	eachWeek(writing, func(w timesheet.WorkerWeek) { t.named[w.UserID] = true })
	return t.book.storeRaising(ctx, by, timesheet.ID{}, writing)
}
