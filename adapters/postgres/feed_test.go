package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"timesheets/application/intake"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// Every kind of change is one write of the feed: its number, who made it, by
// which run, and the states that it made and left behind.
func TestEachChangeIsAWriteWithItsStates(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	amend := func(by identity.Principal, project string) {
		t.Helper()
		if _, err := o.Recorder.Amend(t.Context(), by, o.Held(t, "1").ID(), nil, func(c timesheet.Content) (timesheet.Content, error) {
			c.Project = project
			return c, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	must := func(_ timesheet.Entry, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var runs []timesheet.ID
	for _, step := range []func(){
		func() {
			runs = append(runs, o.Receive(t, office.Row("1"), office.Row("2", office.On("2026-11-19"))).ImportID)
		},
		func() {
			runs = append(runs, o.Receive(t, office.Row("1", office.Hours("7")), office.Row("3", office.On("2026-11-18"))).ImportID)
		},
		func() { amend(fixture.Person("ann"), "Shop") },
		func() { must(o.Decider.Reject(t.Context(), fixture.Approver("bob"), o.Held(t, "1").ID(), "no", nil)) },
		func() { amend(fixture.Approver("carol"), "Club") },
		func() { must(o.Decider.Approve(t.Context(), fixture.Approver("bob"), o.Held(t, "1").ID(), nil)) },
		func() { must(o.Recorder.Record(t.Context(), fixture.Person("dora"), contentOf("dora"), nil)) },
		func() {
			if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), o.Held(t, "2").ID(), nil); err != nil {
				t.Fatal(err)
			}
		},
		// None of these changes an entry.
		func() {
			o.Receive(t, office.Row("1", office.Hours("7")), office.Row("1", office.Hours("5")), office.Row("4", office.Project("")))
		},
		func() { o.Receive(t, office.Row("3", office.On("2026-11-18"), office.Stamped(1))) },
		func() { must(o.Decider.Approve(t.Context(), fixture.Approver("bob"), o.Held(t, "1").ID(), nil)) },
	} {
		step()
	}
	rows, err := o.Pool.Query(t.Context(), `
		SELECT format('%s %s by %s%s: %s/%s v%s %s %s', w.number, v.position, w.principal, CASE w.import_id WHEN $1 THEN ' first' WHEN $2 THEN ' second' END,
			v.source, CASE v.source WHEN 'api' THEN 'new' ELSE v.external_id END, v.version, v.change, v.status)
		FROM writes w JOIN (SELECT * FROM entries UNION ALL SELECT * FROM history) v ON v.org_id = w.org_id AND v.write_id = w.write_id
		WHERE w.org_id = 'default' ORDER BY w.number, v.position`, runs[0], runs[1])
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 0 by import-job first: kimai/1 v1 created pending",
		"1 1 by import-job first: kimai/2 v1 created pending",
		"2 0 by import-job second: kimai/3 v1 created pending",
		"2 1 by import-job second: kimai/1 v2 updated pending",
		"3 0 by ann: kimai/1 v3 updated pending",
		"4 0 by bob: kimai/1 v4 rejected rejected",
		"5 0 by carol: kimai/1 v5 updated pending",
		"6 0 by bob: kimai/1 v6 approved approved",
		"7 0 by dora: api/new v1 created pending",
		"8 0 by ann: kimai/2 v2 deleted pending",
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("got\n%q\nwant\n%q", got, want)
		}
	}
}

func contentOf(user string) timesheet.Content {
	c := fixture.Content()
	c.UserID, c.Duration = user, fixture.Seconds(1)
	return c
}

// Eight write at once, by import and by hand, and somebody reads the feed all
// the while: whoever has read up to a number has missed nothing before it.
func TestNumbersAreInTheOrderOfCommits(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	var writing sync.WaitGroup
	for n := range 8 {
		writing.Go(func() {
			user := fmt.Sprint("worker ", n%3)
			for i := range 12 {
				if n%2 == 0 {
					rows := office.Rows(1+i%4, func(j int, r *intake.Row) {
						r.ExternalID, r.Content = fmt.Sprint(n%4, " ", i, " ", j), contentOf(user)
						r.Content.Project = fmt.Sprint(n, i)
					})
					if _, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: "kimai", Rows: rows}); err != nil {
						t.Error(err)
					}
				} else if _, err := o.Recorder.Record(t.Context(), fixture.Person(user), contentOf(user), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	read := make(chan map[int64]int)
	go func() {
		// What was met under each number when it was read for the first time.
		met, last := map[int64]int{}, int64(0)
		for done := false; !done; {
			done = ctx.Err() != nil // once more after the last write
			rows, err := o.Pool.Query(t.Context(), `
				SELECT w.number, (SELECT count(*) FROM entries e WHERE e.org_id = w.org_id AND e.write_id = w.write_id)
					+ (SELECT count(*) FROM history h WHERE h.org_id = w.org_id AND h.write_id = w.write_id)
				FROM writes w WHERE w.org_id = 'default' AND w.number > $1 ORDER BY w.number`, last)
			if err != nil {
				t.Error(err)
				break
			}
			var number int64
			var states int
			if _, err := pgx.ForEachRow(rows, []any{&number, &states}, func() error {
				if number != last+1 {
					t.Errorf("after number %d comes %d", last, number)
				}
				last, met[number] = number, states
				return nil
			}); err != nil {
				t.Error(err)
			}
		}
		read <- met
	}()
	writing.Wait()
	stop()
	met := <-read
	total := 0
	for number, states := range met {
		if states == 0 {
			t.Errorf("number %d was there before what it wrote", number)
		}
		total += states
	}
	if n := o.Count(t, `SELECT count(*) FROM entries`) + o.Count(t, `SELECT count(*) FROM history`); total != n {
		t.Errorf("the reader met %d of %d states", total, n)
	}
	if n := o.Count(t, `SELECT count(*) FROM writes`); n != len(met) || o.Count(t, `SELECT number FROM write_counters`) != n {
		t.Errorf("the reader met %d of %d writes", len(met), n)
	}
}
