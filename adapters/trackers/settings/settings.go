// Package settings is what an operator sets for a tracker: which settings it
// takes, what each means, and their values with every mistake reported at
// once.
package settings

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"timesheets/domain/fault"
)

// Setting is one thing that a tracker wants to know.
type Setting struct {
	Name     string   // the environment variable: "TRACKER_URL"
	Help     string   // one line for a person
	Default  string   // the value when it is not set
	Required bool     // there is no default, and it must be set
	Secret   bool     // may instead stand in the file that Name + "_FILE" names
	OneOf    []string // the values that there are; nil for any text
}

// Values are the settings of one tracker by name, defaults filled in.
type Values map[string]string

// maxSecret bounds the file of a secret, in bytes.
const maxSecret = 16 << 10

// Read takes the values of list from get, which gives "" for what is not set,
// and secrets also from files. The error names every mistake.
func Read(list []Setting, get func(name string) string, readFile func(path string) ([]byte, error)) (Values, error) {
	values := Values{}
	var mistakes []error
	for _, s := range list {
		value, wrong := s.read(get, readFile)
		if wrong != nil {
			mistakes = append(mistakes, About(s.Name, wrong))
		}
		values[s.Name] = value
	}
	return values, errors.Join(mistakes...)
}

// About says of a mistake which setting it is about, for whoever lists them: of
// one setting a list needs the first only.
func About(name string, mistake *fault.Error) *fault.Error { return mistake.With("variable", name) }

func (s Setting) read(get func(string) string, readFile func(string) ([]byte, error)) (string, *fault.Error) {
	value := get(s.Name)
	if s.Secret {
		path := get(s.Name + "_FILE")
		switch {
		case path != "" && value != "":
			return "", fault.New(fault.Invalid, "set_twice", "Set %s or %s_FILE, not both.", s.Name, s.Name)
		case path != "":
			content, err := readFile(path)
			if err != nil {
				return "", fault.Wrap(err, fault.Invalid, "unreadable_file", "The file that %s_FILE names cannot be read.", s.Name)
			}
			if len(content) > maxSecret {
				return "", fault.New(fault.Invalid, "not_a_secret", "The file that %s_FILE names is too large for a secret.", s.Name)
			}
			value = string(bytes.TrimSpace(content))
		}
	}
	switch {
	case value == "" && s.Required && s.Secret:
		return "", fault.New(fault.Invalid, "required", "Set %s or %s_FILE: %s", s.Name, s.Name, s.Help)
	case value == "" && s.Required:
		return "", fault.New(fault.Invalid, "required", "Set %s: %s", s.Name, s.Help)
	case value == "":
		value = s.Default
	}
	if s.OneOf != nil && !slices.Contains(s.OneOf, value) {
		return "", fault.New(fault.Invalid, "unknown_value", "%s is one of %s.", s.Name, strings.Join(s.OneOf, ", "))
	}
	if strings.ContainsAny(value, "\x00\r\n") {
		return "", fault.New(fault.Invalid, "not_one_line", "%s must be one line.", s.Name)
	}
	return value, nil
}
