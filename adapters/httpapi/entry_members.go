package httpapi

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// form is which members an object that says what an entry says may have.
type form uint8

const (
	formNew   form = iota // POST /timesheets
	formPatch             // PATCH /timesheets/{id}: null takes an optional member away
	formRow               // what machines send
)

// member is a set of members, one bit each.
type member uint32

const (
	givenUserID member = 1 << iota
	givenDate
	givenProject
	givenHours
	givenSeconds
	givenTask
	givenDescription
	givenBillable
	givenStartedAt
	givenTimeZone
	givenTags
	givenSource
	givenExternalID
	givenSourceUpdatedAt
	givenWorker
)

var (
	optional = givenTask | givenDescription | givenBillable | givenStartedAt | givenTimeZone | givenTags
	perRow   = givenSource | givenExternalID | givenSourceUpdatedAt | givenWorker
)

func memberOf(name string) member {
	switch name {
	case "user_id":
		return givenUserID
	case "date":
		return givenDate
	case "project":
		return givenProject
	case "hours":
		return givenHours
	case "seconds":
		return givenSeconds
	case "task":
		return givenTask
	case "description":
		return givenDescription
	case "billable":
		return givenBillable
	case "started_at":
		return givenStartedAt
	case "time_zone":
		return givenTimeZone
	case "tags":
		return givenTags
	case "source":
		return givenSource
	case "external_id":
		return givenExternalID
	case "source_updated_at":
		return givenSourceUpdatedAt
	case "worker":
		return givenWorker
	}
	return 0
}

// members is what was read of an object. What is wrong with it does not keep
// the rest from being read: a refused row is kept under its key.
type members struct {
	given   member
	row     intake.Row // Content, and what only rows have
	inHours timesheet.Duration
	inSecs  timesheet.Duration
	wrong   []fault.Field
}

// readMembers reads one object token by token. Only what does not parse is an
// error; every other mistake is in wrong, by its JSON Pointer.
func readMembers(raw []byte, f form) (members, error) {
	m := members{}
	m.row.Content.Billable = true
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
	if dec.PeekKind() != '{' {
		if err := dec.SkipValue(); err != nil {
			return m, err
		}
		m.fault("", "wrong_type", "Send a JSON object.")
		return m, atEnd(dec)
	}
	if _, err := dec.ReadToken(); err != nil {
		return m, err
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadValue()
		if err != nil {
			return m, err
		}
		key, err := nameIn(name)
		if err != nil {
			return m, err
		}
		value, err := dec.ReadValue()
		if err != nil {
			return m, err
		}
		m.read(key, value, f)
	}
	if _, err := dec.ReadToken(); err != nil {
		return m, err
	}
	m.agree()
	return m, atEnd(dec)
}

// nameIn gives the name of a member without its quotes.
func nameIn(quoted jsontext.Value) (string, error) {
	if bytes.IndexByte(quoted, '\\') < 0 { // which the decoder has read: nothing in it stands for something else
		return string(quoted[1 : len(quoted)-1]), nil
	}
	b, err := jsontext.AppendUnquote(nil, quoted)
	return string(b), err
}

