package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"timesheets/adapters/postgres"
	"timesheets/application/approval"
	"timesheets/application/intake"
	"timesheets/application/reporting"
	"timesheets/application/timekeeping"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// statement is one that an adapter ran, with what it ran it with.
type statement struct {
	sql  string
	args []any
}

// notebook is a tracer that writes statements down while it is open.
type notebook struct {
	mu   sync.Mutex
	open bool
	ran  []statement
}

func (n *notebook) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	n.note(data.SQL, data.Args)
	return ctx
}

func (*notebook) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (n *notebook) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, q := range data.Batch.QueuedQueries {
		n.note(q.SQL, q.Arguments)
	}
	return ctx
}

func (*notebook) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (*notebook) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (n *notebook) note(sql string, args []any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open {
		n.ran = append(n.ran, statement{sql, args})
	}
}

// during gives the statements about entries that run while fn does.
func (n *notebook) during(fn func()) []statement { return n.about("entries", fn) }

// about gives the statements about a table that run while fn does.
func (n *notebook) about(table string, fn func()) []statement {
	n.open, n.ran = true, nil
	fn()
	n.open = false
	var about []statement
	for _, s := range n.ran {
		if strings.Contains(s.sql, table) && !strings.HasPrefix(s.sql, "COPY") {
			about = append(about, s)
		}
	}
	return about
}

// plan is a node of what EXPLAIN answers.
type plan struct {
	Node      string  `json:"Node Type"`
	Relation  string  `json:"Relation Name"`
	Index     string  `json:"Index Name"`
	Plans     []plan  `json:"Plans"`
	Rows      float64 `json:"Actual Rows"` // of each loop, as the next three
	Filtered  float64 `json:"Rows Removed by Filter"`
	Rechecked float64 `json:"Rows Removed by Index Recheck"`
	Loops     float64 `json:"Actual Loops"`
}

// read gives how many rows of a relation the node and those below it read.
func (p plan) read(relation string) float64 {
	var all float64
	for _, scan := range p.scans() {
		if scan.Relation == relation {
			all += (scan.Rows + scan.Filtered + scan.Rechecked) * scan.Loops
		}
	}
	return all
}

// scans gives the node and every node below it that reads a table.
func (p plan) scans() []plan {
	var all []plan
	if p.Relation != "" {
		all = append(all, p)
	}
	for _, below := range p.Plans {
		all = append(all, below.scans()...)
	}
	return all
}

// explain gives the plan of a statement without running it.
func explain(t *testing.T, o *office.Office, s statement) (plan, string) {
	t.Helper()
	return explainAs(t, o.Pool, s, "EXPLAIN (FORMAT JSON) ")
}

