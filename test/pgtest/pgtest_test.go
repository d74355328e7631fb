package pgtest

import (
	"testing"

	"timesheets/adapters/localpostgres"
	"timesheets/adapters/postgres"
	"timesheets/migrations"
)

func TestADatabaseIsMigratedAndEmpty(t *testing.T) {
	t.Parallel()
	url := Database(t)
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	schema, err := postgres.ReadSchema(t.Context(), pool, migrations.Files)
	if err != nil || schema.Program == 0 || schema.Database != schema.Program {
		t.Errorf("got %+v, %v", schema, err)
	}
	if got := ask(t, url, "SELECT count(*)::text FROM entries"); got != "0" {
		t.Errorf("got %s entries, want none", got)
	}
	if got := ask(t, url, "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user"); got != "false" {
		t.Error("tests run as superuser, and so miss what production may not do")
	}
}

func TestDatabasesKeepToThemselves(t *testing.T) {
	t.Parallel()
	one, other := Database(t), Database(t)
	if err := run(one, "CREATE TABLE mine (n int)"); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, other, "SELECT count(*)::text FROM pg_tables WHERE tablename = 'mine'"); got != "0" {
		t.Error("a table of one database is in the other")
	}
}

func TestAnEmptyDatabaseHasNoTables(t *testing.T) {
	t.Parallel()
	if got := ask(t, Empty(t), "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"); got != "0" {
		t.Errorf("got %s tables, want none", got)
	}
}

func TestADatabaseGoesWithItsTestEvenWhenItIsInUse(t *testing.T) {
	t.Parallel()
	m, err := join()
	if err != nil {
		t.Fatal(err)
	}
	var urls []string
	t.Run("the test", func(t *testing.T) {
		urls = []string{Database(t), Empty(t)}
		for _, url := range urls {
			pool, err := postgres.Open(t.Context(), postgres.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			if err := pool.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer pool.Close() // too late: cleanup waits for nothing of the test's
			if !exists(t, m.URL, url) {
				t.Errorf("%s is not there", url)
			}
		}
	})
	for _, url := range urls {
		if exists(t, m.URL, url) {
			t.Errorf("%s is still there", url)
		}
	}
}

func TestAServerOfItsOwnCanBeHaltedAndResumed(t *testing.T) {
	t.Parallel()
	s := Server(t)
	if err := run(s.URL(), "INSERT INTO workers (org_id, user_id, kind, created_at, updated_at) VALUES ('o', 'ann', 'employee', now(), now())"); err != nil {
		t.Fatal(err)
	}
	for _, how := range []localpostgres.Halt{localpostgres.Immediate, localpostgres.Killed} {
		if err := s.Halt(t.Context(), how); err != nil {
			t.Fatal(err)
		}
		if serves(t, s.URL()) {
			t.Error("the halted server accepts connections")
		}
		if err := s.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, s.URL(), "SELECT user_id FROM workers"); got != "ann" {
		t.Errorf("got %s, want ann", got)
	}
	shared, err := join()
	if err != nil {
		t.Fatal(err)
	}
	if serverAndPort(t, s.URL()) == serverAndPort(t, shared.URL) {
		t.Error("it is the server that everybody shares")
	}
}
