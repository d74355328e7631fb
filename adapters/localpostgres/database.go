package localpostgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ownDatabase is what we made on a server that somebody else runs.
type ownDatabase struct {
	serverURL string
	name      string
}

func (d ownDatabase) halt(context.Context, syscall.Signal) error { return errNotOurs }

func (d ownDatabase) resume(context.Context) error { return errNotOurs }

func (d ownDatabase) remove() error { return DropDatabase(d.serverURL, d.name) }

// dropTimeout bounds what is waited for a database to be dropped.
const dropTimeout = time.Minute

// DropDatabase drops a database of a server, and throws out whoever is connected
// to it. A worker of autovacuum is the server's own and may not be thrown out by
// FORCE (42501): the plain statement asks it to leave, and waits.
func DropDatabase(serverURL, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name))
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "42501" {
		_, err = conn.Exec(ctx, fmt.Sprintf("DROP DATABASE %s", name))
	}
	return err
}

// WithDatabase points a URL, or a keyword string, at another database of its
// server. What is said last counts.
func WithDatabase(databaseURL, name string) string {
	switch {
	case !strings.HasPrefix(databaseURL, "postgres://") && !strings.HasPrefix(databaseURL, "postgresql://"):
		return databaseURL + " dbname=" + name
	case strings.Contains(databaseURL, "?"):
		return databaseURL + "&dbname=" + name
	}
	return databaseURL + "?dbname=" + name
}

// closeEntirely waits, for a time, until the server has heard that what it was
// asked is given up.
func closeEntirely(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = conn.Close(ctx)
	select {
	case <-conn.PgConn().CleanupDone():
	case <-ctx.Done():
	}
}
