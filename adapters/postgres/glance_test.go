package postgres_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"timesheets/adapters/postgres"
	"timesheets/application/intake"
	"timesheets/application/precedence"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/pgtest"
)

func TestEveryKeyThatIsThereIsSeenWhereverItLiesAmongThoseAskedFor(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.Database(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	way := precedence.New(time.Now)
	ledger := postgres.NewLedger(pool, way, fixture.Clock)
	receiver := intake.NewReceiver(ledger, way, identity.UserIDsBy(""), intake.LockBefore{}, fixture.NewID, fixture.Clock)
	// Keys on both sides of what is asked for, of other sources and in any case.
	for source, keys := range map[string]string{"kimai": "b d B É 7", "toggl": "a c e"} {
		var rows []intake.Row
		for key := range strings.FieldsSeq(keys) {
			rows = append(rows, intake.Row{ExternalID: key, Content: workOf("auth0|" + key)})
		}
		report, err := receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: source, Rows: rows})
		if err != nil || report.Created != len(rows) {
			t.Fatalf("%s: %+v, %v", source, report.Counts, err)
		}
	}
	for _, tt := range []struct{ asked, there string }{
		{"b", "b"},
		{"d", "d"},
		{"a", ""},
		{"c", ""},
		{"e f g", ""},
		{"a z", ""},
		{"c b", "b"},
		{"z d a", "d"},
		{"b B", "b B"},
		{"É", "É"},
		{"z É 0", "É"},
		{"7 É d b B", "7 É d b B"},
	} {
		asked := strings.Fields(tt.asked)
		glances, err := ledger.Glance(t.Context(), identity.DefaultOrganization, "kimai", asked)
		if err != nil {
			t.Fatal(err)
		}
		var there []string
		for i, g := range glances {
			if g.ID != (timesheet.ID{}) {
				there = append(there, asked[i])
			}
		}
		if got := strings.Join(there, " "); got != tt.there {
			t.Errorf("of %q there are %q, want %q", tt.asked, got, tt.there)
		}
	}
}

// More entries than one piece of the stream holds, with texts that make pieces
// end at any place.
func TestALargeBatchIsStoredToItsLastByte(t *testing.T) {
	t.Parallel()
	for _, hands := range []bool{false, true} {
		t.Run(fmt.Sprintf("somebody writes by hand: %t", hands), func(t *testing.T) {
			t.Parallel()
			storeLargeBatch(t, hands)
		})
	}
}

func storeLargeBatch(t *testing.T, hands bool) {
	way := precedence.New(time.Now)
	if hands {
		done := make(chan struct{})
		var all sync.WaitGroup
		defer all.Wait()
		defer close(done)
		writing := make(chan struct{})
		all.Go(func() { _ = way.Hand(func() error { close(writing); <-done; return nil }) })
		<-writing
	}
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.Database(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	receiver := intake.NewReceiver(postgres.NewLedger(pool, way, fixture.Clock), way, identity.UserIDsBy(""), intake.LockBefore{}, fixture.NewID, fixture.Clock)
	rows, length := make([]intake.Row, 600), 0
	for i := range rows {
		rows[i] = intake.Row{ExternalID: strconv.Itoa(i), Content: workOf("auth0|worker" + strconv.Itoa(i))}
		rows[i].Content.Description = strings.Repeat("é", i*3%1000)
		length += i * 3 % 1000
	}
	for _, want := range []timesheet.Outcome{timesheet.OutcomeCreated, timesheet.OutcomeUnchanged} {
		report, err := receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: "kimai", Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range report.Results {
			if r.Outcome != want {
				t.Fatalf("row %d is %s, want %s", r.Index, r.Outcome, want)
			}
		}
	}
	if got := tally(t, pool, `SELECT coalesce(sum(length(description)), 0) FROM entries`); got != length {
		t.Errorf("%d characters are stored, want %d", got, length)
	}
	if writes, places := tally(t, pool, `SELECT count(DISTINCT write_id) FROM entries`), tally(t, pool, `SELECT count(DISTINCT position) FROM entries WHERE position BETWEEN 0 AND 599`); writes != 1 || places != 600 {
		t.Errorf("they have %d places in %d writes", places, writes)
	}
	if stoodBack := way.Waited() > 0; stoodBack != hands {
		t.Errorf("it stood back: %t", stoodBack)
	}
}

// workOf gives a worker a day of work: the same for everyone.
func workOf(userID string) timesheet.Content {
	content := fixture.Content()
	content.UserID = userID
	return content
}
