package trackertest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Kimai answers GET /api/timesheets and GET /api/version as Kimai 2.66 does.
// It is safe for concurrent use.
type Kimai struct {
	token string

	mu         sync.Mutex
	entries    []Record // by id, ascending
	users      []Record
	projects   []Record
	activities []Record
	confined   bool        // see Confine
	largest    int         // the most entries a page
	misdeeds   []Misdeed   // what comes before a proper answer
	before     func(n int) // see Before
	asked      []string    // the query of each request for entries
}

// NewKimai gives a server with the recorded entries, which lets in who shows
// token.
func NewKimai(token string) *Kimai {
	return &Kimai{
		token:      token,
		entries:    recorded("timesheets"),
		users:      recorded("users"),
		projects:   recorded("projects"),
		activities: recorded("activities"),
		largest:    500,
	}
}

// Shift moves all entries by whole weeks, so that the recorded month can lie
// in the present.
func (k *Kimai) Shift(weeks int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, entry := range k.entries {
		name, _ := byID(k.users, entry["user"])["timezone"].(string)
		zone, err := time.LoadLocation(name)
		if err != nil {
			zone = time.UTC
		}
		k.entries[i] = shifted(entry, weeks, zone)
	}
}

// WeeksTo gives for how many weeks to shift the recorded month so that its
// last day is the last Friday before now, or now's own.
func WeeksTo(now time.Time) int {
	last, err := time.Parse(time.DateOnly, Last)
	if err != nil {
		panic(err)
	}
	const week = 7 * 24 * time.Hour
	since := now.UTC().Sub(last)
	weeks := int(since / week)
	if since < time.Duration(weeks)*week {
		weeks-- // before the recorded month; division rounds towards zero
	}
	return weeks
}

// Owner is the id of the user whom the token belongs to.
const Owner = "3"

// Confine takes the permission view_other_timesheet from the token's user, who is
// given their own entries then, whoever's were asked for.
func (k *Kimai) Confine() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.confined = true
}

// Limit makes pages smaller than Kimai's 500 entries.
func (k *Kimai) Limit(entriesAPage int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.largest = entriesAPage
}

// Before has f called before the answer to each request for entries, with its
// number from 1. f may change the entries.
func (k *Kimai) Before(f func(n int)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.before = f
}

// Asked gives the query of each request for entries so far.
func (k *Kimai) Asked() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.asked)
}

// ServeHTTP answers as Kimai does, or misbehaves as was asked for.
func (k *Kimai) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+k.token {
		problem(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	switch {
	case r.Method != http.MethodGet:
		problem(w, http.StatusMethodNotAllowed, "Method Not Allowed")
	case r.URL.Path == "/api/version":
		answer(w, Record{"version": "2.66.0", "versionId": 26600, "copyright": "Kimai 2.66.0"})
	case r.URL.Path == "/api/timesheets":
		if misdeed := k.begin(r.URL.RawQuery); misdeed != nil {
			misdeed(w, r, http.HandlerFunc(k.timesheets))
			return
		}
		k.timesheets(w, r)
	default:
		problem(w, http.StatusNotFound, "Not Found")
	}
}

// begin notes a request and gives the misdeed that it is to meet, if any.
func (k *Kimai) begin(query string) Misdeed {
	k.mu.Lock()
	k.asked = append(k.asked, query)
	n, before := len(k.asked), k.before
	var misdeed Misdeed
	if len(k.misdeeds) > 0 {
		misdeed, k.misdeeds = k.misdeeds[0], k.misdeeds[1:]
	}
	k.mu.Unlock()
	if before != nil {
		before(n)
	}
	return misdeed
}

// timesheets answers one page of entries.
func (k *Kimai) timesheets(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	q := r.URL.Query()
	matching, err := k.matching(q)
	if err != nil {
		problem(w, http.StatusBadRequest, "Validation Failed")
		return
	}
	size := min(number(q.Get("size"), 50), k.largest)
	page := number(q.Get("page"), 1)
	pages := max(1, (len(matching)+size-1)/size)
	if page > pages {
		problem(w, http.StatusNotFound, "Not Found")
		return
	}
	entries := []Record{}
	for _, entry := range matching[(page-1)*size : min(page*size, len(matching))] {
		if q.Get("full") == "true" {
			entry = k.full(entry)
		}
		entries = append(entries, entry)
	}
	w.Header().Set("X-Page", strconv.Itoa(page))
	w.Header().Set("X-Per-Page", strconv.Itoa(size))
	w.Header().Set("X-Total-Count", strconv.Itoa(len(matching)))
	w.Header().Set("X-Total-Pages", strconv.Itoa(pages))
	answer(w, entries)
}

// number reads a positive number, or gives what counts without one.
func number(text string, otherwise int) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	return otherwise
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_ = json.NewEncoder(w).Encode(value) // who no longer listens needs no answer
}

func problem(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Record{"code": status, "message": message})
}
