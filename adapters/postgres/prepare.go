package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// atHand are the statements of a single entry's transaction. What the server
// thinks about them takes it several times as long as what they do.
var atHand = []string{limits, lockOfWorkers, makingOfWorkers, stateOfWeek, totalsOfOne, insertionOfEntry, numbering}

// prepare has the server keep the statements at hand, where it is the server that
// answers. A pooler gives each transaction another of the server's connections,
// on which they are not. Nothing else is prepared: most plans depend on how long
// a list is, and on how far a table has grown since.
//
// As long as the schema is not there, or is being changed, none can be. That is
// no reason to have no connection: a statement that is not prepared is sent as it
// stands.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	answers, err := direct(ctx, conn)
	if err != nil || !answers {
		return err
	}
	// A migration may hold the tables: nobody waits for that in order to connect.
	if _, err := conn.Exec(ctx, `SET lock_timeout = '500ms'`); err != nil {
		return err
	}
	if err := prepareAll(ctx, conn); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `RESET lock_timeout`)
	return err
}

func prepareAll(ctx context.Context, conn *pgx.Conn) error {
	for _, sql := range atHand {
		if _, err := conn.Prepare(ctx, sql, sql); err != nil {
			if conn.IsClosed() || ctx.Err() != nil {
				return err
			}
			return nil
		}
	}
	return nil
}

// direct tells whether the process that does the work is the one that was
// announced when the connection began. A pooler announces itself: cancelling has
// to go by it. (PostgreSQL, "Message Formats", BackendKeyData.)
func direct(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var process uint32
	err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeExec).Scan(&process)
	return process == conn.PgConn().PID(), err
}
