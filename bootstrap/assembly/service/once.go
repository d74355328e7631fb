package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"timesheets/adapters/postgres"
	"timesheets/domain/fault"
	"timesheets/migrations"
)

// Migrate brings the schema up to date and ends.
func Migrate(ctx context.Context, c Config, log *slog.Logger) error {
	applied, err := postgres.Migrate(ctx, c.migrationURL(), migrations.Files, 10*migrationPatience)
	if err == nil {
		log.Info("the schema is up to date", "migrations_applied", applied)
	}
	return err
}

const checkTimeout = 10 * time.Second // for each line

// Check says of everything that the API depends on whether it is there, a line
// each. The error says only that something is not.
func Check(ctx context.Context, c Config, to io.Writer) error {
	missing := 0
	line := func(name string, probe func(context.Context) (string, error)) {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		detail, err := probe(ctx)
		if err != nil {
			missing++
			fmt.Fprintf(to, "missing  %-14s %s\n", name, inOneLine(err))
			return
		}
		fmt.Fprintf(to, "ok       %-14s %s\n", name, detail)
	}
	line("configuration", func(context.Context) (string, error) { return "read", nil })
	line("address", func(context.Context) (string, error) {
		ln, err := net.Listen("tcp", c.HTTPAddr)
		if err != nil {
			return "", err
		}
		return c.HTTPAddr + " is free", ln.Close()
	})
	line("database", func(ctx context.Context) (string, error) {
		pool, cleanup, err := OpenPool(ctx, c, nil)
		if err != nil {
			return "", err
		}
		defer cleanup()
		schema, err := postgres.ReadSchema(ctx, pool, migrations.Files)
		switch {
		case err != nil:
			return "", err
		case schema.Behind():
			return "", fmt.Errorf("the schema is at version %d, this program needs %d: run api migrate", schema.Database, schema.Program)
		case schema.Ahead():
			return fmt.Sprintf("schema version %d, newer than this program's %d", schema.Database, schema.Program), nil
		}
		return fmt.Sprintf("schema version %d", schema.Database), nil
	})
	line("signing keys", func(ctx context.Context) (string, error) {
		verifier, err := NewVerifier(c, Clock())
		if err != nil {
			return "", err
		}
		if err := verifier.Refresh(ctx); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d held", verifier.Stats().Keys), nil
	})
	if missing > 0 {
		return errors.New("something is missing")
	}
	return nil
}

// inOneLine is the text of a fault with its cause, without line breaks.
func inOneLine(err error) string {
	text := err.Error()
	if f, ok := errors.AsType[*fault.Error](err); ok {
		text = f.Error()
	}
	return strings.Join(strings.Fields(text), " ")
}
