package kimai

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"timesheets/application/importing"
	"timesheets/domain/timesheet"
)

// entry is a timesheet of Kimai's with full=true, its members as they came: a
// member of another type than the documented one spoils its entry only.
type entry struct {
	ID          jsontext.Value `json:"id"`
	Begin       jsontext.Value `json:"begin"`
	End         jsontext.Value `json:"end"`
	Duration    jsontext.Value `json:"duration"`
	Description jsontext.Value `json:"description"`
	Billable    jsontext.Value `json:"billable"`
	Tags        jsontext.Value `json:"tags"`
	User        jsontext.Value `json:"user"`
	Project     jsontext.Value `json:"project"`
	Activity    jsontext.Value `json:"activity"`
}

type user struct {
	ID            jsontext.Value `json:"id"`
	Username      jsontext.Value `json:"username"`
	Email         jsontext.Value `json:"email"`
	AccountNumber jsontext.Value `json:"accountNumber"`
	TimeZone      jsontext.Value `json:"timezone"`
}

type named struct {
	Name     jsontext.Value `json:"name"`
	Customer jsontext.Value `json:"customer"`
}

// add writes one element of Kimai's answer into page, if it lies in window.
func (t *Tracker) add(page *importing.Page, window importing.Window, value jsontext.Value) {
	var e entry
	if err := json.Unmarshal(value, &e); value.Kind() != '{' || err != nil {
		page.Unreadable = append(page.Unreadable, "An element of Kimai's list is no entry, or names a member twice.")
		return
	}
	row := t.row(e)
	switch {
	case !window.Contains(row.Date):
	case none(e.End):
		page.Running++
	default:
		page.Rows = append(page.Rows, row)
	}
}

// row gives the entry as the API takes it. Whatever is missing or wrong is
// left for the API to refuse.
func (t *Tracker) row(e entry) importing.Row {
	begin := text(e.Begin)
	row := importing.Row{
		ExternalID:  text(e.ID),
		Date:        begin,
		Project:     t.project(e.Project),
		Task:        text(object[named](e.Activity).Name),
		Description: text(e.Description),
		Seconds:     duration(e),
		Tags:        tags(e.Tags),
	}
	if at, ok := instant(e.Begin); ok {
		row.StartedAt = at.Format(time.RFC3339)
		row.Date = row.StartedAt[:len("2006-01-02")]
	}
	if kind := e.Billable.Kind(); kind == 't' || kind == 'f' {
		billable := kind == 't'
		row.Billable = &billable
	}
	who := object[user](e.User)
	if zone := text(who.TimeZone); zone != "" && zone != "Local" {
		if _, err := time.LoadLocation(zone); err == nil {
			row.TimeZone = zone
		}
	}
	switch t.userID {
	case byEmail:
		row.UserID = text(who.Email)
	case byUsername:
		row.UserID = text(who.Username)
	case byID:
		row.UserID = text(who.ID)
	case byAccount:
		row.UserID = text(who.AccountNumber)
	case byReference:
		row.Worker = importing.Worker{Source: t.source, ID: text(who.ID)}
	}
	return row
}

func (t *Tracker) project(value jsontext.Value) string {
	project := object[named](value)
	name := text(project.Name)
	if customer := text(object[named](project.Customer).Name); t.format == customerProject && customer != "" && name != "" {
		return customer + "/" + name
	}
	return name
}

// duration is Kimai's own, from which breaks are taken already; without one,
// the time from begin to end.
func duration(e entry) string {
	if !none(e.Duration) {
		return text(e.Duration)
	}
	begin, ok1 := instant(e.Begin)
	end, ok2 := instant(e.End)
	if !ok1 || !ok2 {
		return ""
	}
	return strconv.FormatInt(int64(end.Sub(begin)/time.Second), 10)
}

// instant reads Kimai's times, whose offset has no colon, in the zone of the
// person who worked.
func instant(value jsontext.Value) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05-0700", time.RFC3339} {
		if at, err := time.Parse(layout, text(value)); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// tags gives the texts of a list: no more than it takes for the API to refuse
// them as too many.
func tags(value jsontext.Value) []string {
	if value.Kind() != '[' {
		return nil
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(value))
	if _, err := decoder.ReadToken(); err != nil {
		return nil
	}
	names := []string{}
	for len(names) <= timesheet.MaxTags && decoder.PeekKind() != ']' {
		element, err := decoder.ReadValue()
		if err != nil {
			return nil
		}
		names = append(names, text(element))
	}
	return names
}

// object reads the object that full=true puts in the place of an id; from
// anything else it gives the zero T.
func object[T any](value jsontext.Value) T {
	var t T
	if value.Kind() != '{' || json.Unmarshal(value, &t) != nil {
		var zero T
		return zero
	}
	return t
}

// none is true for a member that is missing or null.
func none(value jsontext.Value) bool { return len(value) == 0 || value.Kind() == 'n' }

// text gives a string's text, "" for none, and for anything else its JSON.
func text(value jsontext.Value) string {
	var s string
	switch {
	case none(value):
		return ""
	case value.Kind() == '"' && json.Unmarshal(value, &s) == nil:
		return s
	}
	return strings.TrimSpace(string(value))
}
