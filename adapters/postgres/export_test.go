package postgres

import (
	"context"

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

// MigrateWhile is Migrate with a patience that a test ends when it likes.
var MigrateWhile = migrateWhile
