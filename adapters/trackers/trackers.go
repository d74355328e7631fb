// Package trackers knows which trackers the import job can read, what each of
// them needs to be told, and how to open one by its name.
package trackers

import (
	"io"
	"net/http"
	"strings"
	"time"

	"timesheets/adapters/trackers/kimai"
	"timesheets/adapters/trackers/settings"
	"timesheets/adapters/trackers/timewarrior"
	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// Kind is a sort of tracker.
type Kind struct {
	Name     string // the value of TRACKER, and the source of its entries unless another is set
	Help     string // one line for a person
	Settings []settings.Setting
	open     func(settings.Values, Surroundings) (importing.Tracker, error)
}

// Surroundings are what an opened tracker takes from the program around it.
type Surroundings struct {
	Source string // the name that the entries carry
	Stdin  io.Reader
	Now    func() time.Time
	// Observe surrounds every request to a tracker; nil for nobody.
	Observe func(http.RoundTripper) http.RoundTripper
}

// Open gives the tracker that values describe, without asking it anything yet.
func (k Kind) Open(values settings.Values, around Surroundings) (importing.Tracker, error) {
	return k.open(values, around)
}

// Kinds are all trackers, in the order of the alphabet.
func Kinds() []Kind {
	return []Kind{
		{"kimai", kimai.Help, kimai.Settings(), func(v settings.Values, around Surroundings) (importing.Tracker, error) {
			return orNil(kimai.Open(v, around.Source, around.Now, around.Observe))
		}},
		{"timewarrior", timewarrior.Help, timewarrior.Settings(), func(v settings.Values, around Surroundings) (importing.Tracker, error) {
			return orNil(timewarrior.Open(v, around.Stdin))
		}},
	}
}

// orNil makes a nil pointer a nil interface.
func orNil[T importing.Tracker](tracker T, err error) (importing.Tracker, error) {
	if err != nil {
		return nil, err
	}
	return tracker, nil
}

// ByName gives the kind that TRACKER names.
func ByName(name string) (Kind, error) {
	var names []string
	for _, k := range Kinds() {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return Kind{}, fault.New(fault.Invalid, "unknown_tracker", "TRACKER is one of %s.", strings.Join(names, ", "))
}
