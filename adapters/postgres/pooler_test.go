//go:build machine

package postgres_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/adapters/postgres"
	"timesheets/domain/fault"
	"timesheets/migrations"
	"timesheets/test/pgtest"
)

// pgbouncer puts a PgBouncer with two server connections, handed out for a
// transaction each, before a database, and returns the URL through it.
func pgbouncer(t *testing.T, database string) (url string) {
	t.Helper()
	server, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	config := fmt.Sprintf(`[databases]
d = host=%s port=%d dbname=%s user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
`, server.Host, server.Port, server.Database, server.User, server.Password, port)
	dir, err := os.MkdirTemp("", "pgbouncer-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	arguments := []string{file}
	if os.Geteuid() == 0 {
		arguments = []string{"-u", "postgres", file} // it refuses to be root
	}
	cmd := exec.Command("pgbouncer", arguments...)
	if err := cmd.Start(); err != nil {
		t.Fatalf("pgbouncer is needed: apt-get install pgbouncer: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	url = "postgres://u@127.0.0.1:" + strconv.Itoa(port) + "/d?sslmode=disable"
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			conn.Close(ctx)
			return url
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no connection through pgbouncer: %v", err)
		case <-poll.C:
		}
	}
}

func TestAPoolWorksBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgbouncer(t, pgtest.Database(t)), MaxConnections: 6})
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			for i := range 50 {
				var zone string
				var n int
				err := pool.QueryRow(t.Context(), "SELECT current_setting('timezone'), $1::int", i).Scan(&zone, &n)
				if err != nil || zone != "UTC" || n != i {
					t.Errorf("got %s, %d, %v", zone, n, err)
				}
				var wait string
				err = postgres.InTx(t.Context(), pool, func(tx postgres.Querier) error {
					return tx.QueryRow(t.Context(), "SELECT current_setting('lock_timeout') WHERE $1 >= 0", i).Scan(&wait)
				})
				if err != nil || wait != "2s" {
					t.Errorf("in a transaction: got a lock timeout of %q, %v", wait, err)
				}
			}
		})
	}
	all.Wait()
	// What a transaction set is gone from the server connections that others get.
	for range 10 {
		var wait string
		err := pool.AcquireFunc(t.Context(), func(conn *pgxpool.Conn) error {
			return conn.QueryRow(t.Context(), "SELECT current_setting('lock_timeout')").Scan(&wait)
		})
		if err != nil || wait != "0" {
			t.Errorf("outside a transaction: got a lock timeout of %q, %v", wait, err)
		}
	}
}

func TestNothingIsKeptOnConnectionsThatAPoolerHandsOut(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgbouncer(t, pgtest.Database(t)), MaxConnections: 6})
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			for range 20 {
				if err := record(t, pool); err != nil {
					t.Error(err)
				}
				if all, _ := kept(t, pool); all > 0 {
					t.Errorf("%d statements are kept", all)
				}
			}
		})
	}
	all.Wait()
}

func TestMigrationsRefuseATransactionPooler(t *testing.T) {
	t.Parallel()
	_, err := postgres.Migrate(t.Context(), pgbouncer(t, pgtest.Empty(t)), migrations.Files, patience)
	wantFault(t, err, fault.Invalid, "migration_through_pooler")
}

func TestThroughATransactionPoolerASchemaIsSeenToBeUpToDate(t *testing.T) {
	t.Parallel()
	if n, err := postgres.Migrate(t.Context(), pgbouncer(t, pgtest.Database(t)), migrations.Files, patience); err != nil || n != 0 {
		t.Errorf("got %d, %v, want nothing to do", n, err)
	}
}
