package uploadtest

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// run is one run. Its fence is its place among all runs, from 1.
type run struct {
	id, key, state         string
	fence                  int
	source, mode, from, to string
	userIDs                []string // nil for all
	dryRun                 bool
	parts                  map[int]recordedPart
	keys                   map[string]bool // that a mirror brought
	received, deleted      int
	cursor                 string
}

type recordedPart struct {
	digest [sha256.Size]byte
	report map[string]any
}

// Run is what a test may know of a run.
type Run struct {
	ID, State, Source, Mode, From, To, Cursor string
	DryRun                                    bool
	Parts, Received, Deleted                  int
}

// Runs gives all runs, in their order.
func (a *API) Runs() []Run {
	a.mu.Lock()
	defer a.mu.Unlock()
	shown := make([]Run, len(a.runs))
	for i, r := range a.runs {
		shown[i] = Run{r.id, r.state, r.source, r.mode, r.from, r.to, r.cursor, r.dryRun, len(r.parts), r.received, r.deleted}
	}
	return shown
}

// Expire has every open run be one that was taken over.
func (a *API) Expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.runs {
		if r.state == "open" {
			r.state = "expired"
		}
	}
}

// SetCursor has the source be read so far.
func (a *API) SetCursor(source, cursor string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cursors[source] = cursor
}

func (a *API) cursor(w http.ResponseWriter, source string) {
	cursor, ok := a.cursors[source]
	if !ok {
		Problem(w, http.StatusNotFound, "not_found", "Nothing was ever imported from there.")
		return
	}
	answer(w, http.StatusOK, map[string]any{"source": source, "cursor": cursor})
}

func (a *API) start(w http.ResponseWriter, r *http.Request, body []byte) {
	var d struct {
		Source  string   `json:"source"`
		Mode    string   `json:"mode"`
		From    string   `json:"from"`
		To      string   `json:"to"`
		UserIDs []string `json:"user_ids"`
		DryRun  bool     `json:"dry_run"`
	}
	if err := json.Unmarshal(body, &d, json.RejectUnknownMembers(true)); err != nil || d.From == "" || d.To == "" {
		Problem(w, http.StatusBadRequest, "malformed_json", "This is no declaration.")
		return
	}
	key := r.Header.Get("Idempotency-Key")
	for _, other := range a.runs {
		switch {
		case other.key == key:
			answer(w, http.StatusCreated, map[string]any{"id": other.id, "fence": other.fence})
			return
		case other.source == d.Source && other.state == "open" && !other.dryRun && !d.DryRun:
			w.Header().Set("Retry-After", "60")
			Problem(w, http.StatusConflict, "import_running", "Another run of the source is live.")
			return
		}
	}
	n := len(a.runs) + 1
	begun := &run{
		id: fmt.Sprintf("01a1fa02-09c0-7000-8000-%012d", n), key: key, state: "open", fence: n,
		source: d.Source, mode: d.Mode, from: d.From, to: d.To, userIDs: d.UserIDs, dryRun: d.DryRun, parts: map[int]recordedPart{}, keys: map[string]bool{},
	}
	a.runs = append(a.runs, begun)
	answer(w, http.StatusCreated, map[string]any{"id": begun.id, "fence": begun.fence})
}

// held gives an open run that the request has the fence of, or answers why not.
func (a *API) held(w http.ResponseWriter, r *http.Request, id string) *run {
	of := a.find(id)
	switch {
	case of == nil:
		Problem(w, http.StatusNotFound, "not_found", "There is no such run.")
	case of.state != "open":
		Problem(w, http.StatusConflict, "import_not_open", "The run is "+of.state+".")
	case r.Header.Get("Import-Fence") != strconv.Itoa(of.fence):
		Problem(w, http.StatusConflict, "stale_fence", "That is not the fence of the run.")
	default:
		return of
	}
	return nil
}

func (a *API) find(id string) *run {
	for _, r := range a.runs {
		if r.id == id {
			return r
		}
	}
	return nil
}

// ofRun answers what is asked of one run.
func (a *API) ofRun(w http.ResponseWriter, r *http.Request, call Call, id string, body []byte) {
	if call == Look && a.find(id) != nil {
		a.show(w, a.find(id))
		return
	}
	of := a.held(w, r, id)
	if of == nil {
		return
	}
	switch call {
	case Renew:
		answer(w, http.StatusOK, map[string]any{"id": of.id, "fence": of.fence})
		return
	case Abort:
		of.state = "aborted"
	case Complete:
		if !a.complete(w, of, body) {
			return
		}
	case Upload, Cursor, Start, Look:
	}
	a.show(w, of)
}

func (a *API) complete(w http.ResponseWriter, of *run, body []byte) bool {
	var c struct {
		Cursor           string `json:"cursor"`
		DistinctKeys     *int   `json:"distinct_keys"`
		MaxDeleteCount   *int   `json:"max_delete_count"`
		MaxDeletePercent *int   `json:"max_delete_percent"`
		AllowEmpty       bool   `json:"allow_empty"`
	}
	if err := json.Unmarshal(body, &c, json.RejectUnknownMembers(true)); err != nil {
		Problem(w, http.StatusBadRequest, "malformed_json", "This is no completion.")
		return false
	}
	if (c.DistinctKeys == nil) == (of.mode == "mirror") || c.DistinctKeys != nil && *c.DistinctKeys != len(of.keys) {
		Problem(w, http.StatusConflict, "incomplete", "That is not how many keys came.")
		return false
	}
	of.state, of.cursor = "completed", c.Cursor
	if c.Cursor != "" && !of.dryRun {
		a.cursors[of.source] = c.Cursor
	}
	for key, text := range a.entries {
		var dated struct {
			Date   string `json:"date"`
			UserID string `json:"user_id"`
		}
		_ = json.Unmarshal([]byte(text), &dated) // it was judged
		if of.mode != "mirror" || !strings.HasPrefix(key, of.source+"/") || of.keys[key] || dated.Date < of.from || dated.Date > of.to ||
			of.userIDs != nil && !slices.Contains(of.userIDs, dated.UserID) {
			continue
		}
		of.deleted++
		if !of.dryRun {
			delete(a.entries, key)
		}
	}
	return true
}

func (a *API) show(w http.ResponseWriter, of *run) {
	answer(w, http.StatusOK, map[string]any{
		"id": of.id, "source": of.source, "mode": of.mode, "kind": "run", "state": of.state, "dry_run": of.dryRun, "created_by": "job",
		"started_at": "2026-11-02T08:00:00Z", "received": of.received, "created": 0, "updated": 0, "unchanged": 0, "deleted": of.deleted, "conflicts": 0, "rejected": 0,
	})
}
