package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"

	"timesheets/domain/fault"
)

// versionTable holds one row with the number of the last migration.
const versionTable = "public.schema_version"

const (
	// migrationLockWait bounds how long a migration queues for a table, and
	// with it how long all other traffic queues behind the migration. It must
	// exceed deadlock_timeout (1 s): only after that does PostgreSQL cancel an
	// autovacuum that is in the way.
	migrationLockWait = 2 * time.Second
	// migrationPause is the longest pause before the next try; on average traffic has half of it to catch up.
	migrationPause = time.Second
	// migrationClosing bounds how long a migration that is given up is waited for.
	migrationClosing = 5 * time.Second
)

// Migrate applies the migrations of files that the database lacks, each in a
// transaction of its own, and returns how many it applied. Of programs that
// start at once one applies them while the others wait. A table that is in use
// is tried for again and again, for as long as patience lasts. A migration that
// is under way is left its time, which is what a large table takes: only the end
// of ctx undoes it.
//
// It only ever moves forward: a database that is ahead of files was migrated
// by a newer program and is left as it is. Where something is lacking, the
// connection must reach PostgreSQL itself, not a transaction pooler, which has
// no place to keep the lock that the starters share.
func Migrate(ctx context.Context, databaseURL string, files fs.FS, patience time.Duration) (applied int, err error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return migrateWhile(ctx, waiting, databaseURL, files)
}

// migrateWhile begins no first migration once waiting has ended, which is part of
// ctx; those that follow one wait for their tables no longer than it did.
func migrateWhile(ctx, waiting context.Context, databaseURL string, files fs.FS) (applied int, err error) {
	config, err := Config{URL: databaseURL, ApplicationName: "timesheets migrate"}.pool()
	if err != nil {
		return 0, err
	}
	if schema, err := schemaAt(waiting, config.ConnConfig, files); err != nil || !schema.Behind() {
		return 0, migrationFault(err)
	}
	// A startup parameter, since each migration ends with RESET ALL.
	config.ConnConfig.RuntimeParams["lock_timeout"] = fmt.Sprint(migrationLockWait.Milliseconds())
	var inUse error // what the last try that reached a table was told of it
	for {
		n, err := migrateOnce(ctx, waiting, config.ConnConfig, files)
		applied += n
		switch {
		case err == nil:
			return applied, nil
		case sqlState(err) == lockNotAvailable, sqlState(err) == deadlockDetected:
			inUse = err
		case waiting.Err() != nil && inUse != nil && sqlState(err) == "":
			// Out of time while it connected for the next try: the table is the reason.
			return applied, migrationFault(errors.Join(inUse, err))
		default:
			return applied, migrationFault(err)
		}
		select {
		case <-waiting.Done():
			return applied, migrationFault(errors.Join(context.Cause(waiting), inUse))
		case <-time.After(rand.N(migrationPause)):
		}
	}
}

// migrateOnce applies what it can get the locks for.
func migrateOnce(ctx, waiting context.Context, config *pgx.ConnConfig, files fs.FS) (applied int, err error) {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	underWay := context.AfterFunc(waiting, giveUp)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, err
	}
	defer closeEntirely(conn)
	migrator, err := migrate.NewMigrator(ctx, conn, versionTable)
	if err != nil {
		return 0, err
	}
	if err := migrator.LoadMigrations(files); err != nil {
		return 0, err
	}
	migrator.OnStart = func(int32, string, string, string) {
		underWay() // from now on nobody hurries it
		applied++
	}
	err = migrator.Migrate(ctx)
	if _, ahead := errors.AsType[migrate.BadVersionError](err); ahead {
		// The database is ahead of us.
		return 0, nil
	}
	if err != nil && applied > 0 {
		applied-- // the last one begun is the one that failed
	}
	return applied, err
}

// closeEntirely gives the lock back in any case. Of a connection whose context
// ended it waits until the server has heard of that: a program that ends sooner
// leaves it at work, with all the locks that it has.
func closeEntirely(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), migrationClosing)
	defer cancel()
	_ = conn.Close(ctx)
	select {
	case <-conn.PgConn().CleanupDone():
	case <-ctx.Done():
	}
}

// Schema compares a database with the migrations of this program.
type Schema struct {
	Database int // the number of its last migration; 0 is none
	Program  int // the number of the program's last migration
}

// Behind tells whether the database lacks migrations that the program needs.
func (s Schema) Behind() bool { return s.Database < s.Program }

// Ahead tells whether a newer program has migrated the database. That is no
// fault: migrations keep the programs working that were there before them.
func (s Schema) Ahead() bool { return s.Database > s.Program }

// ReadSchema finds out where the database stands.
func ReadSchema(ctx context.Context, pool *pgxpool.Pool, files fs.FS) (schema Schema, err error) {
	err = onConn(ctx, pool, func(conn *pgxpool.Conn) error {
		schema, err = readSchema(ctx, conn.Conn(), files)
		return err
	})
	return schema, translate(err)
}

// schemaAt is ReadSchema over a connection of its own.
func schemaAt(ctx context.Context, config *pgx.ConnConfig, files fs.FS) (Schema, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return Schema{}, err
	}
	defer closeEntirely(conn)
	return readSchema(ctx, conn, files)
}

func readSchema(ctx context.Context, conn *pgx.Conn, files fs.FS) (Schema, error) {
	names, err := migrate.FindMigrations(files)
	if err != nil {
		return Schema{}, fault.Wrap(err, fault.Internal, "migrations_unreadable", "The program's migrations cannot be read.")
	}
	schema := Schema{Program: len(names)}
	err = conn.QueryRow(ctx, "SELECT version FROM "+versionTable).Scan(&schema.Database)
	if err != nil && sqlState(err) != undefinedTable {
		return Schema{}, err
	}
	return schema, nil
}

// SQLSTATEs that mean something of their own to a migration.
const (
	undefinedTable        = "42P01"
	undefinedColumn       = "42703"
	insufficientPrivilege = "42501"
	lockNotAvailable      = "55P03"
	deadlockDetected      = "40P01"
	protocolViolation     = "08P01" // how a pooler answers a startup parameter that it cannot keep
)

// sqlState is "" for what is no answer of the database.
func sqlState(err error) string {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return answer.Code
	}
	return ""
}

// migrationFault says what to do about a migration that failed; nil stays nil.
func migrationFault(err error) error {
	if err == nil {
		return nil
	}
	_, unreachable := errors.AsType[*pgconn.ConnectError](err)
	if state := sqlState(err); state == lockNotAvailable || state == deadlockDetected || !unreachable && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return fault.Wrap(err, fault.Unavailable, "migration_out_of_time",
			"The migration did not end in its time. A table in use may be the reason: look for long transactions in pg_stat_activity, then migrate again.")
	}
	switch sqlState(err) {
	case protocolViolation:
		return fault.Wrap(err, fault.Invalid, "migration_through_pooler",
			"Migrations need a connection to PostgreSQL itself, not to a transaction pooler such as PgBouncer: DATABASE_DIRECT_URL is for that.")
	case insufficientPrivilege:
		return fault.Wrap(err, fault.Invalid, "migration_not_allowed",
			"The database role may not create tables. Migrate as the owner of the database.")
	case undefinedTable, undefinedColumn:
		// A migration that is wrong, not one that is lacking.
	default:
		if known, ok := errors.AsType[*fault.Error](translate(err)); ok {
			return known
		}
	}
	return fault.Wrap(err, fault.Internal, "migration_failed", "A migration failed. What came before it stands; what it did itself was undone.")
}