// asked is a pool, or a transaction.
type asked interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func explainAs(t *testing.T, db asked, s statement, how string) (plan, string) {
	t.Helper()
	var answer []byte
	if err := db.QueryRow(t.Context(), how+s.sql, s.args...).Scan(&answer); err != nil {
		t.Fatalf("%v\n%s", err, s.sql)
	}
	var plans []struct{ Plan plan }
	if err := json.Unmarshal(answer, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan, string(answer)
}

// library is an office with 200,000 entries of 400 workers in two years and
// their statistics. Nine of ten are approved, one in a thousand is deleted.
func library(t *testing.T, n *notebook) *office.Office {
	t.Helper()
	o := office.Open(t, office.Settings{Tracer: n})
	o.Exec(t, `
		INSERT INTO workers (org_id, user_id, kind, created_at, updated_at)
		SELECT 'default', 'worker ' || i, 'employee', $1, $1 FROM generate_series(0, 399) AS i`, fixture.Now)
	o.Exec(t, `
		INSERT INTO entries (org_id, id, source, external_id, user_id, day, seconds, project, billable, status, version, change, created_at, created_by, updated_at, updated_by,
			import_id, hand_by, deleted_at, deletion, received_digest, write_id, position)
		SELECT 'default', lpad(to_hex(i + 1), 32, '0')::uuid, CASE WHEN i % 20 = 0 THEN 'toggl' ELSE 'kimai' END, i::text, 'worker ' || i % 400, DATE '2026-11-20' - i / 400,
			3600, 'project ' || i % 97, true, CASE WHEN i % 10 = 0 OR i < 400 THEN 'pending' ELSE 'approved' END, 1, 'created', $1::timestamptz, 'job', $1, 'job',
			lpad(to_hex(i / 5000), 32, '0')::uuid, NULL, CASE WHEN i % 1000 = 7 THEN $1 END, CASE WHEN i % 1000 = 7 THEN 'mirror' END,
			decode(md5(i::text), 'hex'), lpad(to_hex(i / 5000), 32, '0')::uuid, i % 5000
		FROM generate_series(0, 199999) AS i`, fixture.Now)
	// Another organisation, a small one, has the same projects and sources.
	o.Exec(t, `
		INSERT INTO entries (org_id, id, source, external_id, user_id, day, seconds, project, billable, status, version, change, created_at, created_by, updated_at, updated_by, write_id, position)
		SELECT 'small', lpad(to_hex(i + 300001), 32, '0')::uuid, 'toggl', i::text, 'worker 5', DATE '2026-11-20' - i / 2, 3600, 'project ' || i % 2 + 5, true,
			CASE WHEN i % 2 = 0 THEN 'pending' ELSE 'approved' END, 1, 'created', $1::timestamptz, 'job', $1, 'job', lpad(to_hex(99), 32, '0')::uuid, 1000 + i
		FROM generate_series(0, 799) AS i`, fixture.Now)
	o.Exec(t, `
		INSERT INTO writes (org_id, number, write_id, at, principal, import_id)
		SELECT 'default', i + 1, lpad(to_hex(i), 32, '0')::uuid, $1, 'job', lpad(to_hex(i), 32, '0')::uuid FROM generate_series(0, 39) AS i`, fixture.Now)
	o.Exec(t, `INSERT INTO write_counters VALUES ('default', 40)`)
	o.Exec(t, `INSERT INTO history SELECT * FROM entries WHERE position < 500`)
	o.Exec(t, `UPDATE history SET version = 0`)
	o.Exec(t, `
		INSERT INTO weeks (org_id, user_id, monday, state, version, amended)
		SELECT 'default', 'worker ' || u, DATE '2026-11-02' - 7 * w, CASE u % 2 WHEN 0 THEN 'submitted' ELSE 'rejected' END, 1, false
		FROM generate_series(0, 399) AS u, generate_series(0, 68) AS w`)
	o.Exec(t, `ANALYZE`)
	return o
}

// A table of this size is read by its indexes, whatever is asked for: a scan
// of all of it is a hundred times as slow, and slower with every month.
func TestNoStatementReadsAllEntries(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	notes := &notebook{}
	o := library(t, notes)
	approver, machine := fixture.Approver("worker 7"), fixture.Machine(identity.ReadTimesheets)
	list := func(by identity.Principal, f timekeeping.Filter, after timekeeping.Place) func() {
		return func() {
			if _, _, err := o.Reviewer.List(t.Context(), by, f, after, 100); err != nil {
				t.Error(err)
			}
		}
	}
	weeks := func(by identity.Principal, f approval.WeekFilter, after approval.WeekPlace) func() {
		return func() {
			if page, _, err := o.Weeks.List(t.Context(), by, f, after, 50); err != nil || len(page) != 50 {
				t.Error(len(page), err)
			}
		}
	}
	everyone := func(edit func(*timekeeping.Filter)) func() {
		f := timekeeping.Filter{UserID: identity.Everyone}
		edit(&f)
		return list(approver, f, timekeeping.Place{})
	}
	batch := func(n int, edits ...func(i int, r *intake.Row)) []intake.Row {
		return office.Rows(n, append([]func(i int, r *intake.Row){func(i int, r *intake.Row) {
			r.ExternalID = fmt.Sprint(1000 + 17*i)
			r.Content.UserID, r.Content.Day = fmt.Sprint("worker ", i%400), r.Content.Day.Add(-i%700)
			r.Content.Duration = fixture.Seconds(1)
		}}, edits...)...)
	}
	upload := func(rows []intake.Row) func() {
		return func() {
			if r, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: "kimai", Rows: rows}); err != nil || r.Rejected > 0 {
				t.Error(r.Counts, err)
			}
		}
	}
	entry := timesheet.ID(uuid.MustParse("00000000-0000-0000-0000-00000000032b")) // number 810, of worker 10, pending
	friday, lastYear := fixture.Friday, fixture.Day("2025-11-20")
	for _, tt := range []struct {
		name string
		do   func()
		at   int // least number of statements about entries
	}{
		{"a person lists their own", list(fixture.Person("worker 5"), timekeeping.Filter{}, timekeeping.Place{}), 1},
		{"the next page", list(fixture.Person("worker 5"), timekeeping.Filter{}, timekeeping.Place{Day: lastYear, ID: entry}), 1},
		{"their own of a week", list(fixture.Person("worker 5"), timekeeping.Filter{From: friday.Add(-4), To: friday.Add(2)}, timekeeping.Place{}), 1},
		{"their own of a project", list(fixture.Person("worker 5"), timekeeping.Filter{Project: "project 5"}, timekeeping.Place{}), 1},
		{"their own rejected ones", list(fixture.Person("worker 5"), timekeeping.Filter{Status: timesheet.Rejected}, timekeeping.Place{}), 1},
		{"somebody who has none", list(fixture.Person("nobody"), timekeeping.Filter{}, timekeeping.Place{}), 1},
		{"a machine lists all", list(machine, timekeeping.Filter{}, timekeeping.Place{}), 1},
		{"page after page of all", list(machine, timekeeping.Filter{}, timekeeping.Place{Day: lastYear, ID: entry}), 1},
		{"everyone's", everyone(func(*timekeeping.Filter) {}), 1},
		{"everyone's of a week", everyone(func(f *timekeeping.Filter) { f.From, f.To = friday.Add(-4), friday.Add(2) }), 1},
		{"everyone's of a year", everyone(func(f *timekeeping.Filter) { f.From = lastYear }), 1},
		{"everyone's up to a day", everyone(func(f *timekeeping.Filter) { f.To = lastYear }), 1},
		{"everyone's of a project", everyone(func(f *timekeeping.Filter) { f.Project = "project 5" }), 1},
		{"everyone's that wait", everyone(func(f *timekeeping.Filter) { f.Status = timesheet.Pending }), 1},
		{"everyone's of a source", everyone(func(f *timekeeping.Filter) { f.Source = "toggl" }), 1},
		{"everyone's of a source that is not there", everyone(func(f *timekeeping.Filter) { f.Source = "nothing" }), 1},
		{"everyone's of an import", everyone(func(f *timekeeping.Filter) { f.ImportID = timesheet.ID{15: 7} }), 1},
		{"what waits for an approver", func() {
			if _, _, err := o.Queue.Pending(t.Context(), approver, timesheet.Day{}, timesheet.ID{}, 100); err != nil {
				t.Error(err)
			}
		}, 1},
		{"what waits, page after page", func() {
			if _, _, err := o.Queue.Pending(t.Context(), approver, lastYear, entry, 500); err != nil {
				t.Error(err)
			}
		}, 1},
		{"an entry", func() {
			if _, err := o.Reviewer.Get(t.Context(), machine, entry); err != nil {
				t.Error(err)
			}
		}, 1},
		{"its history", func() {
			if _, _, err := o.Reviewer.History(t.Context(), machine, entry, 0, 100); err != nil {
				t.Error(err)
			}
		}, 2},
		{"a change by hand", func() {
			if _, err := o.Recorder.Amend(t.Context(), fixture.Person("worker 10"), entry, nil, func(c timesheet.Content) (timesheet.Content, error) {
				c.Day, c.Project = c.Day.Add(-1), "Shop"
				return c, nil
			}); err != nil {
				t.Error(err)
			}
		}, 4},
		{"a decision", func() {
			if _, err := o.Decider.Approve(t.Context(), approver, entry, nil); err != nil {
				t.Error(err)
			}
		}, 3},
		{"their own weeks", weeks(fixture.Person("worker 5"), approval.WeekFilter{}, approval.WeekPlace{}), 1},
		{"their own rejected weeks", weeks(fixture.Person("worker 5"), approval.WeekFilter{State: timesheet.WeekRejected}, approval.WeekPlace{}), 1},
		{"everyone's weeks", weeks(approver, approval.WeekFilter{UserID: identity.Everyone}, approval.WeekPlace{}), 1},
		{"everyone's weeks, the next page", weeks(approver, approval.WeekFilter{UserID: identity.Everyone}, approval.WeekPlace{UserID: "worker 5", Week: lastYear.Week()}), 1},
		{"everyone's submitted weeks", weeks(approver, approval.WeekFilter{UserID: identity.Everyone, State: timesheet.WeekSubmitted}, approval.WeekPlace{}), 1},
		{"everyone's open weeks", weeks(approver, approval.WeekFilter{UserID: identity.Everyone, State: timesheet.WeekOpen}, approval.WeekPlace{}), 1},
		{"everyone's of one week", weeks(machine, approval.WeekFilter{From: lastYear.Week(), To: lastYear.Week()}, approval.WeekPlace{}), 1},
		{"the weeks that are missing", func() {
			if page, _, err := o.Weeks.Missing(t.Context(), approver, friday.Week(), "", 100); err != nil || len(page) != 100 {
				t.Error(len(page), err)
			}
		}, 1},
		{"a week that is handed in, approved and reopened", func() {
			_, submitted := o.Mover.Submit(t.Context(), fixture.Person("worker 5"), timesheet.WorkerWeek{UserID: "worker 5", Week: friday.Week()}, nil)
			_, approved := o.Mover.Approve(t.Context(), approver, timesheet.WorkerWeek{UserID: "worker 5", Week: friday.Week()}, nil)
			_, reopened := o.Mover.Reopen(t.Context(), approver, timesheet.WorkerWeek{UserID: "worker 5", Week: friday.Week()}, "why not", nil)
			if err := errors.Join(submitted, approved, reopened); err != nil {
				t.Error(err)
			}
		}, 10},
		{"a row that is new", upload(batch(1, func(_ int, r *intake.Row) { r.ExternalID = "new" })), 2},
		{"5,000 rows that are new", upload(batch(5000, func(i int, r *intake.Row) { r.ExternalID = fmt.Sprint("new ", i) })), 2},
		{"5,000 rows that change", upload(batch(5000)), 5},
		{"the same 5,000 rows again", upload(batch(5000)), 1},
		{"5,000 stamps", upload(batch(5000, func(_ int, r *intake.Row) { r.SourceUpdatedAt = office.Stamp(1) })), 3},
		{"a row that changes", upload(batch(1, func(_ int, r *intake.Row) { r.Content.Project = "Shop" })), 5},
	} {
		// One after the other: the notebook has one page.
		statements := notes.during(tt.do)
		if len(statements) < tt.at {
			t.Errorf("%s: %d statements about entries, want %d or more", tt.name, len(statements), tt.at)
		}
		for _, s := range statements {
			root, text := explain(t, o, s)
			for _, scan := range root.scans() {
				if scan.Node == "Seq Scan" && (scan.Relation == "entries" || scan.Relation == "history") {
					t.Errorf("%s reads all of %s:\n%s\n%s", tt.name, scan.Relation, s.sql, text)
				}
			}
		}
	}
}

