package timewarrior

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"timesheets/application/importing"
)

// interval is an element of an export, its members as they came. The member id
// is not read: it counts from the newest interval and changes with each.
type interval struct {
	Start      string   `json:"start"`
	End        *string  `json:"end"` // nil while the interval is open
	Tags       []string `json:"tags"`
	Annotation string   `json:"annotation"`
}

// stamp is how Timewarrior writes an instant, always in UTC.
const stamp = "20060102T150405Z"

// add writes one element of the export into page, if it lies in window.
func (t *Tracker) add(page *importing.Page, window importing.Window, value jsontext.Value) {
	var i interval
	if err := json.Unmarshal(value, &i); value.Kind() != '{' || err != nil {
		page.Unreadable = append(page.Unreadable, "Interval "+strconv.Itoa(t.cursor)+" of the export is not one that timew export prints.")
		return
	}
	row := t.row(i)
	switch {
	case !window.Contains(row.Date):
	case i.End == nil:
		page.Running++
	default:
		page.Rows = append(page.Rows, row)
	}
}

// row gives the interval as the API takes it. What is missing or wrong is left
// for the API to refuse, an interval of more than 24 hours too: on which days
// the time was worked is not for us to guess.
func (t *Tracker) row(i interval) importing.Row {
	row := importing.Row{
		ExternalID:  t.machine + "/" + i.Start,
		UserID:      t.userID,
		Date:        i.Start,
		Description: i.Annotation,
		TimeZone:    t.zone.String(),
	}
	row.Project, row.Tags = t.projectOf(i.Tags)
	start, err := time.Parse(stamp, i.Start)
	if err != nil {
		return row
	}
	row.StartedAt = start.In(t.zone).Format(time.RFC3339)
	row.Date = row.StartedAt[:len("2006-01-02")]
	if i.End != nil {
		if end, err := time.Parse(stamp, *i.End); err == nil {
			row.Seconds = strconv.FormatInt(int64(end.Sub(start)/time.Second), 10)
		}
	}
	return row
}

// projectOf takes the tag that names the project out of the tags. Timewarrior
// sorts tags, so of two such tags the first in the alphabet counts, and the
// others stay tags.
func (t *Tracker) projectOf(tags []string) (project string, others []string) {
	for i, tag := range tags {
		if name, ok := strings.CutPrefix(tag, t.projectTag); ok && name != "" {
			others = append(others, tags[:i]...)
			return name, append(others, tags[i+1:]...)
		}
	}
	return t.project, tags
}
