package kimai_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/adapters/trackers/kimai"
	"timesheets/adapters/trackers/settings"
	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/trackertest"
)

func TestEveryFailureSaysWhetherTryingAgainIsOfUse(t *testing.T) {
	t.Parallel()
	october := days(t, "2026-10-01", "2026-10-31")
	for _, tt := range []struct {
		name    string
		misdeed trackertest.Misdeed
		kind    fault.Kind
		after   time.Duration
	}{
		{"no such token", trackertest.Status(401, ""), fault.Unauthenticated, 0},
		{"no permission", trackertest.Status(403, ""), fault.Forbidden, 0},
		{"no such path", trackertest.Status(404, ""), fault.NotFound, 0},
		{"a bad request", trackertest.Status(400, ""), fault.Invalid, 0},
		{"too many requests", trackertest.Status(429, "7"), fault.Exhausted, 7 * time.Second},
		{"too many requests, for ever", trackertest.Status(429, "99999999999999999999"), fault.Exhausted, 366 * 24 * time.Hour},
		{"too many requests, who knows how long", trackertest.Status(429, "soon"), fault.Exhausted, 0},
		{"a defect", trackertest.Status(500, ""), fault.Unavailable, 0},
		{"maintenance", trackertest.Status(503, "120"), fault.Unavailable, 2 * time.Minute},
		{"a redirect", trackertest.Redirect("https://elsewhere.example/api"), fault.Invalid, 0},
		{"a login page", trackertest.LoginPage, fault.Unavailable, 0},
		{"HTML that is called JSON", trackertest.HTMLAsJSON, fault.Unavailable, 0},
		{"an error's body with 200", trackertest.ErrorBody, fault.Unavailable, 0},
		{"the wrong charset", trackertest.Latin1, fault.Unavailable, 0},
		{"JSON that was cut", trackertest.CutJSON, fault.Unavailable, 0},
		{"an answer that was cut", trackertest.CutShort, fault.Unavailable, 0},
		{"an answer without end", trackertest.Endless, fault.Unavailable, 0},
		{"more entries than were asked for", trackertest.Body("[" + strings.Repeat("1,", 500) + "1]"), fault.Unavailable, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server, tracker := serve(t, nil)
			server.Misbehave(tt.misdeed)
			page, err := tracker.Page(t.Context(), october, "")
			f := fault.Of(err)
			if f == nil {
				t.Fatalf("%d rows came of it", len(page.Rows))
			}
			if f.Kind != tt.kind || f.RetryAfter != tt.after {
				t.Errorf("got kind %v after %v, want %v after %v (%v)", f.Kind, f.RetryAfter, tt.kind, tt.after, f)
			}
			if strings.Contains(f.Error(), token) {
				t.Error("the error shows the token")
			}
			if _, err := tracker.Page(t.Context(), october, ""); err != nil {
				t.Errorf("afterwards all should be well: %v", err)
			}
		})
	}
}

func TestARetryAfterMayBeADate(t *testing.T) {
	t.Parallel()
	server := trackertest.NewKimai(token)
	socket := httptest.NewServer(server)
	t.Cleanup(socket.Close)
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	tracker, err := kimai.Open(settings.Values{"TRACKER_URL": socket.URL, "TRACKER_TOKEN": token}, "kimai", func() time.Time { return now }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time]time.Duration{now.Add(90 * time.Second): 90 * time.Second, now.Add(-time.Hour): 0, now.AddDate(50, 0, 0): 366 * 24 * time.Hour} {
		server.Misbehave(trackertest.Status(429, at.Format(http.TimeFormat)))
		if _, err := tracker.Page(t.Context(), importing.Window{}, ""); fault.Of(err).RetryAfter != want {
			t.Errorf("at %s: got %v, want %v", at, fault.Of(err).RetryAfter, want)
		}
	}
}

func TestATokenIsNeverCarriedToAnotherHost(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other host was asked") }))
	t.Cleanup(elsewhere.Close)
	server, tracker := serve(t, nil)
	server.Misbehave(trackertest.Redirect(elsewhere.URL + "/api/timesheets"))
	if _, err := tracker.Page(t.Context(), importing.Window{}, ""); fault.Of(err).Code != "tracker_redirects" {
		t.Errorf("got %v", err)
	}
}

func TestAnEmptyPageBeforeThePromisedEndIsGarbage(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	server.Misbehave(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Total-Pages", "1000000000")
		fmt.Fprint(w, "[]")
	})
	if _, err := tracker.Page(t.Context(), importing.Window{}, ""); fault.Of(err).Code != "tracker_garbage" {
		t.Errorf("got %v, want tracker_garbage", err)
	}
}

func TestAServerThatIsNotThereMayComeBack(t *testing.T) {
	t.Parallel()
	socket := httptest.NewServer(nil)
	socket.Close()
	_, err := open(t, socket.URL, nil).Page(t.Context(), importing.Window{}, "")
	if fault.Of(err).Kind != fault.Unavailable {
		t.Errorf("got %v, want fault.Unavailable", err)
	}
	if strings.Contains(err.Error(), "orderBy") {
		t.Errorf("the error shows the query: %v", err)
	}
}

func TestASilentServerIsLeftWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	server.Misbehave(trackertest.Silence(nil))
	ctx, stop := context.WithCancel(t.Context())
	server.Before(func(int) { stop() })
	if _, err := tracker.Page(ctx, importing.Window{}, ""); err == nil {
		t.Error("silence was an answer")
	}
}

