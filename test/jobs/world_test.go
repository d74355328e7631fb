package jobs

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
	"timesheets/test/trackertest"
)

// world is an API with a database of its own, a tracker, and what a job must
// know to bring them together.
type world struct {
	api      *apitest.API
	machine  apitest.Caller
	kimai    *trackertest.Kimai
	database string
	env      map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, nil)
}

// newWorldWith is a new world whose API has these settings.
func newWorldWith(t *testing.T, settings apitest.Settings) *world {
	t.Helper()
	w := &world{database: pgtest.Database(t), kimai: trackertest.NewKimai("token-of-kimai")}
	w.api = apitest.Start(t, w.database, settings)
	w.machine = w.api.Machine(t, "")
	socket := httptest.NewServer(w.kimai)
	t.Cleanup(socket.Close)
	w.env = map[string]string{
		"TIMESHEETS_API_URL": w.api.URL + "/v1", "AUTH0_ISSUER_URL": apitest.Issuer(t).URL(), "AUTH0_AUDIENCE": apitest.Audience,
		"AUTH0_CLIENT_ID": "cron-job", "AUTH0_CLIENT_SECRET": "of-the-cron-job",
		"TRACKER": "kimai", "TRACKER_URL": socket.URL, "TRACKER_TOKEN": "token-of-kimai",
	}
	return w
}

// start starts a job.
func (w *world) start(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, w.env, "", args...)
}

// run runs a job to its end.
func (w *world) run(t *testing.T, args ...string) outcome {
	t.Helper()
	return w.start(t, append([]string{"run"}, args...)...).end(t)
}

// through is the same world, whose jobs reach the API through a handler.
func (w *world) through(t *testing.T, handler http.Handler) *world {
	t.Helper()
	socket := httptest.NewServer(handler)
	t.Cleanup(socket.Close)
	other := *w
	other.env = maps.Clone(w.env)
	other.env["TIMESHEETS_API_URL"] = socket.URL + "/v1"
	return &other
}

// day is so many days before today, in UTC.
func day(before int) string { return time.Now().UTC().AddDate(0, 0, -before).Format(time.DateOnly) }

// fill puts n entries of a minute into the tracker, numbered from 1, with the
// same number on each of the last days, today not included.
func (w *world) fill(n, days int) {
	w.kimai.Clear()
	entries := make([]trackertest.Record, n)
	for i := range entries {
		entries[i] = trackertest.Entry(i+1, day(1+i%days))
		entries[i]["duration"] = 60
	}
	w.kimai.Add(entries...)
}

// spread puts n entries into the tracker like fill, over the months that span
// has. Each month is a part of its own of a run.
func (w *world) spread(n int) { w.fill(n, 170) }

// span is how a job is told to read what was spread.
func span() []string { return []string{"--from", day(171), "--to", day(0)} }

// held gives the seconds of every entry that the API lists, by external id.
func (w *world) held(t *testing.T) map[string]int {
	t.Helper()
	held := map[string]int{}
	for path := "/v1/timesheets?limit=500"; path != ""; {
		page := w.machine.Get(t, path).Is(t, http.StatusOK)
		for _, e := range page.Entries(t) {
			if _, twice := held[e.ExternalID]; twice {
				t.Errorf("%s is listed twice", e.ExternalID)
			}
			held[e.ExternalID] = e.Seconds
		}
		path = strings.TrimPrefix(page.Next(t), w.api.URL)
	}
	return held
}

// isAsInTheTracker fails the test unless the API has every entry of the
// tracker once, as it is there, and no other.
func (w *world) isAsInTheTracker(t *testing.T) {
	t.Helper()
	want := map[string]int{}
	for _, id := range w.kimai.IDs() {
		w.kimai.Edit(id, func(r trackertest.Record) { want[strconv.Itoa(id)] = r["duration"].(int) })
	}
	if diff := cmp.Diff(want, w.held(t)); diff != "" {
		t.Errorf("the API has not what the tracker has: %s", diff)
	}
}

// entry gives the entry with an external id.
func (w *world) entry(t *testing.T, externalID string) apitest.Entry {
	t.Helper()
	for path := "/v1/timesheets?limit=500"; path != ""; {
		page := w.machine.Get(t, path).Is(t, http.StatusOK)
		for _, e := range page.Entries(t) {
			if e.ExternalID == externalID {
				return e
			}
		}
		path = strings.TrimPrefix(page.Next(t), w.api.URL)
	}
	t.Fatalf("there is no entry %s", externalID)
	return apitest.Entry{}
}

// cursor is that of the source in the API.
func (w *world) cursor(t *testing.T) string {
	t.Helper()
	var source struct {
		Cursor string `json:"cursor"`
	}
	w.machine.Get(t, "/v1/sources/kimai").Is(t, http.StatusOK).Read(t, &source)
	return source.Cursor
}

// load is what the API has on record of an import.
type load struct {
	apitest.Import
	Kind, From, To, Cursor string
}

// record gives the API's record of an import.
func (w *world) record(t *testing.T, id string) load {
	t.Helper()
	var l load
	w.machine.Get(t, "/v1/imports/"+id).Is(t, http.StatusOK).Read(t, &l)
	return l
}

// records gives the API's records of all imports, newest first.
func (w *world) records(t *testing.T) []load {
	t.Helper()
	var l []load
	w.machine.Get(t, "/v1/imports?limit=500").Is(t, http.StatusOK).Read(t, &l)
	return l
}

// query asks the database itself for one value.
func query[T any](t *testing.T, w *world, sql string, args ...any) (value T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// order has the database's server do something.
func (w *world) order(t *testing.T, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// endLeases has every live run be unheard of for a minute, and says how many
// there were.
func (w *world) endLeases(t *testing.T) int {
	t.Helper()
	return query[int](t, w, `
		WITH ended AS (UPDATE imports SET lease_until = now() - interval '1 second' WHERE state = 'open' AND lease_until > now() RETURNING 1)
		SELECT count(*) FROM ended`)
}
