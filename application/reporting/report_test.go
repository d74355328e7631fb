package reporting_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"timesheets/application/intake"
	"timesheets/application/reporting"
	"timesheets/application/timekeeping"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// total makes a row of a report.
func total(seconds, entries int64, of ...string) reporting.Total {
	return reporting.Total{Of: append([]string{}, of...), Seconds: seconds, Entries: entries}
}

// hours asks for a report that must be answered.
func (a accounts) hours(t *testing.T, by identity.Principal, q reporting.Question) []reporting.Total {
	t.Helper()
	totals, err := a.reporter.Hours(t.Context(), by, q)
	if err != nil {
		t.Fatal(err)
	}
	return totals
}

// listed gives all that lists show, of everyone.
func (a accounts) listed(t *testing.T) []timesheet.Entry {
	t.Helper()
	var all []timesheet.Entry
	for place, more := (timekeeping.Place{}), true; more; {
		page, rest, err := a.Reviewer.List(t.Context(), robot(), timekeeping.Filter{}, place, 500)
		if err != nil {
			t.Fatal(err)
		}
		if all, more = append(all, page...), rest; more {
			place = timekeeping.PlaceOf(page[len(page)-1])
		}
	}
	return all
}

// addedUp answers a question of everyone's entries by hand.
func addedUp(entries []timesheet.Entry, q reporting.Question) []reporting.Total {
	sums := map[string]*reporting.Total{}
	for _, e := range entries {
		s := e.Snapshot()
		c := s.Content
		if s.Status == timesheet.Rejected || c.Day.Before(q.From) || c.Day.After(q.To) || q.UserID != "" && q.UserID != c.UserID {
			continue
		}
		of := []string{}
		for _, g := range q.GroupBy {
			of = append(of, map[reporting.Group]string{
				reporting.ByWorker: c.UserID, reporting.ByProject: c.Project, reporting.ByWeek: c.Day.Week().String(), reporting.ByMonth: c.Day.String()[:7],
				reporting.ByStatus: string(s.Status), reporting.ByBillable: strconv.FormatBool(c.Billable), reporting.BySource: s.Origin.Source,
			}[g])
		}
		key := strings.Join(of, "\x00")
		if sums[key] == nil {
			sums[key] = &reporting.Total{Of: of}
		}
		sums[key].Seconds += int64(c.Duration.Seconds())
		sums[key].Entries++
	}
	totals := []reporting.Total{}
	for _, sum := range sums {
		totals = append(totals, *sum)
	}
	slices.SortFunc(totals, func(x, y reporting.Total) int { return slices.Compare(x.Of, y.Of) })
	return totals
}

