package reporting_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"timesheets/application/reporting"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// listener remembers the last statement that was sent.
type listener struct {
	mu   sync.Mutex
	sql  string
	args []any
}

func (l *listener) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sql, l.args = q.SQL, slices.Clone(q.Args)
	return ctx
}

func (l *listener) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// node is a node of a plan, as EXPLAIN shows it.
type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Plans    []node  `json:"Plans"`
}

// explain runs the last statement again and gives the rows that it read of
// each table; none may be read from one end to the other.
func (l *listener) explain(t *testing.T, a accounts) map[string]float64 {
	t.Helper()
	sql, args := l.sql, l.args
	var text []byte
	if err := a.Pool.QueryRow(t.Context(), `EXPLAIN (ANALYZE, FORMAT JSON) `+sql, args...).Scan(&text); err != nil {
		t.Fatal(err)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	read := map[string]float64{}
	var walk func(node)
	walk = func(n node) {
		if n.Relation != "" {
			read[n.Relation] += (n.Rows + n.Filtered) * n.Loops
			if n.Type == "Seq Scan" {
				t.Errorf("reads all of %s:\n%s", n.Relation, text)
			}
		}
		for _, below := range n.Plans {
			walk(below)
		}
	}
	walk(plans[0].Plan)
	if len(read) == 0 {
		t.Errorf("reads nothing:\n%s", text)
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
	return read
}

// years makes 200,000 entries of a minute each, five a day of a hundred
// workers, in 40 writes of 5,000. Every second one was changed later, in a
// write of its own, and has its first state in history.
const years = `
	CREATE FUNCTION nth(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
		$$ SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
	CREATE VIEW made AS SELECT i, 'default' AS org_id, nth(i) AS id, 'kimai' AS source, lpad(i::text, 6, '0') AS external_id,
			'worker ' || i % 100 AS user_id, date '2026-11-20' - i / 500 AS day, 60 AS seconds, 'project ' || i % 97 AS project,
			true AS billable, 'pending' AS status, timestamptz '2026-11-20T12:00:00Z' AS at, 'import-job' AS by
		FROM generate_series(0, 199999) i;
	INSERT INTO entries (org_id, id, source, external_id, user_id, day, seconds, project, billable, status, created_at, created_by,
			updated_at, updated_by, version, change, write_id, position)
		SELECT org_id, id, source, external_id, user_id, day, seconds, project, billable, status, at, by, at, by, 1, 'created', nth(i / 5000), i % 5000
		FROM made WHERE i % 2 = 0
		UNION ALL
		SELECT org_id, id, source, external_id, user_id, day, seconds, project, billable, status, at, by, at, by, 2, 'updated', nth(1000 + i), 0
		FROM made WHERE i % 2 = 1;
	INSERT INTO history (org_id, id, source, external_id, user_id, day, seconds, project, billable, status, created_at, created_by,
			updated_at, updated_by, version, change, write_id, position)
		SELECT org_id, id, source, external_id, user_id, day, seconds, project, billable, status, at, by, at, by, 1, 'created', nth(i / 5000), i % 5000
		FROM made WHERE i % 2 = 1;
	INSERT INTO writes (org_id, number, write_id, at, principal)
		SELECT org_id, i + 1, nth(i), at, by FROM made WHERE i < 40
		UNION ALL
		SELECT org_id, 41 + i / 2, nth(1000 + i), at, by FROM made WHERE i % 2 = 1;
	ANALYZE`

// With 200,000 entries, half of which were changed once, nothing is read from
// one end to the other, and hardly more than what is shown.
func TestReportsAndTheFeedReadWhatTheyShow(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	heard := &listener{}
	a := open(t, office.Settings{Tracer: heard})
	a.Exec(t, years)

	for name, tt := range map[string]struct {
		after reporting.Place
		limit int
	}{
		"from the beginning":           {reporting.Place{}, 500},
		"in the middle of a write":     {reporting.Place{Number: 20, Index: 2_500}, 500},
		"one at a time":                {reporting.Place{Number: 20, Index: 2_500}, 1},
		"from one large write to next": {reporting.Place{Number: 20, Index: 4_900}, 500},
		"from a large to the small":    {reporting.Place{Number: 40, Index: 4_900}, 500},
		"among writes of one":          {reporting.Place{Number: 10_000, Index: 0}, 500},
		"at the end":                   {reporting.Place{Number: 100_039, Index: 0}, 500},
	} {
		t.Run("the feed "+name, func(t *testing.T) {
			page, _, err := a.feed.Changes(t.Context(), robot(), tt.after, tt.limit)
			if err != nil || len(page) != tt.limit && name != "at the end" {
				t.Fatalf("%d changes, %v", len(page), err)
			}
			read := heard.explain(t, a)
			if n := read["entries"] + read["history"]; n > float64(2*(tt.limit+1)+2) {
				t.Errorf("a page of %d reads %v", tt.limit, read)
			}
			if n := read["writes"]; n > float64(tt.limit+32) {
				t.Errorf("a page of %d reads %v", tt.limit, read)
			}
		})
	}
	for name, q := range map[string]reporting.Question{
		"a worker's month":             {UserID: "worker 7", From: fixture.Day("2026-10-01"), To: fixture.Day("2026-10-31"), GroupBy: []reporting.Group{reporting.ByProject}},
		"a week of everyone":           {From: fixture.Day("2026-11-09"), To: fixture.Day("2026-11-15"), GroupBy: []reporting.Group{reporting.ByWorker, reporting.ByProject}},
		"one total of a worker's week": {UserID: "worker 7", From: fixture.Day("2026-11-09"), To: fixture.Day("2026-11-15")},
	} {
		t.Run(name, func(t *testing.T) {
			totals, err := a.reporter.Hours(t.Context(), robot(), q)
			if err != nil {
				t.Fatal(err)
			}
			added := 0.0
			for _, total := range totals {
				added += float64(total.Entries)
			}
			if read := heard.explain(t, a); added == 0 || read["entries"] > 2*added {
				t.Errorf("adds up %v entries and reads %v", added, read)
			}
		})
	}
}
