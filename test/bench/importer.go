package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"time"
)

// measureImporter runs the real importer over a year of a tracker with all the
// rows, and watches its memory.
func measureImporter(ctx context.Context, s *stage, o options, t *table) error {
	db, r := s.base, newRows(o.rows, 0)
	if err := db.empty(ctx); err != nil {
		return err
	}
	tracker := httptest.NewServer(kimai{r})
	defer tracker.Close()
	cmd := exec.CommandContext(ctx, filepath.Join(s.folder, "importer"), "run", "--from", r.day(0).String(), "--to", r.first.Add(days).String())
	cmd.Env = []string{
		"TIMESHEETS_API_URL=" + db.api.url + "/v1", "AUTH0_ISSUER_URL=" + s.issuer.URL(), "AUTH0_AUDIENCE=" + audience,
		"AUTH0_CLIENT_ID=import-job", "AUTH0_CLIENT_SECRET=" + s.jobSecret,
		"TRACKER=kimai", "TRACKER_URL=" + tracker.URL, "TRACKER_TOKEN=none",
	}
	var peaks figures
	for _, what := range []string{"new", "again"} {
		again := exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
		again.Env = cmd.Env
		peak, took, err := watched(again)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := db.holds(ctx, "entries", r, 0); err != nil {
			return err
		}
		peaks = append(peaks, peak)
		t.notef("The importer took %s for %d entries, %s, of a stand-in for Kimai on loopback that makes pages of 500 as they are asked for.", took.Round(time.Second/10), r.count, what)
	}
	t.most("importer's peak memory", figures{max(peaks[0], peaks[1])}, " MiB", 48, 64)
	return db.empty(ctx)
}

// watched runs a program to its end and gives the most memory it held. The
// kernel's own figure for ended children cannot be used: a new process begins
// with that of its parent.
func watched(cmd *exec.Cmd) (peak float64, took time.Duration, err error) {
	began := time.Now()
	out, err := cmd.StderrPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	said := make(chan string, 1)
	go func() {
		var last []byte
		buffer := make([]byte, 4096)
		for {
			n, err := out.Read(buffer)
			if n > 0 {
				last = append(last[:0], buffer[:n]...)
			}
			if err != nil {
				said <- string(last)
				return
			}
		}
	}()
	looking := time.NewTicker(20 * time.Millisecond)
	defer looking.Stop()
	for {
		select {
		case <-looking.C:
			if held, err := peakMemory(cmd.Process.Pid); err == nil {
				peak = max(peak, held)
			}
		case last := <-said:
			if err := cmd.Wait(); err != nil {
				return peak, 0, errors.Join(err, errors.New(last))
			}
			return peak, time.Since(began), nil
		}
	}
}

// kimai answers as Kimai does, with rows made as they are asked for, so that a
// million of them take no memory here.
type kimai struct{ rows rows }

// begin is at nine o'clock, so that rows are in the order of their begin.
func (k kimai) begin(i int) time.Time { return k.rows.day(i).Time().Add(9 * time.Hour) }

func (k kimai) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	const layout = "2006-01-02T15:04:05"
	from, to := 0, k.rows.count
	if at, err := time.Parse(layout, q.Get("begin")); err == nil {
		from = sort.Search(k.rows.count, func(i int) bool { return !k.begin(i).Before(at) })
	}
	if at, err := time.Parse(layout, q.Get("end")); err == nil {
		to = sort.Search(k.rows.count, func(i int) bool { return k.begin(i).After(at) })
	}
	size, _ := strconv.Atoi(q.Get("size"))
	page, _ := strconv.Atoi(q.Get("page"))
	size, page = max(size, 1), max(page, 1)
	first := min(from+(page-1)*size, to)
	entries := make([]map[string]any, 0, size)
	for i := first; i < min(first+size, to); i++ {
		entries = append(entries, k.entry(i))
	}
	w.Header().Set("X-Total-Count", strconv.Itoa(to-from))
	w.Header().Set("X-Total-Pages", strconv.Itoa((to-from+size-1)/size))
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(entries)
}

func (k kimai) entry(i int) map[string]any {
	const layout = "2006-01-02T15:04:05-0700"
	r, seconds := k.rows, k.rows.seconds(i)
	user := strconv.Itoa(r.user(i))
	return map[string]any{
		"id": i + 1, "begin": k.begin(i).Format(layout), "end": k.begin(i).Add(time.Duration(seconds) * time.Second).Format(layout),
		"duration": seconds, "description": r.text(i), "billable": true, "tags": []string{},
		"user":     map[string]any{"id": r.user(i) + 1, "username": "user" + user, "email": "user" + user + "@exampleco.com", "timezone": "UTC"},
		"project":  map[string]any{"name": r.project(i)},
		"activity": map[string]any{"name": r.task(i)},
	}
}