// Every upload is an import: their list does not become slower with each.
func TestAPageOfImportsReadsNoMoreThanItShows(t *testing.T) {
	t.Parallel()
	notes := &notebook{}
	o := office.Open(t, office.Settings{Tracer: notes})
	o.Exec(t, `
		INSERT INTO imports (org_id, id, source, mode, kind, state, dry_run, created_by, started_at, ended_at)
		SELECT 'default', lpad(to_hex(i + 1), 32, '0')::uuid, 'source ' || i % 100, 'upsert', 'request', 'completed', false, 'job',
			$1::timestamptz + i * interval '1 second', $1::timestamptz + i * interval '1 second'
		FROM generate_series(0, 19999) AS i`, fixture.Now)
	o.Exec(t, `ANALYZE imports`)
	half := intake.ImportPlace{StartedAt: fixture.Now.Add(10_000 * time.Second), ID: timesheet.ID{14: 0x27, 15: 0x11}}
	for name, asked := range map[string]struct {
		source string
		after  intake.ImportPlace
	}{
		"all":                       {},
		"all, a later page":         {after: half},
		"of a source":               {source: "source 7"},
		"of a source, a later page": {source: "source 7", after: half},
		"of a source without any":   {source: "nothing"},
	} {
		shown := 0
		for _, s := range notes.about("imports", func() {
			page, _, err := o.Lookback.Imports(t.Context(), fixture.Job(), asked.source, asked.after, 50)
			if err != nil {
				t.Error(err)
			}
			shown = len(page)
		}) {
			root, text := explainAs(t, o.Pool, s, "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ")
			// One more tells whether there is another page.
			if read := root.read("imports"); read > float64(shown+1) {
				t.Errorf("%s reads %.0f imports for %d:\n%s\n%s", name, read, shown, s.sql, text)
			}
		}
		if want := map[bool]int{true: 0, false: 50}[asked.source == "nothing"]; shown != want {
			t.Errorf("%s shows %d, want %d", name, shown, want)
		}
	}
}

