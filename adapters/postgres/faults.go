package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"timesheets/domain/fault"
)

// translate turns what the driver says into a fault. Faults pass as they are,
// and what is not known here becomes fault.Internal at the edge.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return translatePg(err, pg)
	}
	var network net.Error
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &connect):
		return unreachable(err)
	case errors.Is(err, errNoConnection):
		return unavailable(err, "overloaded", "The service is busy. Send the same request again.", time.Second)
	case errors.Is(err, errRaced):
		return busy(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unavailable(err, "deadline_exceeded", "This took too long, and its outcome is not known. Send the same request again.", time.Second)
	case errors.As(err, &network), errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		strings.HasSuffix(err.Error(), "conn closed"):
		return unreachable(err)
	case errors.Is(err, pgx.ErrNoRows):
		return fault.Wrap(err, fault.NotFound, "not_found", "There is no such thing, or it is not yours.")
	}
	return err
}

// translatePg goes by SQLSTATE (PostgreSQL manual, appendix A) and by the
// names that the migrations give constraints.
func translatePg(err error, pg *pgconn.PgError) error {
	switch {
	case raced(err):
		return busy(err)
	case pg.Code == "23505" && constraint(pg, "workers_email"):
		return fault.Wrap(err, fault.Conflict, "email_taken", "Another worker has this e-mail address.")
	case pg.Code == "23505" && constraint(pg, "worker_identities_pkey"):
		return fault.Wrap(err, fault.Conflict, "identity_taken", "Another worker has this identity.")
	case pg.Code == "22021":
		return fault.Wrap(err, fault.Invalid, "not_utf8", "A text is not valid UTF-8, or has the character NUL.")
	case pg.Code == "53100":
		return unavailable(err, "storage_full", "The database is full: its operators have to make room. Nothing was written.", time.Minute)
	case strings.HasPrefix(pg.Code, "53"), pg.Code == "57014":
		return unavailable(err, "overloaded", "The service is busy. Send the same request again.", time.Second)
	case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "57P"), pg.Code == "25006",
		pg.Code == "XX000" && strings.Contains(pg.Message, "failure on connection"):
		return unreachable(err)
	case pg.Code == undefinedTable, pg.Code == undefinedColumn:
		return unavailable(err, "database_unavailable", "The database lacks a migration, which may be under way. Nothing was written. Send the same request again.", 2*time.Second)
	}
	return err
}

func busy(err error) error {
	return unavailable(err, "busy", "The same entries are being changed by others. Send the same request again.", time.Second)
}

func unreachable(err error) error {
	return unavailable(err, "database_unavailable", "The database cannot be reached just now, and the outcome is not known. Send the same request again.", 2*time.Second)
}

func unavailable(cause error, code, text string, after time.Duration) error {
	return fault.Wrap(cause, fault.Unavailable, code, "%s", text).After(after)
}

// constraint compares by prefix: a distributed PostgreSQL adds the number of
// the shard to the name.
func constraint(pg *pgconn.PgError, name string) bool {
	return strings.HasPrefix(pg.ConstraintName, name)
}
