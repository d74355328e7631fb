package postgres

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/application/idempotency"
	"timesheets/domain/fault"
	"timesheets/domain/replay"
)

// IdempotencyKeys keeps claims and answers.
type IdempotencyKeys struct{ pool *pgxpool.Pool }

var _ idempotency.Keys = (*IdempotencyKeys)(nil)

// NewIdempotencyKeys gives the keys in the pool's database.
func NewIdempotencyKeys(pool *pgxpool.Pool) *IdempotencyKeys { return &IdempotencyKeys{pool} }

// Claim takes the key in a transaction of its own, so that every other request
// sees at once that it is held.
func (k *IdempotencyKeys) Claim(ctx context.Context, c replay.Claim, lease, keep time.Duration) (replay.Claim, *replay.Answer, error) {
	var given *replay.Answer
	err := inTx(ctx, k.pool, func(tx *transaction) error {
		given = nil
		if _, err := tx.Exec(ctx, `DELETE FROM idempotency_keys WHERE org_id = $1 AND created_at < now() - make_interval(secs => $2)`,
			string(c.Organization), keep.Seconds()); err != nil {
			return err
		}
		// Who inserts the key holds it. Who takes it over, because the lease
		// ended without an answer, raises the fence: the former holder can no
		// longer settle. Fences begin anywhere, so that it cannot either once
		// the key was given up and is held by somebody else.
		rows, err := tx.Query(ctx, `
			INSERT INTO idempotency_keys AS k (org_id, principal, route, key, request, fence, lease_until, created_at)
			VALUES ($1, $2, $3, $4, $5, $7, now() + make_interval(secs => $6), now())
			ON CONFLICT (org_id, principal, route, key) DO UPDATE SET fence = k.fence + 1, lease_until = excluded.lease_until
			WHERE k.status IS NULL AND k.lease_until < excluded.created_at AND k.request = excluded.request
			RETURNING fence`,
			string(c.Organization), c.Principal, c.Route, c.Key, c.Request[:], lease.Seconds(), rand.Int64N(1<<62))
		if err != nil {
			return err
		}
		fences, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		if len(fences) == 1 {
			c.Fence = fences[0]
			return nil
		}
		given, err = answered(ctx, tx, c)
		return err
	})
	return c, given, err
}

// answered gives the answer under a key that somebody else claimed.
func answered(ctx context.Context, tx *transaction, c replay.Claim) (*replay.Answer, error) {
	var (
		request, headers, body []byte
		status                 *int
	)
	err := tx.QueryRow(ctx, `SELECT request, status, headers, body FROM idempotency_keys WHERE org_id = $1 AND principal = $2 AND route = $3 AND key = $4`,
		string(c.Organization), c.Principal, c.Route, c.Key).Scan(&request, &status, &headers, &body)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, errRaced // it was released in between
	case err != nil:
		return nil, err
	case !bytes.Equal(request, c.Request[:]):
		return nil, fault.New(fault.Invalid, "idempotency_key_reused", "This Idempotency-Key was used for another request. Use a new key for a new request.")
	case status == nil:
		return nil, fault.New(fault.Conflict, "idempotency_in_progress", "A request with this Idempotency-Key is being carried out. Send it again in a moment.").After(time.Second)
	}
	answer := &replay.Answer{Status: *status, Body: body}
	return answer, json.Unmarshal(headers, &answer.Headers)
}

// Settle keeps the answer of a request that had no effect.
func (k *IdempotencyKeys) Settle(ctx context.Context, claim replay.Claim, answer replay.Answer) error {
	return inTx(ctx, k.pool, func(tx *transaction) error { return settle(ctx, tx, claim, answer) })
}

// Release gives the key up.
func (k *IdempotencyKeys) Release(ctx context.Context, c replay.Claim) error {
	return inTx(ctx, k.pool, func(tx *transaction) error {
		_, err := tx.Exec(ctx, `
			DELETE FROM idempotency_keys WHERE org_id = $1 AND principal = $2 AND route = $3 AND key = $4 AND fence = $5 AND status IS NULL`,
			string(c.Organization), c.Principal, c.Route, c.Key, c.Fence)
		return err
	})
}

// settle keeps the answer under the claim. When the lease ended and somebody
// took the key over, the transaction must not commit: a fault.Conflict.
func settle(ctx context.Context, tx *transaction, c replay.Claim, a replay.Answer) error {
	headers, err := json.Marshal(a.Headers)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		UPDATE idempotency_keys SET status = $6, headers = $7::text::jsonb, body = $8
		WHERE org_id = $1 AND principal = $2 AND route = $3 AND key = $4 AND fence = $5 AND status IS NULL
		RETURNING 1`,
		string(c.Organization), c.Principal, c.Route, c.Key, c.Fence, a.Status, string(headers), a.Body)
	if err != nil {
		return err
	}
	done, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return err
	}
	if len(done) != 1 {
		return fault.New(fault.Conflict, "idempotency_in_progress", "Another request with this Idempotency-Key took over. Send it again to get its answer.").After(time.Second)
	}
	return nil
}
