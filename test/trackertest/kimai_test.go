package trackertest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"

	"timesheets/test/trackertest"
)

// get asks for a path and gives the status, the header and the body.
func get(t *testing.T, k *trackertest.Kimai, path, token string) (int, http.Header, []byte) {
	t.Helper()
	socket := httptest.NewServer(k)
	t.Cleanup(socket.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, socket.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, body
}

// entries reads a page of entries.
func entries(t *testing.T, body []byte) (list []struct {
	ID       int             `json:"id"`
	Begin    string          `json:"begin"`
	End      *string         `json:"end"`
	Duration *int            `json:"duration"`
	User     json.RawMessage `json:"user"`
}) {
	t.Helper()
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTheStandInAnswersAsKimaiDoes(t *testing.T) {
	t.Parallel()
	k := trackertest.NewKimai("t")
	if status, _, _ := get(t, k, "/api/timesheets", "other"); status != 401 {
		t.Errorf("with another token: %d", status)
	}
	if status, _, _ := get(t, k, "/api/elsewhere", "t"); status != 404 {
		t.Errorf("on another path: %d", status)
	}
	status, header, body := get(t, k, "/api/timesheets?user=all&size=9999&page=2&orderBy=id&order=ASC", "t")
	if status != 200 || header.Get("X-Per-Page") != "500" || header.Get("X-Total-Pages") != "2" || header.Get("X-Total-Count") != "538" || len(entries(t, body)) != 38 {
		t.Errorf("the last page: %d %v, %d entries", status, header, len(entries(t, body)))
	}
	if status, _, body := get(t, k, "/api/timesheets?user=all&size=500&page=3", "t"); status != 404 || string(body) != `{"code":404,"message":"Not Found"}`+"\n" {
		t.Errorf("past the end: %d %s", status, body)
	}
	if _, _, body := get(t, k, "/api/timesheets?user=all", "t"); len(entries(t, body)) != 50 {
		t.Errorf("%d entries without a size", len(entries(t, body)))
	}
	if status, _, _ := get(t, k, "/api/timesheets?user=all&begin=2026-10-01T00:00:00Z", "t"); status != 400 {
		t.Errorf("with a zone in begin: %d", status)
	}
	if _, header, _ := get(t, k, "/api/timesheets", "t"); header.Get("X-Total-Count") != "83" {
		t.Errorf("the token's user has %s entries", header.Get("X-Total-Count"))
	}
	if _, _, body := get(t, k, "/api/timesheets?user=all&active=1", "t"); len(entries(t, body)) != 1 || entries(t, body)[0].End != nil {
		t.Errorf("the timer that runs: %s", body)
	}
	_, _, body = get(t, k, "/api/timesheets?user=all&begin=2026-10-30T00:00:00&end=2026-10-30T23:59:59&full=true&active=0", "t")
	for _, e := range entries(t, body) {
		at, err := time.Parse("2006-01-02T15:04:05-0700", e.Begin)
		if err != nil || at.UTC().Format(time.DateOnly) != trackertest.Last || e.User[0] != '{' {
			t.Errorf("got %+v", e)
		}
	}
}

func TestMisdeedsComeOneARequestAndThenAllIsWell(t *testing.T) {
	t.Parallel()
	k := trackertest.NewKimai("t")
	k.Misbehave(trackertest.Status(429, "7"), nil, trackertest.LoginPage)
	for i, want := range []int{429, 200, 200, 200} {
		status, header, _ := get(t, k, "/api/timesheets?user=all&size=1", "t")
		if html := header.Get("Content-Type") != "application/json"; status != want || html != (i == 2) {
			t.Errorf("request %d: %d %v", i, status, header)
		}
	}
	if n := len(k.Asked()); n != 4 {
		t.Errorf("%d requests were noted", n)
	}
}

func TestAShiftedMonthKeepsItsWeekdaysAndHours(t *testing.T) {
	t.Parallel()
	before, after := trackertest.NewKimai("t"), trackertest.NewKimai("t")
	after.Shift(20) // into the other half of the year, where the clocks differ
	_, _, was := get(t, before, "/api/timesheets?user=all&size=500&orderBy=id&order=ASC", "t")
	_, _, is := get(t, after, "/api/timesheets?user=all&size=500&orderBy=id&order=ASC", "t")
	moved := entries(t, is)
	for i, e := range entries(t, was) {
		const layout = "2006-01-02T15:04:05-0700"
		from, err1 := time.Parse(layout, e.Begin)
		to, err2 := time.Parse(layout, moved[i].Begin)
		if err1 != nil || err2 != nil || from.Weekday() != to.Weekday() || from.Format(time.TimeOnly) != to.Format(time.TimeOnly) || from.AddDate(0, 0, 140).Format(time.DateOnly) != to.Format(time.DateOnly) {
			t.Fatalf("%s became %s", e.Begin, moved[i].Begin)
		}
	}
}

func TestTheRecordedMonthCanEndInAnyWeek(t *testing.T) {
	t.Parallel()
	last, err := time.Parse(time.DateOnly, trackertest.Last)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "now"), 0)
		moved := last.AddDate(0, 0, 7*trackertest.WeeksTo(now))
		if since := now.Sub(moved); since < 0 || since >= 7*24*time.Hour {
			t.Fatalf("at %s the month would end on %s", now.UTC(), moved)
		}
	})
}
