package httpapi

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
)

// Nearly every row of nearly every upload is an object of texts and numbers
// with nothing wrong in it. plain reads those in one pass, several times as
// fast as readRow. Whatever else it meets, and whatever it is not sure of, it
// leaves alone: then readRow reads the row from its start and says what is
// wrong with it. So plain need not know a single error, and must take nothing
// that readRow would not, nor take it for anything else.
type plain struct {
	in      []byte
	at      int // of the next byte of in
	texts   *texts
	unquote []byte // used again and again
}

// rows reads a body that is an array of at most MaxRows rows. ok is false for
// any other, which strictRows then reads, or says why it cannot be read.
func (p *plain) rows() (rows []intake.Row, ok bool) {
	if !p.next('[') {
		return nil, false
	}
	for ends := p.next(']'); !ends; ends = p.next(']') {
		if rows != nil && !p.next(',') || len(rows) == intake.MaxRows {
			return nil, false
		}
		p.skip()
		var row intake.Row
		from := p.at
		if !p.row(&row) {
			length, ok := valueLength(p.in[from:])
			if !ok {
				return nil, false
			}
			p.at = from + length
			row = readRow(p.in[from:p.at])
		}
		if rows == nil { // rows resemble each other: the first tells how many there are, about
			rows = make([]intake.Row, 0, min(5*len(p.in)/(4*(p.at-from))+1, intake.MaxRows))
		}
		rows = append(rows, row)
	}
	p.skip()
	return rows, p.at == len(p.in)
}

// valueLength is how long the JSON value is that in begins with. ok is false
// when there is none, or one that may be too deep to stand in an array.
func valueLength(in []byte) (length int, ok bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(in), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	value, err := dec.ReadValue()
	return len(value), err == nil && !tooDeep(value)
}

// row reads a row into the zero Row. When it cannot, it leaves half a row.
func (p *plain) row(row *intake.Row) bool {
	from := p.at
	m := plainMembers{row: row}
	row.Content.Billable = true
	if !p.object(func(name []byte) bool { return p.member(memberOf(string(name)), &m) }) || !m.agree() {
		return false
	}
	row.Text = p.in[from:p.at]
	return len(row.Text) <= maxBody
}

// plainMembers is what was read of a row beside the row itself.
type plainMembers struct {
	row             *intake.Row
	given           member
	inHours, inSecs timesheet.Duration
}

// agree settles the duration, and is false when members contradict each other
// or one is missing that readRow asks for.
func (m *plainMembers) agree() bool {
	none := timesheet.Duration{}
	m.row.Content.Duration = m.inHours
	if m.inHours == none {
		m.row.Content.Duration = m.inSecs
	}
	return m.row.Content.Duration != none && (m.inSecs == none || m.inSecs == m.row.Content.Duration) &&
		m.given&(givenUserID|givenWorker) != givenUserID|givenWorker
}

// member reads the value of a member that was not given before.
func (p *plain) member(is member, m *plainMembers) bool {
	if m.given&is != 0 {
		return false
	}
	m.given |= is
	row, c := m.row, &m.row.Content
	var err error
	switch is {
	case givenUserID:
		ok := p.text(&c.UserID)
		row.WrittenUserID = c.UserID
		return ok
	case givenProject:
		return p.text(&c.Project)
	case givenTask:
		return p.text(&c.Task)
	case givenDescription:
		return p.text(&c.Description)
	case givenTimeZone:
		return p.text(&c.TimeZone) && c.TimeZone != ""
	case givenDate:
		if p.text(&row.WrittenDate) {
			c.Day, err = timesheet.ParseDay(row.WrittenDate)
			return err == nil
		}
	case givenHours:
		written := p.number()
		if len(written) == 0 {
			written, _ = p.string()
		}
		m.inHours, err = timesheet.DurationFromHours(string(written))
		return err == nil
	case givenSeconds:
		return p.seconds(&m.inSecs)
	case givenBillable:
		c.Billable = p.literal("true")
		return c.Billable || p.literal("false")
	case givenStartedAt:
		return p.instant(&c.StartedAt)
	case givenTags:
		return p.tags(&c.Tags)
	case givenSource:
		return p.text(&row.Source) && timesheet.CheckUploadSource(row.Source) == nil
	case givenExternalID:
		b, ok := p.string()
		row.ExternalID = p.texts.once(b)
		return ok && timesheet.CheckExternalID(row.ExternalID) == nil
	case givenSourceUpdatedAt:
		return p.instant(&row.SourceUpdatedAt)
	case givenWorker:
		return p.worker(row)
	}
	return false
}

