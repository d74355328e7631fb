package intake_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// everything is a batch with a row of every kind that writes something, for an
// office in which prepare happened.
func everything() []intake.Row {
	return []intake.Row{
		office.Row("same", office.Stamped(1)), office.Row("update", office.On("2026-11-19"), office.Hours("7")), office.Row("new", office.On("2026-11-18"), office.Of("zoe")),
		office.Row("approved", office.On("2026-11-17"), office.Hours("7")), office.Row("back", office.On("2026-11-16")), office.Row("bad", office.Project("")),
	}
}

func prepare(t *testing.T, o *office.Office) {
	t.Helper()
	o.Receive(t, office.Row("same"), office.Row("update", office.On("2026-11-19")), office.Row("approved", office.On("2026-11-17")), office.Row("back", office.On("2026-11-16")))
	for _, key := range []string{"approved", "back"} {
		if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), o.Held(t, key).ID(), nil); err != nil {
			t.Fatal(err)
		}
	}
	o.Receive(t, office.Row("back", office.On("2026-11-16"), office.Hours("7"))) // a proposal that everything takes back
}

// The connection is lost before the first statement of a batch, then before
// the second, and so on to the commit: as long as there is no answer there is
// no trace either, and the same batch once more is taken in full.
func TestABatchIsStoredAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	var seen []string
	failAt := -1
	tracer := &statements{starts: func(ctx context.Context, sql string) context.Context {
		if connecting(sql) {
			return ctx
		}
		if seen = append(seen, sql); len(seen) == failAt {
			dead, cancel := context.WithCancel(ctx)
			cancel()
			return dead
		}
		return ctx
	}}
	o := office.Open(t, office.Settings{Tracer: tracer})
	prepare(t, o)
	before := o.Footprint(t)
	var said []string
	for n := 1; ; n++ {
		seen, failAt = nil, n
		r, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: office.Source, Rows: everything()})
		if err == nil {
			if n < 10 {
				t.Fatalf("the batch took only %d statements: %q", n-1, seen)
			}
			if got, want := office.Outcomes(r), "unchanged updated created conflict:entry_approved unchanged rejected:required"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			break
		}
		said = append(said, strings.FieldsFunc(seen[n-1], func(r rune) bool { return r == ';' || unicode.IsSpace(r) })...)
		if f := fault.Of(err); !errors.Is(err, fault.Unavailable) {
			t.Fatalf("statement %d (%s): %v", n, seen[n-1], f)
		}
		failAt = -1
		if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
			t.Fatalf("lost before statement %d, %s (-before +after)\n%s", n, seen[n-1], diff)
		}
	}
	if !slices.Contains(said, "commit") || !slices.Contains(said, "begin") {
		t.Errorf("the connection was lost before %q", said)
	}
}

// connecting tells whether a statement is one of those with which a connection
// begins. When the pool opens one is its own affair.
func connecting(sql string) bool {
	return sql == `SELECT pg_backend_pid()` || strings.HasPrefix(sql, "SET ") || strings.HasPrefix(sql, "RESET ")
}

func TestAnErrorInTheMiddleLeavesNothing(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	prepare(t, o)
	before := o.Footprint(t)
	upload := func() error {
		_, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: office.Source, Rows: everything()})
		return err
	}
	for _, broken := range []string{
		`ALTER TABLE import_rows ADD CONSTRAINT broken CHECK (code <> 'required')`,
		`ALTER TABLE writes ADD CONSTRAINT broken CHECK (number < 4)`,
		`ALTER TABLE corrections ADD CONSTRAINT broken CHECK (NOT (state = 'open' AND day = DATE '2026-11-17'))`,
		`ALTER TABLE entries ADD CONSTRAINT broken CHECK (user_id <> 'zoe')`,
		`ALTER TABLE history ADD CONSTRAINT broken CHECK (day <> DATE '2026-11-19')`,
	} {
		o.Exec(t, broken)
		err := upload()
		if !errors.Is(err, fault.Internal) && fault.Of(err).Kind != fault.Internal || strings.Contains(fault.Of(err).Text, "broken") {
			t.Errorf("%s: %v", broken, err)
		}
		if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
			t.Errorf("%s (-before +after)\n%s", broken, diff)
		}
		o.Exec(t, `ALTER TABLE `+strings.Fields(broken)[2]+` DROP CONSTRAINT broken`)
	}
	if err := upload(); err != nil {
		t.Error(err)
	}
}

func TestAnObjectIsStoredAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Exec(t, `ALTER TABLE writes ADD CONSTRAINT broken CHECK (number < 1)`)
	if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, office.Row("1"), false); err == nil {
		t.Error("nothing went wrong")
	}
	if left := o.Footprint(t); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// What people do by hand and what uploads bring meet in one feed: every change
// has one place in it, and the state that it left behind.
func TestEveryChangeOfABatchIsInHistoryAndInTheFeed(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	prepare(t, o)
	wrote := o.Count(t, `SELECT number FROM write_counters`)
	r := o.Receive(t, everything()...)
	if n := o.Count(t, `SELECT number FROM write_counters`); n != wrote+1 {
		t.Errorf("%d writes: a batch is one", n-wrote)
	}
	if n := o.Count(t, `SELECT count(*) FROM entries e JOIN writes w ON w.org_id = e.org_id AND w.write_id = e.write_id
		WHERE w.number = $1 AND w.import_id = $2 AND w.principal = 'import-job' AND e.external_id IN ('update', 'new')`, wrote+1, r.ImportID); n != 2 {
		t.Errorf("%d of 2 changed entries are in the write", n)
	}
	if n := o.Count(t, `SELECT count(DISTINCT position) FROM entries WHERE import_id = $1`, r.ImportID); n != 2 {
		t.Errorf("%d positions for 2 changes", n)
	}
	if n := o.Count(t, `SELECT count(*) FROM history h JOIN writes w ON w.org_id = h.org_id AND w.write_id = h.write_id
		WHERE h.external_id = 'update' AND h.version = 1 AND h.seconds = 28800 AND w.number < $1`, wrote+1); n != 1 {
		t.Error("the earlier state is not in history with the write that made it")
	}
	if e := o.Held(t, "update").Snapshot(); e.Change != timesheet.WasUpdated || e.Version != 2 {
		t.Errorf("got %+v", e)
	}
}
