package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/application/directory"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Workers keeps the directory.
type Workers struct{ pool *pgxpool.Pool }

var _ directory.Workers = (*Workers)(nil)

// NewWorkers gives the directory in the pool's database.
func NewWorkers(pool *pgxpool.Pool) *Workers { return &Workers{pool} }

const workerColumns = `w.user_id, w.kind, w.name, coalesce(w.email, ''), w.active_from, w.active_to, w.version, w.created_at, w.updated_at,
	(SELECT json_agg(json_build_array(i.source, i.tracker_id) ORDER BY i.source, i.tracker_id)
	FROM worker_identities i WHERE i.org_id = w.org_id AND i.user_id = w.user_id)::text`

func scanWorker(row pgx.CollectableRow) (worker.Worker, error) {
	var w worker.Worker
	var from, to *time.Time
	var identities *string
	if err := row.Scan(&w.UserID, &w.Kind, &w.Name, &w.Email, &from, &to, &w.Version, &w.CreatedAt, &w.UpdatedAt, &identities); err != nil {
		return w, err
	}
	w.ActiveFrom, w.ActiveTo = day(from), day(to)
	w.CreatedAt, w.UpdatedAt = w.CreatedAt.UTC(), w.UpdatedAt.UTC()
	if identities == nil {
		return w, nil
	}
	var pairs [][2]string
	err := json.Unmarshal([]byte(*identities), &pairs)
	for _, p := range pairs {
		w.Identities = append(w.Identities, worker.Identity{Source: p[0], ID: p[1]})
	}
	return w, err
}

func day(t *time.Time) timesheet.Day {
	if t == nil {
		return timesheet.Day{}
	}
	return timesheet.DayIn(*t)
}

func nullDay(d timesheet.Day) *time.Time {
	if d.IsZero() {
		return nil
	}
	t := d.Time()
	return &t
}

// Get gives one worker.
func (k *Workers) Get(ctx context.Context, org identity.Organization, userID string) (worker.Worker, error) {
	found, err := query(ctx, k.pool, scanWorker, `SELECT `+workerColumns+` FROM workers w WHERE w.org_id = $1 AND w.user_id = $2`, string(org), userID)
	if err != nil {
		return worker.Worker{}, err
	}
	if len(found) == 0 {
		return worker.Worker{}, fault.New(fault.NotFound, "not_found", "There is no such worker, or you may not see them.")
	}
	return found[0], nil
}

// List gives a page of workers by user id.
func (k *Workers) List(ctx context.Context, org identity.Organization, after string, limit int) ([]worker.Worker, error) {
	return query(ctx, k.pool, scanWorker,
		`SELECT `+workerColumns+` FROM workers w WHERE w.org_id = $1 AND w.user_id > $2 ORDER BY w.user_id LIMIT $3`, string(org), after, limit)
}

// Put changes one worker under the lock of its row.
func (k *Workers) Put(ctx context.Context, org identity.Organization, userID string, change func(worker.Worker) (worker.Worker, error)) (worker.Worker, error) {
	var after worker.Worker
	err := inTx(ctx, k.pool, func(tx *transaction) error {
		var locked int
		err := tx.QueryRow(ctx, `SELECT 1 FROM workers WHERE org_id = $1 AND user_id = $2 FOR NO KEY UPDATE`, string(org), userID).Scan(&locked)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT `+workerColumns+` FROM workers w WHERE w.org_id = $1 AND w.user_id = $2`, string(org), userID)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, scanWorker)
		if err != nil {
			return err
		}
		var before worker.Worker
		if len(found) > 0 {
			before = found[0]
		}
		if after, err = change(before); err != nil || after.Version == before.Version {
			return err
		}
		return storeWorker(ctx, tx, org, after)
	})
	return after, err
}

func storeWorker(ctx context.Context, tx *transaction, org identity.Organization, w worker.Worker) error {
	sql := `INSERT INTO workers (org_id, user_id, kind, name, email, active_from, active_to, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	if w.Version > 1 {
		sql = `UPDATE workers SET kind = $3, name = $4, email = $5, active_from = $6, active_to = $7, version = $8, created_at = $9, updated_at = $10
			WHERE org_id = $1 AND user_id = $2 AND version = $8 - 1`
	}
	rows, err := tx.Query(ctx, sql+` RETURNING 1`, string(org), w.UserID, string(w.Kind), w.Name, nullText(w.Email),
		nullDay(w.ActiveFrom), nullDay(w.ActiveTo), w.Version, w.CreatedAt, w.UpdatedAt)
	if err != nil {
		return err
	}
	done, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return err
	}
	if len(done) != 1 {
		return errRaced // a worker who was made after the lock was asked for is not locked
	}
	sources, ids := make([]string, len(w.Identities)), make([]string, len(w.Identities))
	for i, id := range w.Identities {
		sources[i], ids[i] = id.Source, id.ID
	}
	if _, err := tx.Exec(ctx, `
		DELETE FROM worker_identities i WHERE i.org_id = $1 AND i.user_id = $2
		AND NOT EXISTS (SELECT 1 FROM unnest($3::text[], $4::text[]) AS k (source, id) WHERE k.source = i.source AND k.id = i.tracker_id)`,
		string(org), w.UserID, sources, ids); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO worker_identities (org_id, source, tracker_id, user_id)
		SELECT $1, k.source, k.id, $2 FROM unnest($3::text[], $4::text[]) AS k (source, id)
		WHERE NOT EXISTS (SELECT 1 FROM worker_identities i WHERE i.org_id = $1 AND i.source = k.source AND i.tracker_id = k.id AND i.user_id = $2)
		ORDER BY k.source, k.id`, string(org), w.UserID, sources, ids)
	return err
}
