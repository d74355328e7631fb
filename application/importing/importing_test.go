package importing_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"timesheets/adapters/timesheetsapi"
	"timesheets/adapters/trackers/kimai"
	"timesheets/adapters/trackers/settings"
	"timesheets/application/importing"
	"timesheets/test/trackertest"
	"timesheets/test/uploadtest"
)

// world is a tracker, an API and the job between them, on real sockets.
type world struct {
	kimai    *trackertest.Kimai
	api      *uploadtest.API
	tracker  importing.Tracker
	uploader *timesheetsapi.Uploader
	patience *patience
}

const token = "a-token-of-a-test"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{kimai: trackertest.NewKimai(token), api: uploadtest.New(token), patience: &patience{}}
	w.uploader = uploader(t, w.api)
	socket := httptest.NewServer(w.kimai)
	t.Cleanup(socket.Close)
	tracker, err := kimai.Open(settings.Values{"TRACKER_URL": socket.URL, "TRACKER_TOKEN": token, "TRACKER_USER_ID": "email"}, "kimai", w.patience.now, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.tracker = tracker
	return w
}

func uploader(t *testing.T, api http.Handler) *timesheetsapi.Uploader {
	t.Helper()
	socket := httptest.NewServer(api)
	t.Cleanup(socket.Close)
	u, err := timesheetsapi.NewUploader(timesheetsapi.Config{URL: socket.URL + "/v1", Tokens: tokens{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// tokens always gives the one token there is.
type tokens struct{}

func (tokens) Token(context.Context) (string, error) { return token, nil }
func (tokens) Invalidate(string)                     {}

// october is the window of the recorded entries.
var october = window("2026-10-01", "2026-10-31")

func window(from, to string) importing.Window {
	w, err := importing.ParseWindow(from, to)
	if err != nil {
		panic(err)
	}
	return w
}

// run imports october from the world's tracker.
func (w *world) run(ctx context.Context, options importing.Options) (importing.Summary, error) {
	options.Source = "kimai"
	return importing.New(w.tracker, w.uploader, w.uploader, w.patience.policy()).Run(ctx, october, options)
}

// mustRun is run for runs that are to finish.
func (w *world) mustRun(t *testing.T, options importing.Options) importing.Summary {
	t.Helper()
	s, err := w.run(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// patience waits no time at all, on a clock that says it did, and keeps what
// it was asked to wait.
type patience struct {
	mu      sync.Mutex
	waits   []time.Duration
	elapsed time.Duration
	beats   chan struct{} // each has a lease renewed
}

func (p *patience) policy() importing.Patience {
	return importing.Patience{
		Delays: func() func() time.Duration {
			delay := 100 * time.Millisecond
			return func() time.Duration { delay = min(2*delay, 30*time.Second); return delay }
		},
		Wait: func(ctx context.Context, d time.Duration) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.waits = append(p.waits, d)
			p.elapsed += d
			return ctx.Err()
		},
		Beat: func(ctx context.Context) error {
			select {
			case <-p.beats: // never, unless the test made the channel
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		Now: p.now,
	}
}

func (p *patience) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Add(p.elapsed)
}

// set has the clock show now.
func (p *patience) set(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.elapsed = time.Until(now)
}

func (p *patience) waited() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waits
}

// flood is a tracker of any number of entries, which holds none of them.
type flood struct {
	entries int
	page    int // entries a page
	live    bool
	text    string // the description of each
}

func (f flood) Live() bool                            { return f.live }
func (f flood) UserIDs() []string                     { return nil }
func (f flood) Check(context.Context) (string, error) { return "a flood", nil }
func (f flood) row(i int) importing.Row {
	return importing.Row{
		ExternalID: strconv.Itoa(i), UserID: fmt.Sprintf("worker-%d@example.com", i%200), Date: fmt.Sprintf("2026-10-%02d", i%28+1),
		Project: fmt.Sprintf("Project %d", i%30), Description: f.text, Seconds: strconv.Itoa(i%7200 + 1),
		StartedAt: "2026-10-19T09:00:00+02:00", TimeZone: "Europe/Berlin", Tags: []string{"tag"},
	}
}

func (f flood) Page(_ context.Context, _ importing.Window, cursor string) (importing.Page, error) {
	start, _ := strconv.Atoi(cursor)
	end := min(start+f.page, f.entries)
	page := importing.Page{Rows: make([]importing.Row, 0, end-start)}
	for i := start; i < end; i++ {
		page.Rows = append(page.Rows, f.row(i))
	}
	if end < f.entries {
		page.Next = strconv.Itoa(end)
	}
	return page, nil
}
