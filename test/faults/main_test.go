// Package faults breaks things while the real API works: the program itself,
// its database, the issuer of its tokens, the network in between, and what
// clients send. Whatever breaks, nothing that was answered is lost, nothing is
// there twice or by half, and the program is alive afterwards.
package faults

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"timesheets/test/integration/apitest"
)

var seed = flag.Uint64("seed", 0, "of all that is random; 0 is another one each time")

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	os.Exit(apitest.Main(m))
}

// chance is a source of randomness for one test, which says how to get the
// same again.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	t.Logf("again with: go test ./test/faults -run '^%s$' -seed %d", t.Name(), *seed)
	return rand.New(rand.NewPCG(*seed, 1))
}

// ask asks the database itself; what is wanted is one row.
func ask[T any](t *testing.T, databaseURL, query string, args ...any) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[T])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// execute changes something in the database itself.
func execute(t *testing.T, databaseURL string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
