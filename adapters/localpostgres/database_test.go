package localpostgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestOnAGivenServerADatabaseOfOurOwnComesAndGoes(t *testing.T) {
	t.Parallel()
	theirs := start(t, Options{Disposable: true})
	databases := func() string {
		return ask(t, theirs.SuperuserURL(), "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database")
	}
	before := databases()
	o := Options{URL: theirs.URL(), URLName: "DATABASE_URL", OwnDatabase: "ours"}
	var two [2]*Server
	for i := range two {
		var err error
		if two[i], err = Start(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		execute(t, two[i].URL(), "CREATE TABLE mine (n int)")
		name := ask(t, two[i].URL(), "SELECT current_database()::text")
		if !strings.HasPrefix(name, "ours_") || !strings.HasSuffix(two[i].Description(), "/"+name+", from DATABASE_URL") {
			t.Errorf("got %s, described as %q", name, two[i].Description())
		}
		if err := two[i].Halt(t.Context(), Fast); !errors.Is(err, errNotOurs) {
			t.Errorf("halt: got %v, want a refusal", err)
		}
	}
	if got := ask(t, theirs.URL(), "SELECT count(*)::text FROM pg_tables WHERE tablename = 'mine'"); got != "0" {
		t.Error("the database that the URL names has our table")
	}
	for _, s := range two {
		conn, err := pgx.Connect(t.Context(), s.URL()) // somebody is there still
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
	if got := databases(); got != before {
		t.Errorf("got the databases %s, want %s", got, before)
	}
}

func TestWhoMayMakeNoDatabaseIsToldSo(t *testing.T) {
	t.Parallel()
	theirs := start(t, Options{Disposable: true})
	execute(t, theirs.SuperuserURL(), "ALTER ROLE timesheets NOCREATEDB")
	_, err := Start(t.Context(), Options{URL: theirs.URL(), URLName: "DATABASE_URL", OwnDatabase: "ours"})
	if err == nil || !strings.HasPrefix(err.Error(), "DATABASE_URL ") || !strings.Contains(err.Error(), "permission denied to create database") {
		t.Errorf("got %v", err)
	}
}

func TestAURLIsPointedAtAnotherDatabase(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://u:p%40@h:5432/old?sslmode=disable",
		"postgres://h1:5432,h2:5433/old",
		"postgres://h/old?dbname=older",
		"postgresql://h",
		"host=h user=u dbname=old",
	} {
		was, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		is, err := pgx.ParseConfig(WithDatabase(url, "new"))
		if err != nil || is.Database != "new" || is.Host != was.Host || is.Port != was.Port || is.User != was.User || is.Password != was.Password {
			t.Errorf("%s: got %+v, %v", url, is, err)
		}
	}
}