// A page costs what it shows, however many entries there are: no list, week,
// report or page of the feed reads more than twice the rows that it is made of.
func TestAPageReadsNoMoreThanTwiceItsRows(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	notes := &notebook{}
	o := library(t, notes)
	approver, machine := fixture.Approver("worker 7"), fixture.Machine(identity.ReadTimesheets)
	friday, lastYear := fixture.Friday, fixture.Day("2025-11-20")
	entry := timesheet.ID(uuid.MustParse("00000000-0000-0000-0000-00000000032b"))
	list := func(by identity.Principal, f timekeeping.Filter, after timekeeping.Place) func() int {
		return func() int {
			page, _, err := o.Reviewer.List(t.Context(), by, f, after, 100)
			if err != nil {
				t.Error(err)
			}
			return len(page)
		}
	}
	all := func(edit func(*timekeeping.Filter)) func() int {
		f := timekeeping.Filter{UserID: identity.Everyone}
		edit(&f)
		return list(approver, f, timekeeping.Place{})
	}
	later := func(edit func(*timekeeping.Filter)) func() int {
		f := timekeeping.Filter{UserID: identity.Everyone}
		edit(&f)
		return list(approver, f, timekeeping.Place{Day: lastYear, ID: entry})
	}
	queue := func(day timesheet.Day, id timesheet.ID) func() int {
		return func() int {
			page, _, err := o.Queue.Pending(t.Context(), approver, day, id, 100)
			if err != nil {
				t.Error(err)
			}
			return len(page)
		}
	}
	books := postgres.NewBooks(o.Pool)
	hours := func(q reporting.Question) func() int {
		return func() int {
			totals, err := books.Hours(t.Context(), identity.DefaultOrganization, q, 10_000)
			if err != nil {
				t.Error(err)
			}
			n := 0
			for _, total := range totals {
				n += int(total.Entries)
			}
			return n
		}
	}
	elsewhere := approver
	elsewhere.Organization = "small"
	small := func(edit func(*timekeeping.Filter)) func() int {
		f := timekeeping.Filter{UserID: identity.Everyone}
		edit(&f)
		return list(elsewhere, f, timekeeping.Place{})
	}
	project := func(f *timekeeping.Filter) { f.Project = "project 5" }
	status := func(s timesheet.Status) func(*timekeeping.Filter) {
		return func(f *timekeeping.Filter) { f.Status = s }
	}
	source := func(name string) func(*timekeeping.Filter) { return func(f *timekeeping.Filter) { f.Source = name } }
	imported := func(f *timekeeping.Filter) { f.ImportID = timesheet.ID{15: 7} }
	for _, tt := range []struct {
		name string
		do   func() int // gives how many entries it shows, or adds up
		full int        // how many these are
	}{
		{"a person's own", list(fixture.Person("worker 5"), timekeeping.Filter{}, timekeeping.Place{}), 100},
		{"a person's own, a later page", list(fixture.Person("worker 5"), timekeeping.Filter{}, timekeeping.Place{Day: lastYear, ID: entry}), 100},
		{"a person's own of a week", list(fixture.Person("worker 5"), timekeeping.Filter{From: friday.Add(-10), To: friday.Add(-4)}, timekeeping.Place{}), 7},
		{"all", list(machine, timekeeping.Filter{}, timekeeping.Place{}), 100},
		{"all, a later page", list(machine, timekeeping.Filter{}, timekeeping.Place{Day: lastYear, ID: entry}), 100},
		{"all of a week", all(func(f *timekeeping.Filter) { f.From, f.To = friday.Add(-10), friday.Add(-4) }), 100},
		{"all of a project", all(project), 100},
		{"all of a project, a later page", later(project), 100},
		{"all that wait", all(status(timesheet.Pending)), 100},
		{"all that wait, a later page", later(status(timesheet.Pending)), 100},
		{"all that are approved", all(status(timesheet.Approved)), 100},
		{"all that are rejected", all(status(timesheet.Rejected)), 0},
		{"all of a source", all(source("toggl")), 100},
		{"all of a source, a later page", later(source("toggl")), 100},
		{"all of a source that is not there", all(source("nothing")), 0},
		{"all of an import", all(imported), 100},
		{"all approved of an import", all(func(f *timekeeping.Filter) { imported(f); f.Status = timesheet.Approved }), 100},
		{"all of an import and its source", all(func(f *timekeeping.Filter) { imported(f); f.Source = "kimai" }), 100},
		{"all of a project from the source of most", all(func(f *timekeeping.Filter) { project(f); f.Source = "kimai" }), 100},
		{"all approved of a project", all(func(f *timekeeping.Filter) { project(f); f.Status = timesheet.Approved }), 100},
		{"all of a person from the source of most", all(func(f *timekeeping.Filter) { f.UserID, f.Source = "worker 5", "kimai" }), 100},
		{"all approved of a person", all(func(f *timekeeping.Filter) { f.UserID, f.Status = "worker 5", timesheet.Approved }), 100},
		{"all approved of a person who has none", all(func(f *timekeeping.Filter) { f.UserID, f.Status = "nobody", timesheet.Approved }), 0},
		{"all of a small organisation", small(func(*timekeeping.Filter) {}), 100},
		{"all of a small organisation's project", small(project), 100},
		{"all that wait in a small organisation", small(status(timesheet.Pending)), 100},
		{"all of a small organisation's source", small(source("toggl")), 100},
		{"all of a small organisation's source that is not there", small(source("kimai")), 0},
		{"what waits for an approver", queue(timesheet.Day{}, timesheet.ID{}), 100},
		{"what waits for an approver, a later page", queue(lastYear, entry), 100},
		{"a week", func() int {
			w, err := o.Weeks.Get(t.Context(), approver, timesheet.WorkerWeek{UserID: "worker 5", Week: lastYear.Week()})
			if err != nil {
				t.Error(err)
			}
			return w.Overview.Entries
		}, 7},
		{"a page of everyone's weeks", func() int {
			page, _, err := o.Weeks.List(t.Context(), approver, approval.WeekFilter{UserID: identity.Everyone, To: lastYear.Week()}, approval.WeekPlace{}, 50)
			n := 0
			for _, w := range page {
				n += w.Entries
			}
			if err != nil {
				t.Error(err)
			}
			return n
		}, 350},
		{"a report of a worker's quarter", hours(reporting.Question{GroupBy: []reporting.Group{reporting.ByWeek, reporting.ByProject}, UserID: "worker 5", From: friday.Add(-90), To: friday}), 91},
		{"a report of everybody's week", hours(reporting.Question{GroupBy: []reporting.Group{reporting.ByWorker}, From: friday.Add(-10), To: friday.Add(-4)}), 2797},
		{"a page of the feed", func() int {
			page, err := books.Changes(t.Context(), identity.DefaultOrganization, reporting.Place{Number: 7, Index: 1234}, 100)
			if err != nil {
				t.Error(err)
			}
			return len(page)
		}, 100},
	} {
		shown := 0
		statements := notes.during(func() { shown = tt.do() })
		if shown != tt.full {
			t.Errorf("%s: %d entries, want %d", tt.name, shown, tt.full)
		}
		read, texts := 0.0, ""
		for _, s := range statements {
			root, text := explainAs(t, o.Pool, s, "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ")
			read += root.read("entries") + root.read("history")
			texts += s.sql + "\n" + text
		}
		// One more tells whether there is another page.
		if most := float64(2*shown + 2); read > most {
			t.Errorf("%s reads %.0f rows for %d:\n%s", tt.name, read, shown, texts)
		}
	}
}