// object reads an object, and lets member read each value.
func (p *plain) object(member func(name []byte) bool) bool {
	if !p.next('{') {
		return false
	}
	for first := true; !p.next('}'); first = false {
		if !first && !p.next(',') {
			return false
		}
		name, ok := p.string()
		if !ok || !p.next(':') || !member(name) {
			return false
		}
	}
	return true
}

func (p *plain) text(into *string) bool {
	b, ok := p.string()
	*into = p.texts.again(b)
	return ok
}

func (p *plain) instant(into *time.Time) bool {
	b, ok := p.string()
	if !ok {
		return false
	}
	t, err := timesheet.ParseInstant(string(b))
	*into = t.UTC().Truncate(time.Microsecond)
	return err == nil
}

// seconds reads a number that is written as most write one.
func (p *plain) seconds(into *timesheet.Duration) bool {
	written := p.number()
	if len(written) == 0 || written[0] < '1' || written[0] > '9' {
		return false
	}
	n, err := strconv.ParseInt(string(written), 10, 64)
	if err == nil {
		*into, err = timesheet.DurationFromSeconds(n)
	}
	return err == nil
}

func (p *plain) tags(into *[]string) bool {
	if !p.next('[') {
		return false
	}
	tags := make([]string, 0, 4)
	for ends := p.next(']'); !ends; ends = p.next(']') {
		if len(tags) > 0 && !p.next(',') {
			return false
		}
		var tag string
		if !p.text(&tag) {
			return false
		}
		tags = append(tags, tag)
	}
	*into = tags
	return true
}

func (p *plain) worker(row *intake.Row) bool {
	var ref intake.WorkerRef
	if !p.object(func(name []byte) bool {
		into := &ref.Email
		switch string(name) {
		case "source":
			into = &ref.Source
		case "id":
			into = &ref.ID
		case "email":
		default:
			return false
		}
		return *into == "" && p.text(into) && *into != ""
	}) {
		return false
	}
	row.Worker = &ref
	return ref.Email == "" && ref.Source != "" && ref.ID != "" || ref.Email != "" && ref.Source == "" && ref.ID == ""
}

// skip passes over white space.
func (p *plain) skip() {
	for p.at < len(p.in) && (p.in[p.at] == ' ' || p.in[p.at] == '\n' || p.in[p.at] == '\r' || p.in[p.at] == '\t') {
		p.at++
	}
}

// next passes over white space, and over b if it follows.
func (p *plain) next(b byte) bool {
	p.skip()
	if p.at < len(p.in) && p.in[p.at] == b {
		p.at++
		return true
	}
	return false
}

// literal passes over white space, and over word if it follows.
func (p *plain) literal(word string) bool {
	p.skip()
	if bytes.HasPrefix(p.in[p.at:], []byte(word)) {
		p.at += len(word)
		return true
	}
	return false
}

// number passes over all that a number may consist of; whether it is one is
// for others to say.
func (p *plain) number() []byte {
	p.skip()
	from := p.at
	for p.at < len(p.in) {
		if b := p.in[p.at]; (b < '0' || b > '9') && b != '.' && b != '-' && b != '+' && b != 'e' && b != 'E' {
			break
		}
		p.at++
	}
	return p.in[from:p.at]
}

// string gives what a string says, valid until the next one is read.
func (p *plain) string() ([]byte, bool) {
	if !p.next('"') {
		return nil, false
	}
	from, ascii := p.at, true
	for ; p.at < len(p.in); p.at++ {
		switch b := p.in[p.at]; {
		case b == '"':
			said := p.in[from:p.at]
			p.at++
			return said, ascii || utf8.Valid(said)
		case b == '\\':
			return p.escaped(from)
		case b < ' ':
			return nil, false
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

// escaped gives what a string says that began at from and has an escape where
// p stands.
func (p *plain) escaped(from int) ([]byte, bool) {
	for ; p.at < len(p.in); p.at++ {
		switch p.in[p.at] {
		case '\\':
			p.at++
		case '"':
			p.at++
			var err error
			p.unquote, err = jsontext.AppendUnquote(p.unquote[:0], p.in[from-1:p.at])
			return p.unquote, err == nil
		}
	}
	return nil, false
}
