package kimai

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"timesheets/adapters/trackers/fetch"
	"timesheets/adapters/trackers/settings"
	"timesheets/domain/fault"
)

// Help says in one line what Open gives.
const Help = "a Kimai server, all users that the token may see"

// The values of TRACKER_USER_ID.
const (
	byEmail     = "email"
	byUsername  = "username"
	byID        = "id"
	byAccount   = "account_number"
	byReference = "reference"
)

// The values of TRACKER_PROJECT_NAME.
const (
	projectAlone    = "project"
	customerProject = "customer/project"
)

// Settings are what Open needs.
func Settings() []settings.Setting {
	return []settings.Setting{
		{Name: "TRACKER_URL", Required: true, Help: "the address of Kimai, e.g. https://kimai.example.com; a path ending in /api is taken as it is"},
		{Name: "TRACKER_TOKEN", Required: true, Secret: true, Help: "an API token of a Kimai user who may see everyone's entries: permissions view_other_timesheet and, where there are teams, view_all_data. Without them Kimai gives fewer entries and says nothing"},
		{
			Name: "TRACKER_USER_ID", Default: byEmail, OneOf: []string{byEmail, byUsername, byID, byAccount, byReference},
			Help: "what of a Kimai user becomes the user_id, which makes unseen workers; or reference: send Kimai's user id, which must be mapped to a worker first",
		},
		{Name: "TRACKER_PROJECT_NAME", Default: projectAlone, OneOf: []string{projectAlone, customerProject}, Help: "how projects are named"},
	}
}

// Open gives the Kimai that values name. References to its users carry source,
// and observe surrounds every request; nil for nobody. The error names every
// mistake.
func Open(values settings.Values, source string, now func() time.Time, observe func(http.RoundTripper) http.RoundTripper) (*Tracker, error) {
	base, err := fetch.Base("TRACKER_URL", values["TRACKER_URL"])
	token := values["TRACKER_TOKEN"]
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		err = errors.Join(err, settings.About("TRACKER_TOKEN", fault.New(fault.Invalid, "not_a_token", "TRACKER_TOKEN holds characters that no token has.")))
	}
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(base.Path, "/api") {
		base.Path += "/api"
	}
	header := http.Header{"Authorization": {"Bearer " + token}}
	return &Tracker{
		client: fetch.New(base, header, now, observe),
		source: source,
		userID: values["TRACKER_USER_ID"],
		format: values["TRACKER_PROJECT_NAME"],
	}, nil
}
