package timewarrior

import (
	"errors"
	"io"
	"regexp"
	"time"

	"timesheets/adapters/trackers/settings"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// Help says in one line what Open gives.
const Help = "a file that `timew export` wrote, one person's time on one machine"

// Settings are what Open needs.
func Settings() []settings.Setting {
	return []settings.Setting{
		{Name: "TRACKER_FILE", Required: true, Help: "the file that timew export wrote, or - for standard input"},
		{Name: "TRACKER_MACHINE", Required: true, Help: "a name for the machine that was tracked on, never to be changed: it is part of each entry's id"},
		{Name: "TRACKER_USER", Required: true, Help: "the user_id of the person who worked"},
		{Name: "TRACKER_TIME_ZONE", Required: true, Help: "where they worked, e.g. Europe/Berlin: it decides on which date an interval counts"},
		{Name: "TRACKER_PROJECT_TAG", Default: "project:", Help: "how a tag begins that names the project, e.g. project:website"},
		{Name: "TRACKER_DEFAULT_PROJECT", Help: "the project of intervals without such a tag; without it they are refused"},
	}
}

// machineForm leaves room for the instant within the 255 characters of an
// external id, and keeps ids readable.
var machineForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Open gives the export that values name; stdin is read for the file "-". The
// error names every mistake.
func Open(values settings.Values, stdin io.Reader) (*Tracker, error) {
	var mistakes []error
	mistake := func(name, code, format string, args ...any) {
		mistakes = append(mistakes, settings.About(name, fault.New(fault.Invalid, code, format, args...)))
	}
	machine := values["TRACKER_MACHINE"]
	if !machineForm.MatchString(machine) {
		mistake("TRACKER_MACHINE", "not_a_machine", "TRACKER_MACHINE is 1 to 100 letters, digits, dots, underscores and hyphens, and begins with a letter or a digit.")
	}
	user := values["TRACKER_USER"]
	if err := identity.CheckUserID(user); err != nil {
		mistake("TRACKER_USER", "not_a_user_id", "TRACKER_USER: %s", fault.Of(err).Text)
	}
	name := values["TRACKER_TIME_ZONE"]
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		mistake("TRACKER_TIME_ZONE", "not_a_time_zone", "TRACKER_TIME_ZONE %q is no IANA time zone such as Europe/Berlin.", name)
	}
	if values["TRACKER_PROJECT_TAG"] == "" {
		mistake("TRACKER_PROJECT_TAG", "required", "TRACKER_PROJECT_TAG must not be empty: every tag would name a project.")
	}
	if mistakes != nil {
		return nil, errors.Join(mistakes...)
	}
	return &Tracker{
		path:       values["TRACKER_FILE"],
		stdin:      stdin,
		machine:    machine,
		userID:     user,
		zone:       zone,
		projectTag: values["TRACKER_PROJECT_TAG"],
		project:    values["TRACKER_DEFAULT_PROJECT"],
	}, nil
}
