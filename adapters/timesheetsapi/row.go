package timesheetsapi

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"timesheets/application/importing"
)

// Encode appends row as an element of an upload. Members without a value are
// left out, but for those that identify the entry: without an external_id the
// API would make one.
func (u *Uploader) Encode(dst []byte, row importing.Row) []byte {
	o := object{dst: append(dst, '{')}
	o.text("external_id", row.ExternalID)
	if row.Worker != (importing.Worker{}) {
		o.name("worker")
		o.dst = append(o.dst, '{')
		worker := object{dst: o.dst}
		worker.text("source", row.Worker.Source)
		worker.text("id", row.Worker.ID)
		o.dst = worker.dst
		o.dst = append(o.dst, '}')
	} else {
		o.text("user_id", row.UserID)
	}
	o.text("date", row.Date)
	o.text("project", row.Project)
	o.optional("task", row.Task)
	o.optional("description", row.Description)
	if row.Billable != nil {
		o.literal("billable", map[bool]string{true: "true", false: "false"}[*row.Billable])
	}
	if isNumber(row.Seconds) {
		o.literal("seconds", row.Seconds)
	} else {
		o.optional("seconds", row.Seconds) // text is refused, and shown as it was
	}
	o.optional("started_at", row.StartedAt)
	o.optional("time_zone", row.TimeZone)
	if len(row.Tags) > 0 {
		o.name("tags")
		separator := byte('[')
		for _, tag := range row.Tags {
			o.dst = quote(append(o.dst, separator), tag)
			separator = ','
		}
		o.dst = append(o.dst, ']')
	}
	return append(o.dst, '}')
}

// object appends the members of a JSON object to dst.
type object struct {
	dst   []byte
	begun bool
}

func (o *object) name(name string) {
	if o.begun {
		o.dst = append(o.dst, ',')
	}
	o.begun = true
	o.dst = append(quote(o.dst, name), ':')
}

func (o *object) text(name, value string) {
	o.name(name)
	o.dst = quote(o.dst, value)
}

func (o *object) optional(name, value string) {
	if value != "" {
		o.text(name, value)
	}
}

func (o *object) literal(name, value string) {
	o.name(name)
	o.dst = append(o.dst, value...)
}

// quote appends s as JSON text. Rows hold valid UTF-8 only.
func quote(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// isNumber tells whether s is a JSON number and nothing else.
func isNumber(s string) bool {
	value := jsontext.Value(s)
	return value.Kind() == '0' && value.IsValid() && !strings.ContainsAny(s, " \t\r\n")
}
