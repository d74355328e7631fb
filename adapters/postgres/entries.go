package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/application/approval"
	"timesheets/application/precedence"
	"timesheets/application/timekeeping"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/replay"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Entries is where single entries are read, and changed by hand.
type Entries struct {
	pool *pgxpool.Pool
	way  *precedence.RightOfWay
	now  func() time.Time
}

var (
	_ timekeeping.Entries = (*Entries)(nil)
	_ approval.Entries    = (*Entries)(nil)
)

// NewEntries gives the entries in the pool's database.
func NewEntries(pool *pgxpool.Pool, way *precedence.RightOfWay, now func() time.Time) *Entries {
	return &Entries{pool, way, now}
}

const entryByID = `SELECT ` + entryColumns + ` FROM entries WHERE org_id = $1 AND id = $2`

// Get gives one entry, tombstones included.
func (e *Entries) Get(ctx context.Context, org identity.Organization, id timesheet.ID) (timesheet.Entry, error) {
	found, err := query(ctx, e.pool, scanEntry, entryByID, string(org), id)
	if err != nil {
		return timesheet.Entry{}, err
	}
	return only(found)
}

func only(found []timesheet.Entry) (timesheet.Entry, error) {
	if len(found) == 0 {
		return timesheet.Entry{}, fault.New(fault.NotFound, "not_found", "There is no such entry, or it is not yours.")
	}
	return found[0], nil
}

// History gives changes of one entry from what it is and what it was.
func (e *Entries) History(ctx context.Context, org identity.Organization, id timesheet.ID, of string, before, limit int) ([]timekeeping.Change, error) {
	return query(ctx, e.pool, func(row pgx.CollectableRow) (c timekeeping.Change, err error) {
		c.After, err = scanEntry(behind{row, []any{&c.Number, &c.Index}})
		return c, err
	}, `
		SELECT w.number, v.position, `+entryColumnsOf("v")+`
		FROM (
			SELECT `+allEntryColumns+` FROM entries WHERE org_id = $1 AND id = $2
			UNION ALL
			SELECT `+allEntryColumns+` FROM history WHERE org_id = $1 AND id = $2
		) v JOIN writes w ON w.org_id = $1 AND w.write_id = v.write_id
		WHERE ($3 = 0 OR v.version < $3) AND ($5 = '' OR v.user_id = $5)
		ORDER BY v.version DESC LIMIT $4`, string(org), id, before, limit, of)
}

// List gives a page of live entries by keyset, from the end of an index.
func (e *Entries) List(ctx context.Context, org identity.Organization, f timekeeping.Filter, after timekeeping.Place, limit int) ([]timesheet.Entry, error) {
	s := selection{args: []any{string(org)}, merged: true}
	s.where("deleted_at IS NULL")
	has := func(column, value string) {
		s.merged = false
		s.where(having("", column, s.arg(value)))
	}
	if f.UserID != "" || !f.ImportID.IsZero() {
		s.merged = false
		s.where("org_id = $1")
		has = func(column, value string) { s.where(column+" = ?", value) }
	}
	if f.UserID != "" {
		s.where("user_id = ?", f.UserID)
	}
	if !f.From.IsZero() {
		s.where("day >= ?", f.From.Time())
	}
	if !f.To.IsZero() {
		s.where("day <= ?", f.To.Time())
	}
	if f.Project != "" {
		has("project", f.Project)
	}
	if f.Status != "" {
		has("status", string(f.Status))
	}
	if f.Source != "" {
		has("source", f.Source)
	}
	if !f.ImportID.IsZero() {
		s.where("import_id = ?", f.ImportID)
	}
	s.after(after.Day, after.ID)
	return query(ctx, e.pool, scanEntry, s.page(limit), s.args...)
}

// Pending gives a page of what waits for a decision by somebody else than its
// worker.
func (e *Entries) Pending(ctx context.Context, org identity.Organization, except string, day timesheet.Day, id timesheet.ID, limit int) ([]timesheet.Entry, error) {
	s := selection{args: []any{string(org)}}
	s.where("deleted_at IS NULL AND " + having("", "status", "'pending'"))
	s.where("user_id <> ?", except)
	s.after(day, id)
	return query(ctx, e.pool, scanEntry, s.page(limit), s.args...)
}

// selection builds the WHERE of a list of entries; ? stands for the next
// argument.
type selection struct {
	conditions []string
	args       []any
	merged     bool // no condition names the organisation, or leads to an index: page's do, of each state
}

func (s *selection) where(condition string, args ...any) {
	for _, arg := range args {
		s.args = append(s.args, arg)
		condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(s.args)), 1)
	}
	s.conditions = append(s.conditions, condition)
}