// atEnd is nil when nothing but white space follows.
func atEnd(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err == nil {
		return errors.New("something follows the JSON value")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (m *members) fault(pointer, code, text string) {
	m.wrong = append(m.wrong, fault.Field{Pointer: pointer, Code: code, Text: text})
}

// refused adds err, if any, as what is wrong with the member.
func (m *members) refused(name string, err error) bool {
	if err == nil {
		return false
	}
	f := fault.Of(err)
	m.fault("/"+name, f.Code, f.Text)
	return true
}

func (m *members) read(name string, value jsontext.Value, f form) {
	is := memberOf(name)
	if is == 0 || f != formRow && is&perRow != 0 {
		m.wrong = append(m.wrong, unknownMember("/"+escapePointer(name)))
		return
	}
	if m.given&is != 0 {
		m.fault("/"+name, "duplicate_member", "A member is given twice. Give each member once.")
		if is == givenExternalID {
			m.row.ExternalID = "" // which of the two it is nobody can tell
		}
		return
	}
	m.given |= is
	if value.Kind() == 'n' && f == formPatch && is&optional != 0 {
		return // its zero value, or true for billable, is what null asks for
	}
	before := len(m.wrong)
	m.set(is, name, value)
	if f != formRow && len(m.wrong) == before {
		m.meant(is, name)
	}
}

// meant refuses what a person or program wrote and what would be kept as if they
// had left it out.
func (m *members) meant(is member, name string) {
	c := &m.row.Content
	switch {
	case is == givenUserID:
		m.refused(name, identity.CheckUserID(c.UserID))
	case is == givenStartedAt && c.StartedAt.IsZero():
		m.fault("/"+name, "out_of_range", "This is what programs write for no instant. Say when it began, or leave it out.")
	}
}

func (m *members) set(is member, name string, value jsontext.Value) {
	c := &m.row.Content
	switch is {
	case givenUserID:
		m.text(name, value, &c.UserID)
		m.row.WrittenUserID = c.UserID
	case givenProject:
		m.text(name, value, &c.Project)
	case givenTask:
		m.text(name, value, &c.Task)
	case givenDescription:
		m.text(name, value, &c.Description)
	case givenTimeZone:
		if m.text(name, value, &c.TimeZone) && c.TimeZone == "" {
			m.fault("/"+name, "length", "Name the time zone, or leave it out.")
		}
	case givenDate:
		if m.text(name, value, &m.row.WrittenDate) {
			var err error
			c.Day, err = timesheet.ParseDay(m.row.WrittenDate)
			m.refused(name, err)
		}
	case givenHours:
		m.duration(name, value, &m.inHours)
	case givenSeconds:
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			m.fault("/"+name, "wrong_type", "Give a whole number here, from 1 to 86400.")
			return
		}
		m.inSecs, err = timesheet.DurationFromSeconds(n)
		m.refused(name, err)
	case givenBillable:
		if value.Kind() != 't' && value.Kind() != 'f' {
			m.fault("/"+name, "wrong_type", "Give true or false here.")
		}
		c.Billable = value.Kind() == 't'
	case givenStartedAt:
		m.instant(name, value, &c.StartedAt)
	case givenTags:
		if json.Unmarshal(value, &c.Tags) != nil || value.Kind() != '[' {
			m.fault("/"+name, "wrong_type", "Give an array of strings here.")
		}
	case givenSource:
		if m.text(name, value, &m.row.Source) {
			m.refused(name, timesheet.CheckUploadSource(m.row.Source))
		}
	case givenExternalID:
		if !m.text(name, value, &m.row.ExternalID) || m.refused(name, timesheet.CheckExternalID(m.row.ExternalID)) {
			m.row.ExternalID = ""
		}
	case givenSourceUpdatedAt:
		m.instant(name, value, &m.row.SourceUpdatedAt)
	case givenWorker:
		m.worker(name, value)
	}
}

func (m *members) text(name string, value jsontext.Value, into *string) bool {
	if value.Kind() != '"' {
		m.fault("/"+name, "wrong_type", "Give a string here.")
		return false
	}
	if bytes.IndexByte(value, '\\') < 0 { // which the decoder has read: nothing in it stands for something else
		*into = string(value[1 : len(value)-1])
		return true
	}
	b, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		m.fault("/"+name, "wrong_type", "This string cannot be read.")
		return false
	}
	*into = string(b)
	return true
}

// duration reads hours: a number, or the same as text.
func (m *members) duration(name string, value jsontext.Value, into *timesheet.Duration) {
	decimal := string(value)
	if value.Kind() == '"' {
		if !m.text(name, value, &decimal) {
			return
		}
	} else if value.Kind() != '0' {
		m.fault("/"+name, "wrong_type", "Give a number of hours here, such as 7.5.")
		return
	}
	var err error
	*into, err = timesheet.DurationFromHours(decimal)
	m.refused(name, err)
}

func (m *members) instant(name string, value jsontext.Value, into *time.Time) {
	var text string
	if !m.text(name, value, &text) {
		return
	}
	t, err := timesheet.ParseInstant(text)
	if m.refused(name, err) {
		return
	}
	*into = t.UTC().Truncate(time.Microsecond)
}

func (m *members) worker(name string, value jsontext.Value) {
	var ref struct {
		Source string `json:"source"`
		ID     string `json:"id"`
		Email  string `json:"email"`
	}
	if err := json.Unmarshal(value, &ref, json.RejectUnknownMembers(true)); err != nil {
		m.wrong = append(m.wrong, fieldFault("/"+name, err))
		return
	}
	bySource := ref.Source != "" && ref.ID != "" && ref.Email == ""
	byEmail := ref.Email != "" && ref.Source == "" && ref.ID == ""
	if !bySource && !byEmail {
		m.fault("/"+name, "wrong_worker", `Name the worker as {"source":"…","id":"…"} or {"email":"…"}.`)
		return
	}
	m.row.Worker = &intake.WorkerRef{Source: ref.Source, ID: ref.ID, Email: ref.Email}
}

// agree settles what several members say together: hours and seconds are one
// duration, and a worker is named in one way.
func (m *members) agree() {
	c := &m.row.Content
	none := timesheet.Duration{}
	switch {
	case m.given&givenHours != 0 && m.given&givenSeconds != 0 && m.inHours != m.inSecs && m.inHours != none && m.inSecs != none:
		m.fault("/seconds", "durations_differ", "hours and seconds say different durations. Give one of them, or make them agree.")
	case m.inSecs != none:
		c.Duration = m.inSecs
	default:
		c.Duration = m.inHours
	}
	if m.given&givenUserID != 0 && m.given&givenWorker != 0 {
		m.fault("/worker", "named_twice", "Name the worker by user_id or by worker, not by both.")
	}
}
