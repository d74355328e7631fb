package reporting_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/adapters/postgres"
	"timesheets/application/intake"
	"timesheets/application/reporting"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// plain lets snapshots be compared by what they hold.
var plain = cmp.AllowUnexported(timesheet.Day{}, timesheet.Duration{})

// copied is the table as somebody has it who reads the change feed.
type copied struct {
	of    map[timesheet.ID]timesheet.Snapshot
	place reporting.Place
	types map[timesheet.Change]int // changes read, by type
}

func newCopy() *copied {
	return &copied{of: map[timesheet.ID]timesheet.Snapshot{}, types: map[timesheet.Change]int{}}
}

// follow reads a page and applies it. It fails the test when a number was
// skipped, when a change came twice or out of order, and when a change is not
// the one that the copy of its entry waits for.
func (c *copied) follow(t *testing.T, a accounts, limit int) (more bool, read int) {
	t.Helper()
	page, more, err := a.feed.Changes(t.Context(), robot(), c.place, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(page) > limit || more && len(page) < limit {
		t.Errorf("a page of %d has %d changes, more: %t", limit, len(page), more)
	}
	for _, change := range page {
		next := change.Number == c.place.Number+1 || change.Number == c.place.Number && change.Index > c.place.Index
		if !next || change.Index < 0 {
			t.Fatalf("after %v comes %v", c.place, change.Place)
		}
		c.place = change.Place
		s := change.Entry.Snapshot()
		if known := c.of[s.ID].Version; s.Version != known+1 {
			t.Fatalf("%v brings version %d of %s, after %d", change.Place, s.Version, s.ID, known)
		}
		if change.By != s.UpdatedBy || change.ImportID != s.ImportID {
			t.Errorf("%v is by %s in %s, the entry says %s in %s", change.Place, change.By, change.ImportID, s.UpdatedBy, s.ImportID)
		}
		c.of[s.ID] = s
		c.types[s.Change]++
	}
	return more, len(page)
}

// is fails the test unless the copy is the table.
func (c *copied) is(t *testing.T, a accounts) {
	t.Helper()
	if n := a.Count(t, `SELECT count(*) FROM entries WHERE org_id = 'default'`); n != len(c.of) {
		t.Errorf("the table has %d entries, the copy %d", n, len(c.of))
	}
	for id, s := range c.of {
		entry, err := a.Entries.Get(t.Context(), identity.DefaultOrganization, id)
		if err != nil {
			t.Fatal(err)
		}
		want := entry.Snapshot()
		// A newer stamp of the same content is no change, and kept all the same.
		want.Received, s.Received = timesheet.Received{}, timesheet.Received{}
		if diff := cmp.Diff(want, s, plain); diff != "" {
			t.Errorf("%s (-table +copy):\n%s", id, diff)
		}
	}
}

// writer does one thing after another to entries that others work on as well.
// What is refused, because it came too late or does not fit, changes nothing.
func writer(t *testing.T, a accounts, n int) {
	random := rand.New(rand.NewPCG(7, uint64(n)))
	var mine []timesheet.ID
	refused := func(err error) {
		if f := fault.Of(err); f != nil && (f.Kind == fault.Internal || f.Kind == fault.Unavailable) {
			t.Errorf("writer %d: %v", n, err)
		}
	}
	for range 30 {
		user := fmt.Sprint("worker ", random.IntN(4))
		day := fixture.Friday.Add(-random.IntN(20)).String()
		switch random.IntN(6) {
		case 0, 1:
			var rows []intake.Row
			for range 1 + random.IntN(12) {
				rows = append(rows, office.Row(fmt.Sprint(random.IntN(60)), office.Of(user), office.On(day), func(r *intake.Row) {
					r.Content.Duration = fixture.Seconds(1 + random.Int64N(90))
				}))
			}
			report, err := a.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: office.Source, Rows: rows})
			refused(err)
			for _, result := range report.Results {
				if !result.ID.IsZero() {
					mine = append(mine, result.ID)
				}
			}
		case 2:
			e, err := a.Recorder.Record(t.Context(), fixture.Person(user), content(of(user), on(day), seconds(1+random.Int64N(90))), nil)
			if refused(err); err == nil {
				mine = append(mine, e.ID())
			}
		case 3:
			if len(mine) > 0 {
				_, err := a.Recorder.Amend(t.Context(), fixture.Approver("boss"), mine[random.IntN(len(mine))], nil, func(c timesheet.Content) (timesheet.Content, error) {
					c.Duration, c.UserID = fixture.Seconds(1+random.Int64N(90)), user
					return c, nil
				})
				refused(err)
			}
		case 4:
			if len(mine) > 0 {
				refused(a.Recorder.Withdraw(t.Context(), fixture.Approver("boss"), mine[random.IntN(len(mine))], nil))
			}
		case 5:
			if len(mine) > 0 {
				id := mine[random.IntN(len(mine))]
				if random.IntN(2) == 0 {
					_, err := a.Decider.Approve(t.Context(), fixture.Approver("head"), id, nil)
					refused(err)
				} else {
					_, err := a.Decider.Reject(t.Context(), fixture.Approver("head"), id, "no", nil)
					refused(err)
				}
			}
		}
	}
}