func (s *selection) after(day timesheet.Day, id timesheet.ID) {
	if !id.IsZero() {
		s.where("(day, id) < (?, ?)", day.Time(), id)
	}
}

// page is the statement for the newest of what is selected. There is no index of
// all entries by day, since new entries pay for each index: where nothing else is
// asked for, those of the three states are merged, each from its end, no further
// than the page goes.
func (s *selection) page(limit int) string {
	const newest = `ORDER BY day DESC, id DESC LIMIT `
	sql := `SELECT ` + entryColumns + ` FROM entries WHERE ` + s.conditionText()
	n := s.arg(limit)
	if !s.merged {
		return sql + ` ` + newest + n
	}
	var branches []string
	for _, status := range []timesheet.Status{timesheet.Pending, timesheet.Approved, timesheet.Rejected} {
		branches = append(branches, `(`+sql+` AND `+having("", "status", "'"+string(status)+"'")+` `+newest+n+`)`)
	}
	return `SELECT ` + entryColumns + ` FROM (` + strings.Join(branches, ` UNION ALL `) + `) e ` + newest + n
}

func (s *selection) conditionText() string { return strings.Join(s.conditions, " AND ") }

// arg adds an argument and gives its place.
func (s *selection) arg(value any) string {
	s.args = append(s.args, value)
	return fmt.Sprintf("$%d", len(s.args))
}

// Atomically runs fn in one transaction, again when it lost a race.
func (e *Entries) Atomically(ctx context.Context, org identity.Organization, fn func(timekeeping.Tx) error) error {
	return e.way.Hand(func() error {
		return inTx(ctx, e.pool, func(tx *transaction) error { return fn(&entriesTx{tx, org, e.now().UTC()}) })
	})
}

// Decide runs fn in one transaction, again when it lost a race.
func (e *Entries) Decide(ctx context.Context, org identity.Organization, fn func(approval.Tx) error) error {
	return e.way.Hand(func() error {
		return inTx(ctx, e.pool, func(tx *transaction) error { return fn(&entriesTx{tx, org, e.now().UTC()}) })
	})
}

// entriesTx is one transaction on entries.
type entriesTx struct {
	tx  *transaction
	org identity.Organization
	now time.Time
}

func (t *entriesTx) Lock(ctx context.Context, userIDs []string, unseen worker.Kind) error {
	return lockWorkers(ctx, t.tx, t.org, userIDs, unseen, t.now, new([]string))
}

func (t *entriesTx) Entry(ctx context.Context, id timesheet.ID) (timesheet.Entry, error) {
	rows, err := t.tx.Query(ctx, entryByID, string(t.org), id)
	if err != nil {
		return timesheet.Entry{}, err
	}
	found, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return timesheet.Entry{}, err
	}
	return only(found)
}

func (t *entriesTx) Around(ctx context.Context, weeks []timesheet.WorkerWeek, days []timesheet.WorkerDay) (map[timesheet.WorkerWeek]timesheet.WeekState, map[timesheet.WorkerDay]int, error) {
	return around(ctx, t.tx, t.org, weeks, days)
}

// LockAround asks as if the worker had been seen before, as most were: of a
// single entry's time, what the server thinks about each statement is most.
func (t *entriesTx) LockAround(ctx context.Context, userID string, unseen worker.Kind, weeks []timesheet.WorkerWeek, days []timesheet.WorkerDay) (map[timesheet.WorkerWeek]timesheet.WeekState, map[timesheet.WorkerDay]int, error) {
	for _, kind := range []worker.Kind{"", unseen} {
		var b pgx.Batch
		locked := askForLocks(&b, t.org, []string{userID}, kind, t.now, new([]string))
		states, totals, err := askAround(ctx, t.tx, &b, t.org, weeks, days)
		if err == nil {
			err = locked()
		}
		if kind != "" || !errors.Is(err, errNoWorker) {
			return states, totals, err
		}
	}
	return nil, nil, errNoWorker
}

func (t *entriesTx) Store(ctx context.Context, by string, before, after timesheet.Entry) error {
	write, err := newWrite()
	if err != nil {
		return err
	}
	if err := storeEntries(ctx, t.tx, t.org, write, []placed{{before: &before, after: &after}}); err != nil {
		return err
	}
	number(t.tx, t.org, write, by, timesheet.ID{}, t.now)
	return nil
}

func (t *entriesTx) Settle(ctx context.Context, claim replay.Claim, answer replay.Answer) error {
	return settle(ctx, t.tx, claim, answer)
}
