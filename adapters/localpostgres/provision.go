package localpostgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	superuser = "postgres"
	owner     = "timesheets" // the ordinary role, and the database that it owns
)

// oldest is the first version that is supported, as server_version_num has it.
const oldest = 150000

// provision waits for a fresh server, makes the ordinary role and its
// database, and returns the version for people. The password comes from
// rand.Text, so it needs no quoting.
func provision(ctx context.Context, superuserURL, password string) (version string, err error) {
	if err := awaitConnection(ctx, superuserURL); err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, superuserURL)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if version, err = supported(ctx, conn); err != nil {
		return "", err
	}
	for _, statement := range []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN CREATEDB PASSWORD '%s'", owner, password),
		fmt.Sprintf("CREATE DATABASE %s OWNER %s", owner, owner),
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", fmt.Errorf("prepare the new server: %w", err)
		}
	}
	return version, nil
}

// supported refuses a server that is too old, else returns its version for people.
func supported(ctx context.Context, conn *pgx.Conn) (version string, err error) {
	var number int
	err = conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, split_part(current_setting('server_version'), ' ', 1)").Scan(&number, &version)
	if err != nil {
		return "", fmt.Errorf("ask the server for its version: %w", err)
	}
	if number < oldest {
		return "", fmt.Errorf("PostgreSQL %s is too old: 15 or newer is needed", version)
	}
	return version, nil
}

// awaitConnection returns once a client can connect, at the latest when ctx ends.
func awaitConnection(ctx context.Context, url string) error {
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		err := tryConnection(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no connection in time: %w", err)
		case <-retry.C:
		}
	}
}

func tryConnection(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// given checks a server that somebody else runs.
func given(ctx context.Context, o Options) (*Server, error) {
	name := o.URLName
	if name == "" {
		name = "the given URL"
	}
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		// The parser's own words may hold pieces of the password.
		return nil, fmt.Errorf("%s is not a PostgreSQL URL (postgres://user:password@host:5432/database, "+
			"with special characters of the password percent-encoded)", name)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("%s names a PostgreSQL that does not accept us: %w", name, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	version, err := supported(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s := &Server{url: o.URL, superuserURL: o.URL}
	if o.OwnDatabase != "" {
		own := ownDatabase{o.URL, o.OwnDatabase + "_" + strings.ToLower(rand.Text())}
		if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0", own.name)); err != nil {
			if ctx.Err() != nil {
				closeEntirely(conn) // else it may be made after it is dropped
				_ = own.remove()
			}
			return nil, fmt.Errorf("%s names a PostgreSQL that makes no database for us: %w", name, err)
		}
		config.Database = own.name
		s.url = WithDatabase(o.URL, own.name)
		s.superuserURL = s.url
		s.instance = own
	}
	s.description = fmt.Sprintf("PostgreSQL %s at %s:%d/%s, from %s", version, config.Host, config.Port, config.Database, name)
	return s, nil
}
