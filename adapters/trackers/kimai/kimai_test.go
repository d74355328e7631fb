package kimai_test

import (
	"maps"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/adapters/trackers/kimai"
	"timesheets/adapters/trackers/settings"
	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/test/trackertest"
)

const token = "kimai-token-of-a-test"

// serve starts a stand-in and opens it; changes are further settings.
func serve(t *testing.T, changes settings.Values) (*trackertest.Kimai, *kimai.Tracker) {
	t.Helper()
	server := trackertest.NewKimai(token)
	socket := httptest.NewServer(server)
	t.Cleanup(socket.Close)
	return server, open(t, socket.URL, changes)
}

func open(t *testing.T, address string, changes settings.Values) *kimai.Tracker {
	t.Helper()
	values := settings.Values{"TRACKER_URL": address, "TRACKER_TOKEN": token, "TRACKER_USER_ID": "email", "TRACKER_PROJECT_NAME": "project"}
	maps.Copy(values, changes)
	tracker, err := kimai.Open(values, "kimai", time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

func days(t *testing.T, from, to string) importing.Window {
	t.Helper()
	w, err := importing.ParseWindow(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// pages reads all pages of a window.
func pages(t *testing.T, tracker *kimai.Tracker, window importing.Window) (all []importing.Page) {
	t.Helper()
	for cursor := ""; ; {
		page, err := tracker.Page(t.Context(), window, cursor)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, page); page.Next == "" {
			return all
		}
		cursor = page.Next
	}
}

func TestKimaiIsAskedExactlyAsItsDocumentationSays(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	pages(t, tracker, days(t, "2026-10-01", "2026-10-31"))
	var asked []map[string][]string
	for _, query := range server.Asked() {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		asked = append(asked, q)
	}
	page := func(n string) map[string][]string {
		return map[string][]string{
			// 26 hours more on both sides: begin and end are in the zone of the
			// token's user, and the furthest zones are so far apart.
			"begin": {"2026-09-29T22:00:00"}, "end": {"2026-11-02T01:59:59"},
			"user": {"all"}, "active": {"0"}, "full": {"true"}, "orderBy": {"id"}, "order": {"ASC"}, "size": {"500"}, "page": {n},
		}
	}
	if diff := cmp.Diff([]map[string][]string{page("1"), page("2")}, asked); diff != "" {
		t.Error(diff)
	}
}

func TestTheRecordedMonthComesWhole(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	all := pages(t, tracker, days(t, "2026-10-01", "2026-10-31"))
	seen := map[string]bool{}
	for _, page := range all {
		if page.Total != len(server.IDs())-1 {
			t.Errorf("a total of %d, want %d: the timer that runs is not asked for", page.Total, len(server.IDs())-1)
		}
		for _, row := range page.Rows {
			seen[row.ExternalID] = true
		}
	}
	if len(all) != 2 || len(seen) != len(server.IDs())-1 {
		t.Errorf("%d entries on %d pages, want %d on 2", len(seen), len(all), len(server.IDs())-1)
	}
}

func TestAnEntryIsWrittenAsTheAPITakesIt(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	server.Clear()
	entry := trackertest.Entry(77, "2026-10-13")
	entry["begin"], entry["end"] = "2026-10-13T23:30:00+0200", "2026-10-14T01:45:00+0200"
	entry["duration"], entry["break"] = 6300, 1800
	entry["tags"] = []string{"on-site", "pairing"}
	entry["billable"] = false
	server.Add(entry)
	no := false
	want := importing.Row{
		ExternalID: "77", UserID: "ana.ruiz@fjordline.example", Date: "2026-10-13", Project: "Webshop relaunch", Task: "Development",
		Description: "Entry 77", Billable: &no, Seconds: "6300", StartedAt: "2026-10-13T23:30:00+02:00", TimeZone: "Europe/Madrid",
		Tags: []string{"on-site", "pairing"},
	}
	got := pages(t, tracker, days(t, "2026-10-13", "2026-10-13"))
	if diff := cmp.Diff([]importing.Page{{Rows: []importing.Row{want}, Total: 1, Entries: 1}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheOperatorSaysHowWorkersAndProjectsAreNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		changes settings.Values
		want    importing.Row
	}{
		{"by e-mail", nil, importing.Row{UserID: "ana.ruiz@fjordline.example", Project: "Webshop relaunch"}},
		{"by username", settings.Values{"TRACKER_USER_ID": "username"}, importing.Row{UserID: "aruiz", Project: "Webshop relaunch"}},
		{"by id", settings.Values{"TRACKER_USER_ID": "id"}, importing.Row{UserID: "3", Project: "Webshop relaunch"}},
		{"by account number", settings.Values{"TRACKER_USER_ID": "account_number"}, importing.Row{UserID: "C-014", Project: "Webshop relaunch"}},
		{"by reference", settings.Values{"TRACKER_USER_ID": "reference"}, importing.Row{Worker: importing.Worker{Source: "kimai", ID: "3"}, Project: "Webshop relaunch"}},
		{"with the customer", settings.Values{"TRACKER_PROJECT_NAME": "customer/project"}, importing.Row{UserID: "ana.ruiz@fjordline.example", Project: "Harbour Foods/Webshop relaunch"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server, tracker := serve(t, tt.changes)
			server.Clear()
			server.Add(trackertest.Entry(1, "2026-10-13"))
			row := pages(t, tracker, days(t, "2026-10-13", "2026-10-13"))[0].Rows[0]
			got := importing.Row{UserID: row.UserID, Worker: row.Worker, Project: row.Project}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestADayIsThatOfThePersonWhoWorkedWhereverTheServerIs(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	server.Clear()
	for id, begin := range []string{
		"2026-10-13T00:00:00+1400", // still the 12th in most of the world
		"2026-10-13T23:59:59-1200", // the 14th in most of the world
		"2026-10-12T23:59:59+0000",
		"2026-10-14T00:00:00+0000",
	} {
		entry := trackertest.Entry(id+1, "2026-10-13")
		entry["begin"] = begin
		server.Add(entry)
	}
	var got []string
	for _, row := range pages(t, tracker, days(t, "2026-10-13", "2026-10-13"))[0].Rows {
		got = append(got, row.ExternalID)
	}
	if diff := cmp.Diff([]string{"1", "2"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestATimerThatRunsIsLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	server.Misbehave(trackertest.Body(`[
		{"id":1,"begin":"2026-10-13T09:00:00+0200","end":null,"duration":null,"user":{"email":"a@x"},"project":{"name":"p"}},
		{"id":2,"begin":"2026-10-13T09:00:00+0200","duration":60,"user":{"email":"a@x"},"project":{"name":"p"}},
		{"id":3,"begin":"2026-10-13T09:00:00+0200","end":"2026-10-13T10:00:00+0200","user":{"email":"a@x"},"project":{"name":"p"}}]`))
	page := pages(t, tracker, days(t, "2026-10-13", "2026-10-13"))[0]
	if page.Running != 2 || len(page.Rows) != 1 {
		t.Fatalf("%d running and %d rows, want 2 and 1", page.Running, len(page.Rows))
	}
	if page.Rows[0].Seconds != "3600" {
		t.Errorf("without a duration of Kimai's the hour has %q seconds", page.Rows[0].Seconds)
	}
}

func TestPagesEndWhereKimaiSaysOrWhereAPageIsNotFull(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		entries int
		limit   int
		sizes   []int
	}{
		{"no entries", 0, 500, []int{0}},
		{"a full page", 500, 500, []int{500}},
		{"one more", 501, 500, []int{500, 1}},
		{"a server that gives fewer at once", 25, 10, []int{10, 10, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server, tracker := serve(t, nil)
			server.Clear()
			server.Limit(tt.limit)
			for id := range tt.entries {
				server.Add(trackertest.Entry(id+1, "2026-10-13"))
			}
			var sizes []int
			for _, page := range pages(t, tracker, days(t, "2026-10-13", "2026-10-13")) {
				sizes = append(sizes, len(page.Rows))
			}
			if diff := cmp.Diff(tt.sizes, sizes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWithoutTheHeaderAFullPageIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	full := "[" + strings.TrimSuffix(strings.Repeat(`{"id":1,"begin":"2026-10-13T09:00:00+0200","end":"x"},`, 500), ",") + "]"
	server.Misbehave(trackertest.Body(full), trackertest.Body(`[]`))
	all := pages(t, tracker, days(t, "2026-10-13", "2026-10-13"))
	if len(all) != 2 || len(all[0].Rows) != 500 || len(all[1].Rows) != 0 {
		t.Errorf("got %d pages, the first of %d entries", len(all), len(all[0].Rows))
	}
}

func TestAPageThatIsGoneMeansThatEntriesMoved(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	window := days(t, "2026-10-01", "2026-10-31")
	first, err := tracker.Page(t.Context(), window, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range server.IDs()[100:] {
		server.Delete(id)
	}
	second, err := tracker.Page(t.Context(), window, first.Next)
	if err != nil || !second.Moved || second.Next != "" {
		t.Errorf("got %+v, %v; want an end that says that entries moved", second, err)
	}
}

func TestCheckSaysWhichKimaiItIs(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	about, err := tracker.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := `Kimai "2.66.0", ` + strconv.Itoa(len(server.IDs())-1) + " entries can be read"; about != want {
		t.Errorf("got %q, want %q", about, want)
	}
}

// Without the permission Kimai answers as if there were nobody else.
func TestCheckSaysThatOnlyTheTokensUserIsSeen(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	server.Confine()
	about, err := tracker.Check(t.Context())
	if err != nil || !strings.Contains(about, "none of anybody but the token's user") || !strings.Contains(about, "view_other_timesheet") {
		t.Errorf("got %q, %v", about, err)
	}
}

func TestABadCursorIsOurOwnMistake(t *testing.T) {
	t.Parallel()
	_, tracker := serve(t, nil)
	for _, cursor := range []string{"0", "1", "-2", "x", "1e3"} {
		if _, err := tracker.Page(t.Context(), importing.Window{}, cursor); fault.Of(err).Kind != fault.Internal {
			t.Errorf("cursor %q: got %v", cursor, err)
		}
	}
}