// month makes some hundred entries of a few weeks around a new year, some of
// them decided, changed or deleted, in two sources and by hand.
func (a accounts) month(t *testing.T) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 5))
	workers, projects := []string{"ann", "bob", "dora", "emil"}, []string{"shop", "website", "wiki"}
	pick := func(r *intake.Row, i int) {
		r.ExternalID = fmt.Sprint(i)
		r.Content.UserID, r.Content.Project = workers[random.IntN(4)], projects[random.IntN(3)]
		r.Content.Day = fixture.Day("2025-12-15").Add(random.IntN(40))
		r.Content.Duration, r.Content.Billable = fixture.Seconds(1+random.Int64N(1_800)), random.IntN(3) > 0
	}
	for _, source := range []string{"kimai", "toggl"} {
		report, err := a.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: source, Rows: office.Rows(150, func(i int, r *intake.Row) { pick(r, i) })})
		if err != nil || report.Created != 150 {
			t.Fatalf("%+v, %v", report.Counts, err)
		}
	}
	for range 20 {
		r := office.Row("")
		pick(&r, 0)
		a.record(t, r.Content)
	}
	for i, e := range a.listed(t) {
		var err error
		switch i % 8 {
		case 0:
			_, err = a.Decider.Approve(t.Context(), fixture.Approver("boss"), e.ID(), nil)
		case 1:
			_, err = a.Decider.Reject(t.Context(), fixture.Approver("boss"), e.ID(), "no", nil)
		case 2:
			err = a.Recorder.Withdraw(t.Context(), fixture.Approver("boss"), e.ID(), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Recorder.Record(t.Context(), fixture.Of("other", fixture.Person("ann")), content(on("2026-01-01")), nil); err != nil {
		t.Fatal(err)
	}
}

// Whatever is asked, the answer is what adding up the list gives.
func TestAReportIsTheSumOfTheList(t *testing.T) {
	t.Parallel()
	a := open(t, office.Settings{})
	a.month(t)
	entries := a.listed(t)
	rapid.Check(t, func(rt *rapid.T) {
		q := reporting.Question{From: fixture.Day("2025-12-14").Add(rapid.IntRange(0, 42).Draw(rt, "from"))}
		q.To = q.From.Add(rapid.IntRange(0, 42).Draw(rt, "days"))
		q.UserID = rapid.SampledFrom([]string{"", "", "ann", "emil", "nobody"}).Draw(rt, "user")
		q.GroupBy = rapid.Permutation(reporting.Groups()).Draw(rt, "groups")[:rapid.IntRange(0, 7).Draw(rt, "group count")]
		got, err := a.reporter.Hours(t.Context(), robot(), q)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(addedUp(entries, q), append([]reporting.Total{}, got...)); diff != "" {
			rt.Fatalf("(-list +report):\n%s", diff)
		}
	})
}

func TestWhatCountsInAReport(t *testing.T) {
	t.Parallel()
	a := open(t, office.Settings{})
	a.record(t, content(on("2026-11-18"), seconds(1)))
	approved, rejected, deleted := a.record(t, content(seconds(10))), a.record(t, content(seconds(100))), a.record(t, content(seconds(1_000)))
	if _, err := a.Decider.Approve(t.Context(), fixture.Approver("bob"), approved.ID(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Decider.Reject(t.Context(), fixture.Approver("bob"), rejected.ID(), "no", nil); err != nil {
		t.Fatal(err)
	}
	if err := a.Recorder.Withdraw(t.Context(), fixture.Person("ann"), deleted.ID(), nil); err != nil {
		t.Fatal(err)
	}
	q := reporting.Question{From: fixture.Day("2026-11-18"), To: fixture.Friday}
	if diff := cmp.Diff([]reporting.Total{total(11, 2)}, a.hours(t, robot(), q)); diff != "" {
		t.Errorf("in all (-want +got):\n%s", diff)
	}
	q.GroupBy = []reporting.Group{reporting.ByStatus}
	if diff := cmp.Diff([]reporting.Total{total(10, 1, "approved"), total(1, 1, "pending")}, a.hours(t, robot(), q)); diff != "" {
		t.Errorf("by status (-want +got):\n%s", diff)
	}
	q.From = fixture.Day("2026-11-19")
	q.To = q.From
	for _, groups := range [][]reporting.Group{nil, {reporting.ByWorker}} {
		if q.GroupBy = groups; len(a.hours(t, robot(), q)) != 0 {
			t.Errorf("of nothing comes %v", a.hours(t, robot(), q))
		}
	}
}

func TestWeeksAndMonthsAtTheEdgeOfAYear(t *testing.T) {
	t.Parallel()
	a := open(t, office.Settings{})
	for i, day := range []string{"2018-12-31", "2019-01-01", "2020-02-29", "2020-12-27", "2020-12-28", "2020-12-31", "2021-01-01", "2021-01-03", "2021-01-04", "2024-12-29", "2024-12-30", "2025-01-01", "2025-12-28", "2025-12-29", "2025-12-31", "2026-01-01"} {
		a.record(t, content(on(day), seconds(1<<i)))
	}
	q := reporting.Question{From: fixture.Day("2000-01-01"), To: fixture.Friday, GroupBy: []reporting.Group{reporting.ByWeek}}
	if diff := cmp.Diff([]reporting.Total{
		total(1+2, 2, "2019-W01"), total(4, 1, "2020-W09"), total(8, 1, "2020-W52"), total(16+32+64+128, 4, "2020-W53"), total(256, 1, "2021-W01"),
		total(512, 1, "2024-W52"), total(1024+2048, 2, "2025-W01"), total(4096, 1, "2025-W52"), total(8192+16384+32768, 3, "2026-W01"),
	}, a.hours(t, robot(), q)); diff != "" {
		t.Errorf("weeks (-want +got):\n%s", diff)
	}
	q.GroupBy = []reporting.Group{reporting.ByMonth}
	if diff := cmp.Diff([]reporting.Total{
		total(1, 1, "2018-12"), total(2, 1, "2019-01"), total(4, 1, "2020-02"), total(8+16+32, 3, "2020-12"), total(64+128+256, 3, "2021-01"),
		total(512+1024, 2, "2024-12"), total(2048, 1, "2025-01"), total(4096+8192+16384, 3, "2025-12"), total(32768, 1, "2026-01"),
	}, a.hours(t, robot(), q)); diff != "" {
		t.Errorf("months (-want +got):\n%s", diff)
	}
	q.GroupBy, q.From, q.To = nil, fixture.Day("2020-12-27"), fixture.Day("2021-01-03") // both inclusive
	if diff := cmp.Diff([]reporting.Total{total(8+16+32+64+128, 5)}, a.hours(t, robot(), q)); diff != "" {
		t.Errorf("a week and a day (-want +got):\n%s", diff)
	}
}

func TestWhoMayAskForWhoseHours(t *testing.T) {
	t.Parallel()
	const claim = "https://api.exampleco.com/email"
	a := open(t, office.Settings{UserIDs: claim})
	a = accountsOf(a.Office, identity.UserIDsBy(claim))
	a.record(t, content(of("ann@x.org"), seconds(1)))
	a.record(t, content(of("bob@x.org"), seconds(10)))
	a.record(t, content(of("carol@x.org"), seconds(100)))
	ann, bob := fixture.Person("ann@x.org"), fixture.Approver("bob@x.org")
	for _, tt := range []struct {
		name   string
		by     identity.Principal
		userID string
		want   int64
		code   string
	}{
		{"a person's own", ann, "", 1, ""},
		{"their own by name", ann, "ann@x.org", 1, ""},
		{"in another spelling", ann, "Ann@X.org", 1, ""},
		{"another's", ann, "bob@x.org", 0, "other_worker"},
		{"of somebody who is not there", ann, "nobody", 0, "other_worker"},
		{"everyone's", ann, identity.Everyone, 0, "other_worker"},
		{"an approver's own", bob, "", 10, ""},
		{"another's for an approver", bob, "Carol@x.org", 100, ""},
		{"everyone's for an approver", bob, identity.Everyone, 111, ""},
		{"a machine's are everyone's", robot(), "", 111, ""},
		{"also by that name", robot(), identity.Everyone, 111, ""},
		{"one worker's for a machine", robot(), "CAROL@x.org", 100, ""},
		{"nobody's for a machine", robot(), "nobody", 0, ""},
		{"a machine that may not read", fixture.Job(), "", 0, "insufficient_scope"},
		{"in another organisation", fixture.Of("other", robot()), "", 0, ""},
	} {
		totals, err := a.reporter.Hours(t.Context(), tt.by, reporting.Question{From: fixture.Friday, To: fixture.Friday, UserID: tt.userID})
		var got int64
		for _, row := range totals {
			got += row.Seconds
		}
		if f := fault.Of(err); got != tt.want || codeOf(err) != tt.code || f != nil && f.Kind != fault.Forbidden {
			t.Errorf("%s: got %d s, %v; want %d s, %q", tt.name, got, err, tt.want, tt.code)
		}
	}
}

func TestAReportIsOfDaysThatAreNamed(t *testing.T) {
	t.Parallel()
	a := open(t, office.Settings{})
	day := fixture.Friday
	for want, q := range map[string]reporting.Question{
		"/from required":   {To: day},
		"/to out_of_range": {From: day, To: day.Add(-1)},
	} {
		if _, err := a.reporter.Hours(t.Context(), robot(), q); codeOf(err) != want {
			t.Errorf("%v: %v, want %s", q, err, want)
		}
	}
	for _, q := range []reporting.Question{{}, {From: day}} {
		if _, err := a.reporter.Hours(t.Context(), robot(), q); fault.Of(err) == nil || fault.Of(err).Kind != fault.Invalid {
			t.Errorf("%v: %v", q, err)
		}
	}
}

func TestAReportHasAtMostSoManyRows(t *testing.T) {
	t.Parallel()
	a := open(t, office.Settings{})
	const more = `INSERT INTO entries (org_id, id, source, external_id, user_id, day, seconds, project, billable, status, version, change,
			created_at, created_by, updated_at, updated_by, write_id, position)
		SELECT 'default', md5(i::text)::uuid, 'kimai', i::text, 'ann', date '2026-11-20', 1, 'project ' || i, true, 'pending', 1, 'created',
			now(), 'import-job', now(), 'import-job', md5('')::uuid, i
		FROM generate_series($1::int, $2::int) i`
	q := reporting.Question{From: fixture.Friday, To: fixture.Friday, GroupBy: []reporting.Group{reporting.ByProject, reporting.ByWorker}}
	a.Exec(t, more, 1, reporting.MaxTotals)
	if n := len(a.hours(t, robot(), q)); n != reporting.MaxTotals {
		t.Errorf("%d rows, want %d", n, reporting.MaxTotals)
	}
	a.Exec(t, more, reporting.MaxTotals+1, reporting.MaxTotals+1)
	if totals, err := a.reporter.Hours(t.Context(), robot(), q); codeOf(err) != "too_many_totals" || totals != nil {
		t.Errorf("one more: %d rows, %v", len(totals), err)
	}
	q.GroupBy = nil
	if diff := cmp.Diff([]reporting.Total{total(reporting.MaxTotals+1, reporting.MaxTotals+1)}, a.hours(t, robot(), q)); diff != "" {
		t.Errorf("in all (-want +got):\n%s", diff)
	}
}
