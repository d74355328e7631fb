package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"timesheets/test/integration/apitest"
)

// A month of two companies side by side in one database: employees who log by
// hand, contractors of three trackers, weeks that are submitted, approved,
// rejected and reopened, late changes and corrections. After each day the totals
// of list, report, weeks and change feed agree to the second, and nobody has
// seen anything of the other company, whose people have the same names.
func TestAMonthOfTwoCompanies(t *testing.T) {
	t.Parallel()
	first, second := newMonth(t, 30, 20), newMonth(t, 8, 12)
	for d := range 28 {
		day := firstDay.AddDate(0, 0, d)
		for _, m := range []*month{first, second} {
			m.work(t, day)
			if day.Weekday() == time.Monday && d > 0 {
				m.handIn(t, day.AddDate(0, 0, -7))
			}
			m.agrees(t)
		}
	}
	for _, m := range []*month{first, second} {
		if m.did["approved"] < 5 || m.did["rejected"] == 0 || m.did["reopened"] == 0 || m.did["accepted"] == 0 || m.did["dismissed"] == 0 || m.did["conflict"] == 0 {
			t.Errorf("too little happened: %v", m.did)
		}
	}
	// Whoever asks in one company for what the other has finds nothing.
	for _, m := range []*month{first, second} {
		other := map[bool]*month{true: second, false: first}[m == first]
		for _, id := range other.ids[:5] {
			m.bob.Get(t, timesheets+"/"+id).IsProblem(t, 404, "not_found")
			m.job.Get(t, timesheets+"/"+id+"/history").IsProblem(t, 404, "not_found")
		}
		for id, project := range m.seen {
			if !strings.HasPrefix(project, m.org) {
				t.Errorf("%s is an entry of somebody else: %s", id, project)
			}
		}
	}
}

// firstDay is a Monday; all four weeks lie in the past.
var firstDay = time.Date(2026, time.October, 5, 0, 0, 0, 0, time.UTC)

// month is a company with what has happened in it so far.
type month struct {
	company
	people  []string // employees, then contractors
	callers map[string]apitest.Caller
	hired   int // how many are employees
	random  *rand.Rand
	ids     []string // of entries made by hand
	did     map[string]int
	feed    string              // where the feed goes on
	books   map[string]entryNow // what the feed says there is
	seen    map[string]string   // projects by entry
}

type entryNow struct {
	ID, UserID, Project, Status, Week string
	Seconds                           int64
	DeletedAt                         string
}

func newMonth(t *testing.T, employees, contractors int) *month {
	t.Helper()
	m := &month{company: newCompany(t), hired: employees, random: rand.New(rand.NewPCG(1, uint64(employees))), did: map[string]int{},
		books: map[string]entryNow{}, seen: map[string]string{}, callers: map[string]apitest.Caller{}}
	for i := range employees + contractors {
		name := fmt.Sprintf("worker %02d", i)
		m.people = append(m.people, name)
		m.callers[name] = m.api.Person(t, name, m.org)
	}
	return m
}

// source of a contractor's hours.
func source(i int) string { return []string{"kimai", "toggl", "timewarrior"}[i%3] }

