package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/adapters/postgres"
	"timesheets/application/intake"
	"timesheets/application/precedence"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// plain lets values be compared by what they hold.
var plain = cmp.AllowUnexported(timesheet.Day{}, timesheet.Duration{}, timesheet.Entry{})

// within runs fn in a transaction of the ledger.
func within(t *testing.T, o *office.Office, fn func(intake.Book) error) {
	t.Helper()
	if err := postgres.NewLedger(o.Pool, precedence.New(time.Now), o.Clock.Now).Atomically(t.Context(), identity.DefaultOrganization, fn); err != nil {
		t.Fatal(err)
	}
}

func TestACorrectionComesBackAsItWasProposed(t *testing.T) {
	t.Parallel()
	for name, proposal := range map[string]intake.Row{
		"as little as possible": office.Row("1", office.Hours("7"), func(r *intake.Row) { r.Content.Billable = false }),
		"every member": office.Row("1", office.Stamped(2), func(r *intake.Row) {
			r.Content = fixture.Full()
			r.Content.Tags = []string{"ü\"\\", "a"}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			o.Receive(t, office.Row("1"))
			if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), o.Held(t, "1").ID(), nil); err != nil {
				t.Fatal(err)
			}
			o.Receive(t, office.Row("1", office.Hours("3")))
			opened := o.Clock.Now()
			o.Clock.Forward(time.Hour)
			run := o.Receive(t, proposal)
			entry := o.Held(t, "1")
			want := timesheet.Held{Entry: entry, Exists: true, Open: &timesheet.Correction{
				ID: run.Results[0].CorrectionID, Origin: timesheet.Origin{Source: office.Source, ExternalID: "1"}, EntryID: entry.ID(), Why: timesheet.IsApproved,
				State: timesheet.CorrectionOpen, Version: 2,
				Content: proposal.Content, Digest: proposal.Content.Digest(), SourceUpdatedAt: proposal.SourceUpdatedAt,
				OpenedAt: opened, ProposedAt: o.Clock.Now(), ProposedBy: "import-job", ImportID: run.ImportID,
			}}
			within(t, o, func(book intake.Book) error {
				answers, err := book.Ask(t.Context(), nil, "", intake.Questions{Source: office.Source, Known: []string{"nothing", "1", "2"}})
				if err != nil {
					return err
				}
				if diff := cmp.Diff([]timesheet.Held{{}, want, {}}, answers.Held, plain); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				return nil
			})
		})
	}
}

func TestTotalsAreWhatCountsOnEachDay(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1", office.Hours("3")), office.Row("2", office.Hours("2")), office.Row("3", office.Hours("1"), office.Of("bob")), office.Row("4", office.On("2026-11-19")))
	if _, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), o.Held(t, "2").ID(), "no", nil); err != nil {
		t.Fatal(err)
	}
	if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), o.Held(t, "4").ID(), nil); err != nil {
		t.Fatal(err)
	}
	at := func(user, day string) timesheet.WorkerDay {
		return timesheet.WorkerDay{UserID: user, Day: fixture.Day(day)}
	}
	want := map[timesheet.WorkerDay]int{
		at("ann", "2026-11-20"): 3 * 3600, at("bob", "2026-11-20"): 3600, at("ann", "2026-11-19"): 0, at("nobody", "2026-11-20"): 0, at("ann", "0001-01-01"): 0,
	}
	within(t, o, func(book intake.Book) error {
		var days []timesheet.WorkerDay
		for day := range want {
			days = append(days, day)
		}
		_, got, err := book.Around(t.Context(), nil, days)
		if diff := cmp.Diff(want, got, plain); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		return err
	})
}

// Who judged an entry that changed meanwhile stores nothing: the versions say
// so even where no lock was held.
func TestAVerdictOnAnEarlierStateIsNotStored(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1"))
	entry := o.Held(t, "1")
	o.Receive(t, office.Row("1", office.Hours("7")))
	before := o.Footprint(t)
	receipt := timesheet.Receipt{By: "import-job", Now: fixture.Now, NewID: fixture.NewID}
	held := timesheet.Held{Entry: entry, Exists: true}
	for name, content := range map[string]timesheet.Content{"a change": contentOf("ann"), "a stamp": entry.Snapshot().Content} {
		verdict := timesheet.Judge(held, timesheet.Revision{Origin: entry.Snapshot().Origin, Content: content, Digest: content.Digest(), SourceUpdatedAt: office.Stamp(1)}, receipt)
		runs := 0
		err := postgres.NewLedger(o.Pool, precedence.New(time.Now), o.Clock.Now).Atomically(t.Context(), identity.DefaultOrganization, func(book intake.Book) error {
			runs++
			return book.Store(t.Context(), "import-job", timesheet.ID{}, []intake.Stored{{Before: held, Verdict: verdict}})
		})
		if !errors.Is(err, fault.Unavailable) || fault.Of(err).Code != "busy" || fault.Of(err).RetryAfter <= 0 || runs != 3 {
			t.Errorf("%s: %v after %d runs", name, err, runs)
		}
	}
	if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
}

// A worker's row keeps every other change of their entries waiting, and is
// free again when the transaction ends, however it does.
func TestAWorkersLockKeepsOthersWaiting(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1"))
	id := o.Held(t, "1").ID()
	locked, release := make(chan bool), make(chan bool)
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	held := make(chan error, 1)
	go func() {
		held <- postgres.NewLedger(o.Pool, precedence.New(time.Now), o.Clock.Now).Atomically(t.Context(), identity.DefaultOrganization, func(book intake.Book) error {
			if _, err := book.Ask(t.Context(), []string{"ann", "zoe", "ann"}, "contractor", intake.Questions{}); err != nil {
				return err
			}
			locked <- true
			<-release
			return errors.New("undone")
		})
	}()
	select {
	case <-locked:
	case err := <-held:
		t.Fatal(err)
	}
	// Somebody else's hours do not wait.
	if _, err := o.Recorder.Record(t.Context(), fixture.Person("bob"), contentOf("bob"), nil); err != nil {
		t.Error(err)
	}
	done := make(chan error, 2)
	go func() { done <- o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), id, nil) }()
	go func() {
		_, err := o.Recorder.Record(t.Context(), fixture.Person("zoe"), contentOf("zoe"), nil)
		done <- err
	}()
	waiting := func() int {
		return o.Count(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
	}
	for waiting() < 2 {
		select {
		case err := <-done:
			t.Fatalf("did not wait: %v", err)
		default:
		}
	}
	free()
	if err := <-held; err == nil || !strings.Contains(err.Error(), "undone") {
		t.Error(err)
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM workers WHERE kind = 'employee' AND user_id IN ('bob', 'zoe')`); n != 2 {
		t.Errorf("%d: what was undone left zoe as a contractor", n)
	}
}

// An entry's row that no entry can be is a defect that is said, not shown.
func TestACorruptEntryIsAnInternalFault(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1"))
	id := o.Held(t, "1").ID()
	o.Exec(t, `UPDATE entries SET version = 0`)
	_, err := o.Entries.Get(context.WithoutCancel(t.Context()), identity.DefaultOrganization, id)
	if f := fault.Of(err); f.Kind != fault.Internal || f.Code != "entry_corrupt" {
		t.Errorf("got %v", err)
	}
}
