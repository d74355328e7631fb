package timesheet

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// Limits of an entry's content, in characters unless said otherwise.
const (
	MaxProject     = 200
	MaxTask        = 200
	MaxDescription = 2000
	MaxTags        = 20 // tags an entry
	MaxTag         = 50
)

// Content is what an entry says: who worked on what, when and for how long.
type Content struct {
	UserID      string
	Day         Day
	Project     string
	Task        string // "" for none
	Description string // "" for none
	Billable    bool
	Duration    Duration
	StartedAt   time.Time // UTC, whole microseconds; zero when not known
	TimeZone    string    // IANA name; "" when not known
	Tags        []string  // nil for none
}

// Check gives every rule of a single entry that c breaks, by the name of the
// member. An empty answer means that c may be stored; whether the day is one
// that may be written to is for Period to say.
func (c Content) Check() []fault.Field {
	var wrong []fault.Field
	add := func(member string, err error) {
		if f := fault.Of(err); f != nil {
			wrong = append(wrong, fault.Field{Pointer: "/" + member, Code: f.Code, Text: f.Text})
		}
	}
	add("user_id", identity.CheckUserID(c.UserID))
	if c.Day.IsZero() {
		add("date", fault.New(fault.Invalid, "required", "An entry needs a date."))
	}
	if strings.TrimSpace(c.Project) == "" {
		add("project", fault.New(fault.Invalid, "required", "An entry needs a project."))
	}
	add("project", checkLength(c.Project, MaxProject))
	add("task", checkLength(c.Task, MaxTask))
	add("description", checkLength(c.Description, MaxDescription))
	if c.Duration == (Duration{}) {
		add("hours", fault.New(fault.Invalid, "required", "An entry needs hours or seconds."))
	}
	if !c.StartedAt.IsZero() && (c.StartedAt.Year() < 1 || c.StartedAt.Year() > 9999) {
		add("started_at", fault.New(fault.Invalid, "out_of_range", "The year must be between 1 and 9999."))
	}
	add("time_zone", checkZone(c.TimeZone))
	if len(c.Tags) > MaxTags {
		add("tags", fault.New(fault.Invalid, "too_many", "An entry has at most %d tags.", MaxTags))
	}
	for _, tag := range c.Tags {
		if tag == "" {
			add("tags", fault.New(fault.Invalid, "length", "A tag has 1 to %d characters.", MaxTag))
			break
		}
		if err := checkLength(tag, MaxTag); err != nil {
			add("tags", err)
			break
		}
	}
	return wrong
}

func checkLength(s string, most int) error {
	// A string of n bytes has at most n characters: most need no counting.
	if len(s) > most && utf8.RuneCountInString(s) > most {
		return fault.New(fault.Invalid, "length", "This may have at most %d characters.", most)
	}
	return checkText(s)
}

// checkZone knows the form of IANA names, not the names: the database of
// zones is data that changes and belongs to the outside.
func checkZone(zone string) error {
	if len(zone) > 64 {
		return fault.New(fault.Invalid, "length", "The name of a time zone has at most 64 characters.")
	}
	for _, r := range zone {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/_+-", r)) {
			return fault.New(fault.Invalid, "not_a_time_zone", "Name the time zone as IANA does, such as Europe/Berlin.")
		}
	}
	return nil
}

// Digest stands for a content: equal contents have equal digests, and no two
// different ones ever met do. Tags count as a set, since trackers list them
// in any order.
type Digest [16]byte

// IsZero is true for "no content".
func (d Digest) IsZero() bool { return d == Digest{} }

// Digest gives the content's digest. Its form is kept in the database for
// good: it begins with a version, so that another form cannot be mistaken.
func (c Content) Digest() Digest {
	buf := make([]byte, 0, 512)
	text := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	buf = append(buf, 1) // the version of this form
	text(c.UserID)
	buf = binary.AppendVarint(buf, int64(c.Day.Unix()))
	text(c.Project)
	text(c.Task)
	text(c.Description)
	buf = binary.AppendVarint(buf, int64(c.Duration.seconds))
	started := int64(0)
	if !c.StartedAt.IsZero() {
		buf = append(buf, 1)
		started = c.StartedAt.UnixMicro()
	}
	buf = binary.AppendVarint(buf, started)
	text(c.TimeZone)
	billable := byte(0)
	if c.Billable {
		billable = 1
	}
	buf = append(buf, billable)
	if len(c.Tags) > 0 {
		for _, tag := range slices.Compact(slices.Sorted(slices.Values(c.Tags))) {
			text(tag)
		}
	}
	sum := sha256.Sum256(buf)
	return Digest(sum[:16])
}

// Same tells whether two contents say the same.
func (c Content) Same(d Content) bool { return c.Digest() == d.Digest() }
