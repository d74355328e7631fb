// Package kimai reads the time entries of a Kimai server (2.x) through its
// JSON API.
//
// Entries come in pages ordered by id, so that new ones appear at the end and
// never push others from page to page. Kimai tells neither when an entry was
// changed nor that one was deleted: every run reads its days anew.
package kimai

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"timesheets/adapters/trackers/fetch"
	"timesheets/adapters/trackers/jsonlist"
	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// pageSize is the most entries that Kimai gives at once; it silently gives no
// more to those who ask for more.
const pageSize = 500

// Tracker is one Kimai server, as the user sees it whose token is used.
type Tracker struct {
	client *fetch.Client
	source string
	userID string // one of the values of TRACKER_USER_ID
	format string // one of the values of TRACKER_PROJECT_NAME
}

var _ importing.Tracker = (*Tracker)(nil)

// Live is true: people track time while it is read.
func (*Tracker) Live() bool { return true }

// UserIDs is nil: whoever works there may be seen.
func (*Tracker) UserIDs() []string { return nil }

// Page gives the entries of up to pageSize ids; the cursor is the number of a
// page, from 2.
func (t *Tracker) Page(ctx context.Context, window importing.Window, cursor string) (importing.Page, error) {
	number := 1
	if cursor != "" {
		n, err := strconv.Atoi(cursor)
		if err != nil || n < 2 {
			return importing.Page{}, fault.New(fault.Internal, "bad_cursor", "%q is no page of Kimai's.", cursor)
		}
		number = n
	}
	answer, err := t.client.Get(ctx, "/timesheets", query(window, number))
	if number > 1 && errors.Is(err, fault.NotFound) {
		// Kimai answers 404 past the last page: there were more a moment ago.
		return importing.Page{Moved: true}, nil
	}
	if err != nil {
		return importing.Page{}, err
	}
	defer answer.Body.Close()
	var page importing.Page
	entries := 0
	for value, err := range jsonlist.Elements(answer.Body) {
		if err != nil {
			return importing.Page{}, fault.Wrap(err, fault.Unavailable, "tracker_garbage", "Page %d of Kimai's answer for %s cannot be read.", number, window)
		}
		if entries++; entries > pageSize {
			return importing.Page{}, fault.New(fault.Unavailable, "tracker_garbage", "Kimai was asked for %d entries and answers with more.", pageSize)
		}
		t.add(&page, window, value)
	}
	page.Total, _ = strconv.Atoi(answer.Header.Get("X-Total-Count"))
	page.Entries = entries
	if more(answer.Header, number, entries) {
		if entries == 0 {
			return importing.Page{}, fault.New(fault.Unavailable, "tracker_garbage", "Page %d of Kimai's answer is empty, though more pages are promised.", number)
		}
		page.Next = strconv.Itoa(number + 1)
	}
	return page, nil
}

// more tells whether a page follows. A proxy may have dropped the header that
// says so; then a full page is followed by another.
func more(header http.Header, number, entries int) bool {
	pages, err := strconv.Atoi(header.Get("X-Total-Pages"))
	if err != nil {
		return entries == pageSize
	}
	return number < pages
}

// spread is the most by which the clocks of two time zones differ, UTC-12 to
// UTC+14. Kimai takes begin and end in the zone of the token's user, while an
// entry's date is that of the person who worked.
const spread = 26 * time.Hour

func query(window importing.Window, page int) url.Values {
	q := url.Values{
		"user":    {"all"},
		"active":  {"0"}, // leave out running timers
		"full":    {"true"},
		"orderBy": {"id"},
		"order":   {"ASC"},
		"size":    {strconv.Itoa(pageSize)},
		"page":    {strconv.Itoa(page)},
	}
	if !window.IsZero() {
		const layout = "2006-01-02T15:04:05" // Kimai refuses a zone here
		q.Set("begin", window.From.Time().Add(-spread).Format(layout))
		q.Set("end", window.To.Add(1).Time().Add(spread-time.Second).Format(layout))
	}
	return q
}

// Check asks Kimai which version it is, and how many entries the token's user
// may see. Kimai keeps quiet about those that the user may not: asked for
// everybody's entries, it gives the user's own.
func (t *Tracker) Check(ctx context.Context) (string, error) {
	answer, err := t.client.Get(ctx, "/version", nil)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var about struct {
		Version string `json:"version"`
	}
	if err := json.UnmarshalRead(answer.Body, &about); err != nil || about.Version == "" || len(about.Version) > 40 {
		return "", fault.New(fault.NotFound, "not_kimai", "What answers there does not say which version of Kimai it is. Check TRACKER_URL.")
	}
	of := query(importing.Window{}, 1)
	of.Set("size", "1")
	everybodys, err := t.count(ctx, of)
	if err != nil {
		return "", err
	}
	if everybodys == unknown {
		return fmt.Sprintf("Kimai %q, entries can be read", about.Version), nil
	}
	of.Del("user")
	own, err := t.count(ctx, of)
	if err != nil {
		return "", err
	}
	if own == everybodys {
		return fmt.Sprintf("Kimai %q, %d entries can be read, none of anybody but the token's user: others' need the permissions view_other_timesheet and, "+
			"where there are teams, view_all_data", about.Version, everybodys), nil
	}
	return fmt.Sprintf("Kimai %q, %d entries can be read", about.Version, everybodys), nil
}

// unknown is how many entries there are when Kimai, or a proxy, does not say.
const unknown = -1

// count gives how many entries Kimai has for a query.
func (t *Tracker) count(ctx context.Context, of url.Values) (int, error) {
	entries, err := t.client.Get(ctx, "/timesheets", of)
	if err != nil {
		return unknown, err
	}
	defer entries.Body.Close()
	if n, err := strconv.Atoi(entries.Header.Get("X-Total-Count")); err == nil {
		return n, nil
	}
	return unknown, nil
}
