package postgres

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/domain/fault"
)

// Config says how to reach the database. Of the zero values only URL is no use.
type Config struct {
	// URL is postgres://… or the keyword form of libpq. It may name several
	// hosts; then target_session_attrs=read-write finds the primary again
	// after a failover.
	URL string
	// ApplicationName is what pg_stat_activity shows; "" is timesheets.
	ApplicationName string
	// MaxConnections bounds the pool, 1–1000; 0 is 10.
	MaxConnections int
	// MinConnections are kept open without need, 0–MaxConnections.
	MinConnections int
	// MaxLifetime after which a connection is replaced, so that a pool spreads
	// over a database that has moved or grown; 0 is 30 minutes.
	MaxLifetime time.Duration
	Tracer      pgx.QueryTracer // sees every statement; nil for nobody
}

const (
	connectTimeout = 5 * time.Second // unless the URL says otherwise
	pingTimeout    = time.Second     // of a connection that was idle for a second or more
)

// limits of every transaction: the last line of defence against one that is
// forgotten or whose client is gone. Each request's context is stricter.
//
// They are set inside the transaction because nothing else lasts behind a
// pooler that gives each transaction another server connection: PgBouncer
// refuses them as startup parameters, and a plain SET would land on a
// connection of somebody else's.
//
// Nor is anything here worth compiling. In a table that was never analyzed, as
// during a first import, the planner takes a join of a few hundred rows for one
// of millions, and compiling its plan takes a tenth of a second, each time. And
// nothing that a transaction asks is to be found by reading a whole table, which
// a plan that was made when it was small, and is kept, would do when it no longer
// is.
const limits = `SELECT set_config('lock_timeout', '2s', true), set_config('statement_timeout', '30s', true),
	set_config('idle_in_transaction_session_timeout', '10s', true), set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true)`

// Open makes a pool. It does not connect: a database that is down now may be
// up when it is needed. Only a Config that can never work is an error.
func Open(ctx context.Context, c Config) (*pgxpool.Pool, error) {
	config, err := c.pool()
	if err != nil {
		return nil, err
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// Check says what is wrong with c, everything at once. It does not connect.
func (c Config) Check() error {
	_, err := c.pool()
	return err
}

func (c Config) pool() (*pgxpool.Config, error) {
	config, unreadable := parse(c.URL)
	mistakes := []error{unreadable}
	if c.MaxConnections == 0 {
		c.MaxConnections = 10
	}
	if c.MaxConnections < 1 || c.MaxConnections > 1000 || c.MinConnections < 0 || c.MinConnections > c.MaxConnections {
		mistakes = append(mistakes, fault.New(fault.Invalid, "database_pool_size",
			"A database pool has 1 to 1000 connections, of which 0 to all are kept open; not %d and %d.", c.MaxConnections, c.MinConnections))
	}
	if c.MaxLifetime == 0 {
		c.MaxLifetime = 30 * time.Minute
	}
	if c.MaxLifetime < 0 {
		mistakes = append(mistakes, fault.New(fault.Invalid, "database_pool_lifetime", "A database connection's lifetime is positive, not %s.", c.MaxLifetime))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	if c.ApplicationName == "" {
		c.ApplicationName = "timesheets"
	}
	config.MaxConns = int32(c.MaxConnections)
	config.MinConns = int32(c.MinConnections)
	config.MaxConnLifetime = c.MaxLifetime
	config.MaxConnLifetimeJitter = c.MaxLifetime / 10
	config.PingTimeout = pingTimeout
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		scanInUTC(conn)
		return prepare(ctx, conn)
	}
	config.AfterRelease = writable

	connection := config.ConnConfig
	connection.Tracer = c.Tracer
	if connection.ConnectTimeout == 0 {
		connection.ConnectTimeout = connectTimeout
	}
	// The default mode prepares statements on a connection and finds them gone,
	// or another's in their place, behind a transaction pooler. (But see prepare.)
	connection.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	// Poolers know these two and carry them along.
	connection.RuntimeParams["application_name"] = c.ApplicationName
	connection.RuntimeParams["timezone"] = "UTC"
	return config, nil
}

// parse reads a database URL. The driver quotes pieces of what it cannot read,
// a password perhaps among them, so its words go nowhere.
func parse(databaseURL string) (*pgxpool.Config, error) {
	if databaseURL == "" {
		// The driver would look in the environment, and find some database or other.
		return nil, fault.New(fault.Invalid, "database_url_missing",
			"There is no database URL: postgres://user:password@host:5432/database is what it looks like.")
	}
	config, err := pgxpool.ParseConfig(databaseURL)
	if err == nil {
		return config, nil
	}
	isURL := strings.HasPrefix(databaseURL, "postgres://") || strings.HasPrefix(databaseURL, "postgresql://")
	hint := "Check its parameters (sslmode, target_session_attrs, pool_max_conns and the like) and the files that they name."
	if !isURL && !strings.Contains(databaseURL, "=") {
		hint = "It must begin with postgres://."
	} else if _, err := url.Parse(databaseURL); isURL && err != nil {
		hint = "Special characters of the password must be percent-encoded, as in p%40ss for p@ss, and the port must be a number."
	}
	return nil, fault.New(fault.Invalid, "database_url_unreadable", "The database URL cannot be read. %s", hint)
}

// scanInUTC makes times come out of the database in UTC, not in this machine's zone.
func scanInUTC(conn *pgx.Conn) {
	instant := &pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}}
	types := conn.TypeMap()
	types.RegisterType(instant)
	types.RegisterType(&pgtype.Type{Name: "_timestamptz", OID: pgtype.TimestamptzArrayOID, Codec: &pgtype.ArrayCodec{ElementType: instant}})
}

// writable tells whether a connection may go back into the pool. A primary
// that was demoted and lives on as a replica keeps its connections and answers
// pings; a pool that keeps them never finds the new primary. PostgreSQL 14 and
// later report both settings with every change.
func writable(conn *pgx.Conn) bool {
	return conn.PgConn().ParameterStatus("default_transaction_read_only") != "on" &&
		conn.PgConn().ParameterStatus("in_hot_standby") != "on"
}
