package localpostgres

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestTheURLConnectsAnOrdinaryRoleToADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Disposable: true, MaxConnections: 37})
	for query, want := range map[string]string{
		"SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user":                                                                    "false",
		"SELECT rolcreatedb::text FROM pg_roles WHERE rolname = current_user":                                                                 "true",
		"SELECT (datdba = (SELECT oid FROM pg_roles WHERE rolname = current_user))::text FROM pg_database WHERE datname = current_database()": "true",
		"SHOW max_connections":  "37",
		"SHOW fsync":            "off",
		"SHOW timezone":         "UTC",
		"SHOW server_encoding":  "UTF8",
		"SHOW listen_addresses": "127.0.0.1",
	} {
		if got := ask(t, s.URL(), query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	execute(t, s.URL(), "CREATE TABLE t (n int)", "CREATE DATABASE another")
	if got := ask(t, s.SuperuserURL(), "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user"); got != "true" {
		t.Errorf("the superuser is none")
	}
	version := ask(t, s.URL(), "SELECT split_part(current_setting('server_version'), ' ', 1)")
	if want := "PostgreSQL " + version + " from /"; !strings.HasPrefix(s.Description(), want) {
		t.Errorf("got description %q, want it to begin with %q", s.Description(), want)
	}
}

func TestOnlyThePasswordOpensTheDoor(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Disposable: true})
	for _, password := range []string{"", "postgres"} {
		url := connectionURL(superuser, password, s.instance.(*postmaster).address(), "postgres")
		if err := tryConnection(t.Context(), url); err == nil {
			t.Errorf("the superuser came in with the password %q", password)
		}
	}
}

func TestAServerIsDurableUnlessItIsDisposable(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	if got := ask(t, s.URL(), "SHOW fsync"); got != "on" {
		t.Errorf("got fsync %s, want on", got)
	}
	if home := s.instance.(*postmaster).home.dir; strings.HasPrefix(home, memory) {
		t.Errorf("the data of a durable server are in memory: %s", home)
	}
}

func TestWhatWasCommittedSurvivesEveryHalt(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Disposable: true})
	execute(t, s.URL(), "CREATE TABLE t (how text)")
	for _, tt := range []struct {
		name string
		how  Halt
	}{{"fast", Fast}, {"immediate", Immediate}, {"killed", Killed}} {
		execute(t, s.URL(), "INSERT INTO t VALUES ('"+tt.name+"')")
		if err := s.Halt(t.Context(), tt.how); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if err := tryConnection(t.Context(), s.URL()); err == nil {
			t.Errorf("%s: the halted server accepts connections", tt.name)
		}
		if err := s.Resume(t.Context()); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := ask(t, s.URL(), "SELECT count(*)::text FROM t WHERE how = '"+tt.name+"'"); got != "1" {
			t.Errorf("%s: got %s rows, want 1", tt.name, got)
		}
	}
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		before func(*Server) error
	}{
		{"a running server", func(*Server) error { return nil }},
		{"a halted server", func(s *Server) error { return s.Halt(t.Context(), Immediate) }},
		{"a killed server", func(s *Server) error { return s.Halt(t.Context(), Killed) }},
		{"a server whose guard was killed", func(s *Server) error {
			return s.instance.(*postmaster).home.guard.Process.Kill()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Disposable: true})
			home := s.instance.(*postmaster).home.dir
			if err := tt.before(s); err != nil {
				t.Fatal(err)
			}
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			if err := tryConnection(t.Context(), s.URL()); err == nil {
				t.Error("the server still accepts connections")
			}
			if exists(home) {
				t.Errorf("%s is still there", home)
			}
			if err := s.Stop(); err != nil {
				t.Errorf("a second Stop: %v", err)
			}
			if err := s.Halt(t.Context(), Fast); !errors.Is(err, errNotOurs) {
				t.Errorf("a halt after the end: got %v", err)
			}
		})
	}
}

func TestServersStartedAtTheSameTimeDoNotMeet(t *testing.T) {
	t.Parallel()
	var servers [3]*Server
	var all sync.WaitGroup
	for i := range servers {
		all.Go(func() {
			var err error
			if servers[i], err = Start(t.Context(), Options{Order: []Source{Programs}, Disposable: true}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	urls := map[string]bool{}
	for _, s := range servers {
		if s != nil {
			urls[s.URL()] = true
			execute(t, s.URL(), "CREATE TABLE mine (n int)")
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		}
	}
	if len(urls) != len(servers) {
		t.Errorf("got %d URLs, want %d", len(urls), len(servers))
	}
}

func TestKillingTheStarterEndsTheServerAndRemovesItsFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options Options
		folder  string // what TMPDIR is called
	}{
		{"durable", Options{Order: []Source{Programs}}, "tmp"},
		{"disposable", Options{Order: []Source{Programs}, Disposable: true}, "tmp"},
		{"in a folder with blanks", Options{Order: []Source{Programs}}, "a folder with  blanks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// Not t.TempDir, which no unprivileged user may enter.
			parent, err := os.MkdirTemp("", "localpostgres-test-")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(parent) })
			folder := filepath.Join(parent, tt.folder)
			for _, dir := range []string{parent, folder} {
				if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chmod(dir, 0o755)); err != nil {
					t.Fatal(err)
				}
			}
			elsewhere := startElsewhere(t, tt.options, "TMPDIR="+folder)
			data := ask(t, elsewhere.url, "SHOW data_directory")
			if !tt.options.Disposable && !strings.HasPrefix(data, folder) {
				t.Errorf("the data are in %s, not in %s", data, folder)
			}
			elsewhere.kill()
			eventually(t, "the server is gone", func() bool { return tryConnection(t.Context(), elsewhere.url) != nil })
			eventually(t, "its files are gone", func() bool { return !exists(filepath.Dir(data)) })
		})
	}
}
