package timesheet

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"timesheets/domain/fault"
)

// ID names an entry, a correction or an import; a UUID version 7 (RFC 9562),
// made by the application. The zero value is "none".
type ID [16]byte

// ParseID reads the form 0199e7a4-…, lower or upper case. The id of all zeros
// names nothing and is none.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
		if _, err := hex.Decode(id[:], []byte(digits)); err == nil && !id.IsZero() {
			return id, nil
		}
	}
	return ID{}, fault.New(fault.Malformed, "not_an_id", "This is not an id: ids have the form 01234567-89ab-7cde-8f01-23456789abcd.")
}

// IsZero is true for "none".
func (id ID) IsZero() bool { return id == ID{} }

// String gives the canonical lower-case form.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[:], id[:4])
	b[8] = '-'
	hex.Encode(b[9:], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:], id[10:])
	return string(b[:])
}

// The sources that the API itself gives.
const (
	// SourceAPI is for entries made by hand at POST /timesheets; no upload may
	// name it.
	SourceAPI = "api"
	// SourceUpload is for uploaded rows that name none.
	SourceUpload = "upload"
)

// Origin identifies an entry for good: the source that it came from, and the
// id that it has there.
type Origin struct {
	Source     string
	ExternalID string
}

// CheckSource is nil for the name of a source: 1 to 63 of a-z, 0-9, ".", "_"
// and "-", the first a letter or digit.
func CheckSource(source string) error {
	if isSource(source) {
		return nil
	}
	return fault.New(fault.Invalid, "not_a_source", "A source is 1 to 63 characters of a-z, 0-9, dot, underscore and hyphen, and begins with a letter or a digit.")
}

func isSource(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 63
}

// CheckUploadSource is CheckSource for sources that clients may upload to.
func CheckUploadSource(source string) error {
	if source == SourceAPI {
		return fault.New(fault.Invalid, "source_reserved", "The source %q is reserved for entries made at POST /timesheets.", SourceAPI)
	}
	return CheckSource(source)
}

// MadePrefix begins every external id that the server makes for rows that
// have none; clients may not use it.
const MadePrefix = "~"

// CheckExternalID is nil for 1 to 255 characters that do not begin with "~".
func CheckExternalID(id string) error {
	if id == "" || utf8.RuneCountInString(id) > 255 {
		return fault.New(fault.Invalid, "length", "An external_id has 1 to 255 characters.")
	}
	if id[:1] == MadePrefix {
		return fault.New(fault.Invalid, "reserved", "An external_id that begins with ~ is made by the server: leave it out instead.")
	}
	return checkText(id)
}

// checkText refuses what PostgreSQL cannot hold, or no reader can see.
func checkText(s string) error {
	if !utf8.ValidString(s) {
		return fault.New(fault.Invalid, "not_utf8", "This is not valid UTF-8.")
	}
	if strings.IndexByte(s, 0) >= 0 {
		return fault.New(fault.Invalid, "nul", "Text may not contain the NUL character.")
	}
	return nil
}