// Eight write whatever there is to write, and two read meanwhile, in pages of
// any size and starting over from nothing but a place. No number is missed,
// which a feed by time or by a sequence does whenever a commit comes late.
func TestAReaderBesideEightWritersRebuildsTheTable(t *testing.T) {
	t.Parallel()
	a := open(t, office.Settings{})
	var writers sync.WaitGroup
	for n := range 8 {
		writers.Go(func() { writer(t, a, n) })
	}
	over := make(chan struct{})
	go func() { writers.Wait(); close(over) }()

	c := newCopy()
	random := rand.New(rand.NewPCG(1, 1))
	pages, beside := 0, 0
	for done := false; !done; {
		select {
		case <-over:
			done = true
		default:
			beside = pages
		}
		for more := true; more; pages++ {
			more, _ = c.follow(t, a, 1+random.IntN(40))
			a = accountsOf(a.Office, identity.UserIDs{}) // as after a restart
		}
	}
	c.is(t, a)
	t.Logf("%d pages, %d of them while others wrote; %d writes; changes: %v", pages, beside, c.place.Number, c.types)
	if n := a.Count(t, `SELECT max(number) FROM writes`); int64(n) != c.place.Number || n < 50 || beside < 2 || len(c.types) != 5 {
		t.Errorf("%d writes, the last one read is %d, changes %v", n, c.place.Number, c.types)
	}
	again := newCopy()
	for more := true; more; {
		more, _ = again.follow(t, a, 1)
	}
	if diff := cmp.Diff(c.of, again.of, plain); diff != "" {
		t.Errorf("read again, one by one (-first +again):\n%s", diff)
	}
}

func TestAWriteOfFiveThousandIsPagedThrough(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	a := open(t, office.Settings{})
	rows := office.Rows(5_000, func(i int, r *intake.Row) {
		r.Content.Day, r.Content.Duration = r.Content.Day.Add(-i%300), fixture.Seconds(1)
	})
	a.Receive(t, rows...)
	for i := range rows { // every second one again, so that the first write is half history
		rows[i].Content.Duration = fixture.Seconds(int64(1 + i%2))
	}
	a.Receive(t, rows...)
	entries := a.listed(t)
	for _, limit := range []int{37, 499, 500, 5_000} {
		c := newCopy()
		var sizes []int
		for more := true; more; {
			var n int
			more, n = c.follow(t, a, min(limit, reporting.MaxPage))
			sizes = append(sizes, n)
		}
		if len(c.of) != 5_000 || len(sizes) != (7_500+min(limit, 500)-1)/min(limit, 500) {
			t.Errorf("%d at a time: %d entries in pages of %v", limit, len(c.of), sizes)
		}
		for _, e := range entries {
			if diff := cmp.Diff(e.Snapshot(), c.of[e.ID()], plain); diff != "" {
				t.Fatalf("%d at a time (-list +copy):\n%s", limit, diff)
			}
		}
	}
	for _, limit := range []int{reporting.MaxPage + 1, 1 << 30} {
		if page, more, err := a.feed.Changes(t.Context(), robot(), reporting.Place{}, limit); err != nil || len(page) != reporting.MaxPage || !more {
			t.Errorf("of a page of %d come %d, more: %t, %v", limit, len(page), more, err)
		}
	}
}

