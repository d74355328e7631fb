package intake_test

import (
	"context"
	"strings"
	"testing"

	"timesheets/application/directory"
	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/worker"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

func TestAWorkerWhoIsNotKnownIsRefusedUntilTheyAre(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	rows := []intake.Row{
		office.Row("1", office.Hours("1"), office.By(intake.WorkerRef{Source: "kimai", ID: "7"})),
		office.Row("2", office.Hours("1"), office.By(intake.WorkerRef{Email: "Ann@Example.com"})),
		office.Row("3", office.Hours("1"), office.Of("bob")),
		office.Row("4", office.Hours("1"), office.By(intake.WorkerRef{Source: "kimai", ID: "7"})),
		office.Row("5", office.Hours("1"), office.By(intake.WorkerRef{Source: "toggl", ID: "7"})),
	}
	if got, want := office.Outcomes(o.Receive(t, rows...)), "rejected:unknown_worker rejected:unknown_worker created rejected:unknown_worker rejected:unknown_worker"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if n := o.Count(t, `SELECT count(*) FROM workers`); n != 1 {
		t.Errorf("there are %d workers: nobody is created for a reference", n)
	}
	profile := directory.Profile{Kind: worker.Employee, Email: "ann@example.com", Identities: []worker.Identity{{Source: "kimai", ID: "7"}}}
	if _, _, err := o.Directory.Put(t.Context(), fixture.Approver("bob"), "ann", profile, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := office.Outcomes(o.Receive(t, rows...)), "created created unchanged created rejected:unknown_worker!"; got != want {
		t.Fatalf("once mapped: got %s, want %s", got, want)
	}
	for _, key := range []string{"1", "2", "4"} {
		if got := o.Held(t, key).Snapshot().Content.UserID; got != "ann" {
			t.Errorf("entry %s is %s's", key, got)
		}
	}
}

func TestAReferenceToAWorkerIsHostileLikeAllElse(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	rows := []intake.Row{office.Row("good")}
	for _, ref := range []intake.WorkerRef{
		{Source: "kimai", ID: "a\x00b"}, {Source: "kimai", ID: "\xff"}, {Source: "\x00", ID: "1"}, {Email: "\x00@example.com"}, {Email: "\xed\xa0\x80@example.com"},
		{Source: "kimai", ID: strings.Repeat("7", 1<<15)}, {Email: strings.Repeat("a", 1<<15)}, {}, {Source: "kimai"}, {ID: "7"},
	} {
		rows = append(rows, office.Row("bad", office.By(ref)))
	}
	r := o.Receive(t, rows...)
	if want := "created" + strings.Repeat(" rejected:unknown_worker", len(rows)-1); office.Outcomes(r) != want {
		t.Errorf("got %s, want %s", office.Outcomes(r), want)
	}
}

// Addresses meet in one spelling: A to Z become small, and nothing else, so
// that no two people become one.
func TestEMailAddressesAreComparedAsTheyAreKept(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for user, email := range map[string]string{"ann": "Ann.Ö@Example.COM", "kim": "kim@example.com"} {
		if _, _, err := o.Directory.Put(t.Context(), fixture.Approver("bob"), user, directory.Profile{Kind: worker.Employee, Email: email}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for email, want := range map[string]string{
		"ann.Ö@example.com": "created", "ANN.Ö@EXAMPLE.COM": "created", "ann.ö@example.com": "rejected:unknown_worker",
		"KIM@EXAMPLE.COM": "created", "\u212aim@example.com": "rejected:unknown_worker",
	} {
		if got := office.Outcomes(o.Receive(t, office.Row(email, office.Hours("1"), office.By(intake.WorkerRef{Email: email})))); got != want {
			t.Errorf("%s: got %s, want %s", email, got, want)
		}
	}
}

func TestAnUnseenUserIDCreatesAContractor(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1"), office.Row("2", office.Of("bob")), office.Row("3", office.Of("bob"), office.On("2026-11-19")))
	if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, office.Row("4", office.Of("carol")), false); err != nil {
		t.Fatal(err)
	}
	page, _, err := o.Directory.List(t.Context(), fixture.Machine(identity.ReadTimesheets), "", 10)
	if err != nil || len(page) != 3 {
		t.Fatalf("%v, %v", page, err)
	}
	for i, want := range []string{"ann", "bob", "carol"} {
		if w := page[i]; w.UserID != want || w.Kind != worker.Contractor || w.Version != 1 || !w.CreatedAt.Equal(fixture.Now) {
			t.Errorf("got %+v, want %s", w, want)
		}
	}
	// Somebody who is known keeps their kind.
	if _, _, err := o.Directory.Put(t.Context(), fixture.Approver("bob"), "ann", directory.Profile{Kind: worker.Employee}, nil); err != nil {
		t.Fatal(err)
	}
	o.Receive(t, office.Row("5", office.On("2026-11-18")))
	if w, err := o.Directory.Get(t.Context(), fixture.Person("ann"), "ann"); err != nil || w.Kind != worker.Employee || w.Version != 2 {
		t.Errorf("got %+v, %v", w, err)
	}
}

func TestARefusedRowCreatesNobody(t *testing.T) {
	t.Parallel()
	open := office.Open(t, office.Settings{})
	o := open.With(office.Settings{LockBefore: "2026-11-01"})
	closed := office.Row("1", office.Of("zoe"), office.On("2026-10-31"))
	rows := []intake.Row{
		closed,
		office.Row("2", office.Of("yan"), office.Project("")),
		office.Row("3", office.Of("xia"), office.On("1999-12-31")),
		office.Row("4", office.Of("wim"), from("toggl")),
		office.Row("5", office.Of("v\x00")),
		office.Row("6", office.Of("ulf"), office.Unreadable("wrong_type")),
	}
	want := "rejected:period_closed rejected:required rejected:date_out_of_range rejected:source_mismatch rejected:nul rejected:wrong_type"
	if got := office.Outcomes(o.Receive(t, rows...)); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, closed, false); fault.Of(err).Code != "period_closed" {
		t.Errorf("got %v", err)
	}
	if n := o.Count(t, `SELECT count(*) FROM workers`); n != 0 {
		t.Errorf("%d workers were created", n)
	}
}

func TestUserIDsByAnotherClaimHaveOneSpelling(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{UserIDs: "https://api.exampleco.com/email"})
	rows := []intake.Row{
		office.Row("1", office.Hours("20"), office.Of("Ann@Example.com")), office.Row("2", office.Hours("5"), office.Of("ann@example.COM")),
		office.Row("3", office.Of("Ann")), office.Row("4", office.Of("ann")),
	}
	if got, want := office.Outcomes(o.Receive(t, rows...)), "created rejected:day_over_24h created created"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := o.Held(t, "1").Snapshot().Content.UserID; got != "ann@example.com" {
		t.Errorf("kept as %s", got)
	}
	if got := office.Outcomes(o.Receive(t, office.Row("1", office.Hours("20"), office.Of("ANN@EXAMPLE.COM")))); got != "unchanged" {
		t.Errorf("another spelling is %s", got)
	}
}

func TestARevisionMayGiveAnEntryToAnotherWorker(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1", office.Hours("20")), office.Row("2", office.Hours("4")), office.Row("3", office.Of("bob"), office.Hours("10")))
	if got, want := office.Outcomes(o.Receive(t, office.Row("1", office.Hours("20"), office.Of("bob")))), "rejected:day_over_24h"; got != want {
		t.Errorf("into a full day: got %s, want %s", got, want)
	}
	if got, want := office.Outcomes(o.Receive(t, office.Row("1", office.Hours("20"), office.Of("carol")), office.Row("2", office.Hours("24")))), "updated updated"; got != want {
		t.Errorf("what leaves makes room: got %s, want %s", got, want)
	}
	if e := o.Held(t, "1").Snapshot(); e.Content.UserID != "carol" || e.Version != 2 {
		t.Errorf("got %+v", e)
	}
}

// Another writer gives the entry to somebody else after it was looked at and
// before its worker was locked: the batch starts over, and locks them too.
func TestAnEntryThatMovesMeanwhileIsStillJudgedUnderLock(t *testing.T) {
	t.Parallel()
	var o *office.Office
	moved := true
	tracer := &statements{starts: func(ctx context.Context, sql string) context.Context {
		if !moved && strings.Contains(sql, "INSERT INTO workers") {
			moved = true
			other := o.With(office.Settings{})
			if _, err := other.Receiver.Receive(context.WithValue(ctx, untraced{}, true), fixture.Job(),
				intake.Upload{Source: office.Source, Rows: []intake.Row{office.Row("1", office.Of("zoe"), office.Hours("10"))}}); err != nil {
				t.Error(err)
			}
		}
		return ctx
	}}
	o = office.Open(t, office.Settings{Tracer: tracer})
	o.Receive(t, office.Row("1"))
	moved = false
	if got := office.Outcomes(o.Receive(t, office.Row("1", office.Hours("7")))); got != "updated" || !moved {
		t.Errorf("got %s, moved: %v", got, moved)
	}
	if e := o.Held(t, "1").Snapshot(); e.Version != 3 || e.Content.UserID != "ann" || e.Content.Duration != fixture.Hours("7") {
		t.Errorf("got %+v", e)
	}
	if n := o.Count(t, `SELECT number FROM write_counters`); n != 3 {
		t.Errorf("%d writes, want 3", n)
	}
}
