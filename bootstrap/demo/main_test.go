package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"timesheets/test/pgtest"
)

// until ends a demo as soon as it has written a text; "" is never.
type until struct {
	bytes.Buffer
	text string
	end  func()
}

func (u *until) Write(p []byte) (int, error) {
	n, err := u.Buffer.Write(p)
	if u.text != "" && strings.Contains(u.String(), u.text) {
		u.end()
	}
	return n, err
}

var ownDatabase = regexp.MustCompile(`/(timesheets_demo_[a-z0-9]+), from DATABASE_URL`)

func TestOnAServerOfSomebodyElseTheDemoLeavesNothing(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	monitor, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer monitor.Close(context.Background())
	count := func(from string, args ...any) (n int) {
		if err := monitor.QueryRow(t.Context(), "SELECT count(*) FROM "+from, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, tt := range []struct {
		name  string
		args  []string
		until string
		code  int
	}{
		{"to its end", nil, "", 0},
		{"once more", nil, "", 0},
		{"interrupted", nil, "FIRST IMPORT", 1},
		{"interrupted while it serves", []string{"--serve"}, "EVERYTHING IS UP", 0},
	} {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		stdout := &until{text: tt.until, end: end}
		var stderr bytes.Buffer
		if code := run(ctx, tt.args, []string{"DATABASE_URL=" + url}, stdout, &stderr); code != tt.code {
			t.Errorf("%s: got exit code %d, want %d\n%s%s", tt.name, code, tt.code, stdout, &stderr)
		}
		own := ownDatabase.FindStringSubmatch(stdout.String())
		if own == nil {
			t.Errorf("%s: it has no database of its own:\n%s", tt.name, stdout)
		} else if count("pg_database WHERE datname = $1", own[1]) > 0 {
			t.Errorf("%s: its database is still there", tt.name)
		}
		if count("pg_tables WHERE schemaname = 'public'") > 0 {
			t.Errorf("%s: it wrote into the database that DATABASE_URL names", tt.name)
		}
	}
}