// TestAnEntrySpoilsNothingButItself has every member of an entry wrong in
// every way: what comes is one row, or one line that says that it is none.
func TestAnEntrySpoilsNothingButItself(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	good := map[string]string{
		"id": `5`, "begin": `"2026-10-13T09:00:00+0200"`, "end": `"2026-10-13T10:00:00+0200"`, "duration": `3600`, "description": `"d"`,
		"billable": `true`, "tags": `["a"]`, "user": `{"id":3,"email":"a@x","timezone":"Europe/Berlin"}`, "project": `{"name":"p"}`, "activity": `{"name":"t"}`,
	}
	wrong := []string{`null`, `"\u0000"`, `"\ud800"`, `-1`, `1e309`, `[]`, `{}`, `[[{"a":null}]]`, `{"name":5,"email":[],"timezone":"../../etc/passwd"}`, `false`, `"` + strings.Repeat("x", 100_000) + `"`}
	for member := range good {
		for _, value := range wrong {
			var members []string
			for name, proper := range good {
				if name == member {
					proper = value
				}
				members = append(members, fmt.Sprintf("%q:%s", name, proper))
			}
			entry := "{" + strings.Join(members, ",") + "}"
			server.Misbehave(trackertest.Body(`[` + entry + `,{"id":6,"begin":"2026-10-13T09:00:00+0200","end":"x"}]`))
			page, err := tracker.Page(t.Context(), importing.Window{}, "")
			if err != nil {
				t.Fatalf("%s = %.40s: %v", member, value, err)
			}
			if got := len(page.Rows) + page.Running + len(page.Unreadable); got != 2 || len(page.Unreadable) != 0 {
				t.Errorf("%s = %.40s: %d rows, %d running, %q", member, value, len(page.Rows), page.Running, page.Unreadable)
			}
		}
	}
}

func TestWhatIsWrongIsPassedOnAsItStands(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	server.Misbehave(trackertest.Body(`[
		{"end":"x"},
		{"id":"abc","begin":"0000-13-99","end":"x","duration":"long","user":7,"project":7,"activity":7,"billable":"yes","tags":"a"},
		{"id":1e309,"begin":"9999-12-31T23:59:59+0000","end":"x","duration":1e309,"description":"a\ud800","user":{"timezone":"Local"}},
		{"id":7,"id":8},
		[1]]`))
	page, err := tracker.Page(t.Context(), importing.Window{}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []importing.Row{
		{},
		{ExternalID: "abc", Date: "0000-13-99", Seconds: "long"},
		{ExternalID: "1e309", Date: "9999-12-31", StartedAt: "9999-12-31T23:59:59Z", Seconds: "1e309", Description: "a\x00"},
	}
	if diff := cmp.Diff(want, page.Rows); diff != "" {
		t.Error(diff)
	}
	if len(page.Unreadable) != 2 {
		t.Errorf("got %q as unreadable, want the entry with two ids and the list", page.Unreadable)
	}
}

// An entry of millions of tags is refused by the API like one of 21, and takes no
// more memory here.
func TestOfTooManyTagsNoMoreAreTakenThanShowIt(t *testing.T) {
	t.Parallel()
	server, tracker := serve(t, nil)
	for sent, want := range map[int]int{0: 0, 1: 1, timesheet.MaxTags: timesheet.MaxTags, 1_000_000: timesheet.MaxTags + 1} {
		list := strings.TrimSuffix(strings.Repeat("5,", sent), ",")
		server.Misbehave(trackertest.Body(`[{"id":5,"begin":"2026-10-13T09:00:00+0200","end":"x","tags":[` + list + `]},{"id":6,"end":"x"}]`))
		page, err := tracker.Page(t.Context(), importing.Window{}, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Rows) != 2 || len(page.Rows[0].Tags) != want {
			t.Errorf("of %d tags %d are taken, want %d", sent, len(page.Rows[0].Tags), want)
		}
	}
}

func TestAddressesAndTokensAreCheckedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, address, token, says string }{
		{"plain http", "http://kimai.example.com", token, "https"},
		{"no host", "https://", token, "address"},
		{"no scheme", "kimai.example.com", token, "address"},
		{"another scheme", "ftp://kimai.example.com", token, "https"},
		{"a password", "https://user:secret1@kimai.example.com", token, "without user"},
		{"a query", "https://kimai.example.com?x=1", token, "query"},
		{"a token of two lines", "https://kimai.example.com", "secret1\nX-Evil: 1", "TRACKER_TOKEN"},
		{"a token with umlauts", "https://kimai.example.com", "secret1ü", "TRACKER_TOKEN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := kimai.Open(settings.Values{"TRACKER_URL": tt.address, "TRACKER_TOKEN": tt.token}, "kimai", time.Now, nil)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want an error that says %q", err, tt.says)
			}
			if strings.Contains(err.Error(), "secret1") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestThePathOfTheAPIMayBeGivenOrNot(t *testing.T) {
	t.Parallel()
	server := trackertest.NewKimai(token)
	mux := http.NewServeMux()
	mux.Handle("/", server)
	mux.Handle("/time/", http.StripPrefix("/time", server))
	socket := httptest.NewServer(mux)
	t.Cleanup(socket.Close)
	for _, path := range []string{"", "/", "/api", "/api/", "/time", "/time/api"} {
		if _, err := open(t, socket.URL+path, nil).Check(t.Context()); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
	if _, err := open(t, socket.URL+"/elsewhere", nil).Check(t.Context()); fault.Of(err).Kind != fault.NotFound {
		t.Errorf("another path: got %v", err)
	}
}