// Each change shows the entry as it was then, whatever became of it since.
func TestEachChangeShowsItsEntryAsOfThen(t *testing.T) {
	t.Parallel()
	a := open(t, office.Settings{})
	var want []timesheet.Snapshot
	id := timesheet.ID{}
	now := func() {
		t.Helper()
		entry, err := a.Entries.Get(t.Context(), identity.DefaultOrganization, id)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, entry.Snapshot())
	}
	must := func(_ timesheet.Entry, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		now()
	}
	run := a.Receive(t, office.Row("1", office.Stamped(1)))
	id = a.Held(t, "1").ID()
	now()
	a.Receive(t, office.Row("1", office.Hours("7"), office.Stamped(2)))
	now()
	must(a.Recorder.Amend(t.Context(), fixture.Person("ann"), id, nil, func(c timesheet.Content) (timesheet.Content, error) {
		c.Project, c.Tags = "Shop", []string{"x"}
		return c, nil
	}))
	must(a.Decider.Reject(t.Context(), fixture.Approver("bob"), id, "no", nil))
	must(a.Recorder.Amend(t.Context(), fixture.Approver("carol"), id, nil, func(c timesheet.Content) (timesheet.Content, error) {
		c.UserID = "dora"
		return c, nil
	}))
	must(a.Decider.Approve(t.Context(), fixture.Approver("bob"), id, nil))
	other := a.record(t, content(on("2026-11-18")))
	id = other.ID()
	now()
	if err := a.Recorder.Withdraw(t.Context(), fixture.Person("ann"), id, nil); err != nil {
		t.Fatal(err)
	}
	now()
	again := a.Receive(t, office.Row("2", office.On("2026-11-17")))
	id = a.Held(t, "2").ID()
	now()
	reverter := intake.NewReverter(postgres.NewUndoing(a.Pool, a.Clock.Now), intake.LockBefore{}, fixture.NewID, a.Clock.Now)
	if _, err := reverter.Revert(t.Context(), fixture.Job(), again.ImportID); err != nil {
		t.Fatal(err)
	}
	now()
	a.Receive(t, office.Row("2", office.On("2026-11-17")))
	now()

	page, more, err := a.feed.Changes(t.Context(), robot(), reporting.Place{}, 500)
	if err != nil || more || len(page) != len(want) {
		t.Fatalf("%d changes, want %d, %v", len(page), len(want), err)
	}
	var types []string
	for i, change := range page {
		s := change.Entry.Snapshot()
		types = append(types, string(s.Change))
		if diff := cmp.Diff(want[i], s, plain); diff != "" {
			t.Errorf("change %d (-then +shown):\n%s", i, diff)
		}
		if change.Number != int64(i+1) || change.Index != 0 || !change.At.Equal(fixture.Now) || change.At.Location() != s.UpdatedAt.Location() {
			t.Errorf("change %d is %+v", i, change)
		}
	}
	if got, want := strings.Join(types, " "), "created updated updated rejected updated approved created deleted created deleted restored"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if page[0].ImportID != run.ImportID || page[0].By != "import-job" || !page[2].ImportID.IsZero() || page[2].By != "ann" {
		t.Errorf("the first is by %s in %s, the third by %s in %s", page[0].By, page[0].ImportID, page[2].By, page[2].ImportID)
	}
}

func TestEachOrganisationHasAFeedOfItsOwn(t *testing.T) {
	t.Parallel()
	a := open(t, office.Settings{})
	for range 2 {
		for _, org := range []identity.Organization{"acme", "zeta"} {
			if _, err := a.Recorder.Record(t.Context(), fixture.Of(org, fixture.Person("ann")), content(seconds(1), project(string(org))), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, org := range []identity.Organization{"acme", "zeta"} {
		page, more, err := a.feed.Changes(t.Context(), fixture.Of(org, robot()), reporting.Place{}, 500)
		if err != nil || more || len(page) != 2 || page[0].Number != 1 || page[1].Number != 2 {
			t.Errorf("%s reads %v, %v", org, page, err)
		}
		if slices.ContainsFunc(page, func(c reporting.Change) bool { return c.Entry.Snapshot().Content.Project != string(org) }) {
			t.Errorf("%s reads of another", org)
		}
	}
	if page, more, err := a.feed.Changes(t.Context(), robot(), reporting.Place{}, 500); err != nil || more || len(page) != 0 {
		t.Errorf("where nothing ever changed come %v, %v", page, err)
	}
}

// Who follows a feed and is ahead of it has seen changes that are gone: only a
// database that was put back can be the cause, and reading on would skip.
func TestAPlaceAheadOfTheFeedIsRefused(t *testing.T) {
	t.Parallel()
	a := open(t, office.Settings{})
	for n := range 3 {
		for place, want := range map[reporting.Place]string{
			{}:                                    "",
			{Number: int64(n), Index: 7}:          "",
			{Number: int64(n) + 1}:                "cursor_mismatch",
			{Number: 1<<63 - 1, Index: 1<<31 - 1}: "cursor_mismatch",
		} {
			page, more, err := a.feed.Changes(t.Context(), robot(), place, 500)
			if codeOf(err) != want || err != nil && !errors.Is(err, fault.Malformed) || more || place.Number > 0 && len(page) != 0 {
				t.Errorf("of %d changes, after %v come %v, %v; want %q", n, place, page, err, want)
			}
		}
		if _, err := a.Recorder.Record(t.Context(), fixture.Person("ann"), content(seconds(1)), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheFeedIsForMachinesThatMayRead(t *testing.T) {
	t.Parallel()
	a := open(t, office.Settings{})
	for want, by := range map[string]identity.Principal{
		"":                   robot(),
		"machines_only":      fixture.Approver("bob"),
		"insufficient_scope": fixture.Job(),
	} {
		_, _, err := a.feed.Changes(t.Context(), by, reporting.Place{}, 1)
		if f := fault.Of(err); codeOf(err) != want || f != nil && f.Kind != fault.Forbidden {
			t.Errorf("%s: got %v, want %q", by.ID, err, want)
		}
	}
}
