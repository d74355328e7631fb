// Package integration proves what the API promises through the program itself:
// every test talks HTTP to a running API over a real PostgreSQL, with tokens
// of a real issuer, and every answer is held against the OpenAPI document.
package integration

import (
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

func TestMain(m *testing.M) { os.Exit(apitest.Main(m)) }

// closedBefore is the first day that is open in the API that tests share.
const closedBefore = "2020-01-01"

// shared is one API for all tests that need nothing special. Each has an
// organisation of its own in it, so that none sees what another does.
var shared = apitest.Shared(func(binary testing.TB) *apitest.API {
	return apitest.Start(binary, pgtest.Database(binary), apitest.Settings{
		"AUTH0_ORGANIZATIONS": "required",
		"LOCK_BEFORE":         closedBefore,
		"CORS_ORIGINS":        "https://timesheets.exampleco.com, http://localhost:4200",
	})
})

// org is an organisation that nothing else has, also when the test runs again.
func org(t *testing.T) string {
	t.Helper()
	return "org_" + strings.NewReplacer("/", "_", " ", "_").Replace(t.Name()) + "_" + rand.Text()[:8]
}

// company is an organisation of the shared API, and who is in it.
type company struct {
	api       *apitest.API
	org       string
	job       apitest.Caller // a machine
	ann, bea  apitest.Caller // who log their time
	bob, carl apitest.Caller // who approve
}

// newCompany gives the test an organisation of its own.
func newCompany(t *testing.T) company {
	t.Helper()
	api, org := shared(t), org(t)
	return company{
		api: api, org: org, job: api.Machine(t, org),
		ann: api.Person(t, "ann", org), bea: api.Person(t, "bea", org),
		bob: api.Approver(t, "bob", org), carl: api.Approver(t, "carl", org),
	}
}

// fields is a JSON object.
type fields map[string]any

// but is f with other members, and without those that are nil.
func (f fields) but(changes fields) fields {
	changed := maps.Clone(f)
	maps.Copy(changed, changes)
	maps.DeleteFunc(changed, func(_ string, value any) bool { return value == nil })
	return changed
}

// today is the day of the test, in UTC, as the API counts days.
func today() string { return day(0) }

// day is so many days after today.
func day(after int) string { return time.Now().UTC().AddDate(0, 0, after).Format(time.DateOnly) }

// weekOf is the ISO 8601 week of a day.
func weekOf(day string) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	year, week := at.ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, week)
}

// work is an hour of somebody's today, as people send it.
func work() fields { return fields{"date": today(), "project": "StoreZero", "hours": 1} }

// row is an hour of ann's today, as machines send it.
func row(externalID string) fields {
	return work().but(fields{"user_id": "ann", "external_id": externalID})
}