// An approver who has changed thousands of entries by hand approves a week no more
// slowly than one who has changed none, and no more slowly when nobody has analyzed
// the tables.
func TestAnApprovalReadsWhatWasInItsWeek(t *testing.T) {
	t.Parallel()
	notes := &notebook{}
	o := office.Open(t, office.Settings{Tracer: notes})
	for _, table := range []string{"entries", "history"} {
		o.Exec(t, `ALTER TABLE `+table+` SET (autovacuum_enabled = false)`)
	}
	week := timesheet.WorkerWeek{UserID: "ann", Week: fixture.Friday.Week()}
	const each = 20
	o.Receive(t, office.Rows(each, func(i int, r *intake.Row) {
		r.ExternalID, r.Content.UserID, r.Content.Duration = fmt.Sprint("ann ", i), "ann", fixture.Seconds(1)
	})...)
	approve := func() {
		if _, err := o.Mover.Approve(t.Context(), fixture.Approver("bob"), week, nil); err != nil {
			t.Fatal(err)
		}
	}
	approve()
	if _, err := o.Mover.Reopen(t.Context(), fixture.Approver("bob"), week, "once more", nil); err != nil {
		t.Fatal(err)
	}
	// What bob has changed for others.
	for table, versions := range map[string]string{"history": "1, 2", "entries": "3, 3"} {
		o.Exec(t, `
			INSERT INTO `+table+` SELECT (jsonb_populate_record(one.e, jsonb_build_object('id', lpad(to_hex(n), 32, '0'), 'external_id', n,
				'user_id', 'worker ' || n % 50, 'day', $1::date - n % 70, 'version', v, 'hand_by', 'bob', 'updated_by', 'bob'))).*
			FROM (SELECT e FROM entries e LIMIT 1) one, generate_series(1, 2000) AS n, generate_series(`+versions+`) AS v`, fixture.Friday.Time())
	}
	seen := 0
	for _, s := range notes.about("history", approve) {
		if !strings.Contains(s.sql, "SELECT EXISTS") {
			continue
		}
		seen++
		root, text := explainAs(t, o.Pool, s, "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ")
		if read := root.read("entries") + root.read("history"); read == 0 || read > 6*each {
			t.Errorf("reads %.0f rows of a week of %d entries:\n%s\n%s", read, each, s.sql, text)
		}
	}
	if seen != 1 {
		t.Errorf("%d statements ask who has taken something out", seen)
	}
}