// work is a day of everybody: employees log by hand now and then, contractors'
// trackers are imported, with changes of days before.
func (m *month) work(t *testing.T, day time.Time) {
	t.Helper()
	date := day.Format(time.DateOnly)
	for i := range m.hired {
		if m.random.IntN(4) > 0 {
			continue
		}
		who := m.callers[m.people[i]]
		made := who.Post(t, timesheets, fields{"date": date, "project": m.org + " Shop", "seconds": 1 + m.random.IntN(8*3600)}).Is(t, 201).Entry(t)
		m.ids = append(m.ids, made.ID)
		switch m.random.IntN(8) {
		case 0:
			who.Patch(t, timesheets+"/"+made.ID, fields{"seconds": 1 + m.random.IntN(8*3600)}).Is(t, 200)
		case 1:
			who.Delete(t, timesheets+"/"+made.ID).Is(t, 204)
		case 2:
			m.bob.Put(t, approvals+"/"+made.ID, fields{"status": "rejected", "reason": "which one?"}).Is(t, 200)
			who.Patch(t, timesheets+"/"+made.ID, fields{"project": m.org + " Other"}).Is(t, 200)
		}
	}
	rows := map[string][]any{}
	for i := m.hired; i < len(m.people); i++ {
		add := func(date string, seconds int) {
			rows[source(i)] = append(rows[source(i)], fields{"user_id": m.people[i], "external_id": m.people[i] + date, "date": date, "project": m.org + " Site", "seconds": seconds})
		}
		add(date, 1+m.random.IntN(10*3600))
		// What was logged long ago changes, approved or not; some of it is new.
		if late := day.AddDate(0, 0, -m.random.IntN(14)); late.Before(day) && !late.Before(firstDay) && m.random.IntN(3) == 0 {
			add(late.Format(time.DateOnly), 1+m.random.IntN(10*3600))
		}
	}
	for _, name := range slices.Sorted(mapKeys(rows)) {
		for range 2 { // each twice: nothing is counted twice
			report := m.job.Post(t, "/v1/timesheets/upload?source="+name, rows[name]).Is(t, 200).Report(t)
			m.did["conflict"] += report.Conflicts
			if report.Rejected != 0 {
				t.Errorf("%s on %s: %+v", name, date, report)
			}
		}
	}
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// handIn is a Monday: the week before is submitted, and decided about, late
// changes too.
func (m *month) handIn(t *testing.T, monday time.Time) {
	t.Helper()
	week := weekOf(monday.Format(time.DateOnly))
	for i, name := range m.people {
		path := "/v1/weeks/" + strings.ReplaceAll(name, " ", "%20") + "/" + week
		m.callers[name].Post(t, path+"/submit", nil).Is(t, 200)
		by := m.bob.With("If-Match", m.bob.Get(t, path).Is(t, 200).Header.Get("ETag"))
		switch i % 5 {
		case 0:
			by.Post(t, path+"/reject", fields{"reason": "too much"}).Is(t, 200)
			m.did["rejected"]++
		case 1:
			m.callers[name].Post(t, path+"/withdraw", nil).Is(t, 200)
		default:
			tag := by.Post(t, path+"/approve", nil).Is(t, 200).Header.Get("ETag")
			m.did["approved"]++
			if i%7 == 4 {
				m.carl.With("If-Match", tag).Post(t, path+"/reopen", fields{"reason": "a mistake"}).Is(t, 200)
				m.did["reopened"]++
			}
		}
	}
	var open []struct{ ID string }
	m.bob.Get(t, "/v1/corrections?limit=500").Is(t, 200).Read(t, &open)
	for i, c := range open {
		switch i % 3 {
		case 0:
			m.bob.Post(t, "/v1/corrections/"+c.ID+"/accept", nil).Is(t, 200)
			m.did["accepted"]++
		case 1:
			m.carl.Post(t, "/v1/corrections/"+c.ID+"/dismiss", nil).Is(t, 200)
			m.did["dismissed"]++
		}
	}
}

// agrees fails the test unless list, report, weeks and feed say the same.
func (m *month) agrees(t *testing.T) {
	t.Helper()
	totals := map[string]map[string]int64{"list": {}, "report": {}, "weeks": {}, "feed": {}}
	add := func(of, userID, week string, seconds int64) {
		if seconds != 0 {
			totals[of][userID+" "+week] += seconds
		}
	}
	lines := bufio.NewScanner(strings.NewReader(string(m.job.With("Accept", "application/x-ndjson").Get(t, timesheets).Is(t, 200).Body)))
	for lines.Scan() {
		var e entryNow
		m.decode(t, lines.Bytes(), &e)
		if m.seen[e.ID] = e.Project; e.Status != "rejected" {
			add("list", e.UserID, e.Week, e.Seconds)
		}
	}
	var report []struct {
		UserID  string `json:"user_id"`
		Week    string
		Seconds int64
	}
	m.job.Get(t, "/v1/reports/hours?group_by=user_id,week&from=2026-09-28&to=2026-11-08").Is(t, 200).Read(t, &report)
	for _, r := range report {
		add("report", r.UserID, r.Week, r.Seconds)
	}
	for path := "/v1/weeks?user_id=*&limit=500"; path != ""; {
		page := m.bob.Get(t, path).Is(t, 200)
		var weeks []week
		page.Read(t, &weeks)
		for _, w := range weeks {
			add("weeks", w.UserID, w.Week, w.Seconds)
		}
		path = page.Next(t)
	}
	for more := true; more; {
		var page struct {
			Changes []struct{ Entry json.RawMessage }
			Cursor  string
			More    bool
		}
		m.job.Get(t, "/v1/changes?limit=500"+m.feed).Is(t, 200).Read(t, &page)
		for _, c := range page.Changes {
			var e entryNow
			m.decode(t, c.Entry, &e)
			m.books[e.ID] = e
		}
		m.feed, more = "&cursor="+page.Cursor, page.More
	}
	for _, e := range m.books {
		if e.DeletedAt == "" && e.Status != "rejected" {
			add("feed", e.UserID, e.Week, e.Seconds)
		}
	}
	for of, got := range totals {
		if fmt.Sprint(got) != fmt.Sprint(totals["list"]) {
			t.Errorf("the %s does not agree with the list:\n%v\n%v", of, got, totals["list"])
		}
	}
}

func (m *month) decode(t *testing.T, text []byte, into *entryNow) {
	t.Helper()
	var e struct {
		ID        string
		UserID    string `json:"user_id"`
		Project   string
		Status    string
		Week      string
		Seconds   int64
		DeletedAt string `json:"deleted_at"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	*into = entryNow(e)
}
