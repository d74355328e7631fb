package postgres

import (
	"context"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Querier is what a transaction can be asked.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// AtHand are the statements that PostgreSQL keeps.
var AtHand = atHand

// InTx and InSnapshot are for the tests, which stand outside of the package.
func InTx(ctx context.Context, pool *pgxpool.Pool, fn func(Querier) error) error {
	return inTx(ctx, pool, func(tx *transaction) error { return fn(tx) })
}

func InSnapshot(ctx context.Context, pool *pgxpool.Pool, fn func(Querier) error) error {
	return inSnapshot(ctx, pool, func(tx *transaction) error { return fn(tx) })
}

// CopyIn is one COPY in a transaction of its own.
func CopyIn(ctx context.Context, pool *pgxpool.Pool, from io.Reader, sql string) error {
	return inTx(ctx, pool, func(tx *transaction) error {
		_, err := tx.copyIn(ctx, from, sql)
		return err
	})
}

// WakeWALWriter is what is asked for while a COPY goes on.
const WakeWALWriter = wakeWALWriter

// MigrateWhile is Migrate with a patience that a test ends when it likes.
var MigrateWhile = migrateWhile