// A step of a revert costs what it looks at, wherever in the import it is: what
// an import did is not read anew for every thousand rows of it.
func TestAStepOfARevertReadsWhatItLooksAt(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	notes := &notebook{}
	o := library(t, notes)
	imported, later, given := timesheet.ID{0: 1, 15: 1}, timesheet.ID{0: 1, 15: 2}, timesheet.ID{0: 1, 15: 3}
	// Of ten writes of 5,000 rows, a later import has changed every tenth, and a
	// revert given it back.
	o.Exec(t, `
		INSERT INTO imports (org_id, id, source, mode, kind, state, dry_run, reverts, created_by, started_at, ended_at)
		VALUES ('default', $1, 'kimai', 'upsert', 'run', 'completed', false, NULL, 'job', $3, $3),
			('default', $2, 'kimai', 'upsert', 'revert', 'completed', false, $4, 'job', $3, $3)`, imported, given, fixture.Now, later)
	o.Exec(t, `UPDATE writes SET import_id = $1 WHERE number BETWEEN 11 AND 20`, imported)
	o.Exec(t, `DELETE FROM history`)
	o.Exec(t, `UPDATE entries SET import_id = $1 WHERE org_id = 'default' AND write_id IN (SELECT write_id FROM writes WHERE import_id = $1)`, imported)
	o.Exec(t, `INSERT INTO history SELECT * FROM entries WHERE import_id = $1 AND position % 10 = 3`, imported)
	o.Exec(t, `UPDATE entries SET import_id = $2, write_id = $2, version = 2 WHERE import_id = $1 AND position % 10 = 3`, imported, later)
	o.Exec(t, `INSERT INTO history SELECT * FROM entries WHERE import_id = $1`, later)
	o.Exec(t, `UPDATE entries SET import_id = $2, write_id = $2, version = 3 WHERE import_id = $1`, later, given)
	o.Exec(t, `ANALYZE`)
	undoing := postgres.NewUndoing(o.Pool, fixture.Clock)
	revert, err := undoing.Begin(t.Context(), identity.DefaultOrganization, imported, intake.Import{
		ID: fixture.NewID(), Mode: intake.Upsert, Kind: intake.KindRevert, State: intake.Open, Reverts: imported, CreatedBy: "job", StartedAt: fixture.Now,
	}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 1000
	for _, tt := range []struct {
		name       string
		from, want intake.WritePlace
	}{
		{"the first", intake.WritePlace{}, intake.WritePlace{Number: 11, Position: 999}},
		{"one within a write", intake.WritePlace{Number: 15, Position: 2499}, intake.WritePlace{Number: 15, Position: 3499}},
		{"one after a write", intake.WritePlace{Number: 15, Position: 4999}, intake.WritePlace{Number: 16, Position: 999}},
		{"one in two writes", intake.WritePlace{Number: 15, Position: 4499}, intake.WritePlace{Number: 16, Position: 499}},
		{"the last", intake.WritePlace{Number: 20, Position: 3999}, intake.WritePlace{Number: 20, Position: 4999}},
		{"one after the last", intake.WritePlace{Number: 20, Position: 4999}, intake.WritePlace{}},
	} {
		statements := notes.about("writes", func() {
			err := undoing.Atomically(t.Context(), identity.DefaultOrganization, intake.RunRef{ID: revert.ID, Fence: revert.Fence}, time.Minute, func(tx intake.Undo) error {
				seen, next, err := tx.Changed(t.Context(), imported, tt.from, limit)
				if full := map[bool]int{false: limit}[next == intake.WritePlace{}]; next != tt.want || len(seen) != full {
					t.Errorf("%s: %d entries up to %+v, want %d up to %+v", tt.name, len(seen), next, full, tt.want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
		if len(statements) != 1 {
			t.Fatalf("%s: %d statements", tt.name, len(statements))
		}
		root, text := explainAs(t, o.Pool, statements[0], "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ")
		// Rows are found first, up to the limit in each of two writes, and then read.
		for relation, most := range map[string]float64{"entries": 4 * limit, "history": 2 * limit, "writes": 10} {
			if read := root.read(relation); read > most {
				t.Errorf("%s reads %.0f rows of %s:\n%s\n%s", tt.name, read, relation, statements[0].sql, text)
			}
		}
	}
}
