package reporting_test

import (
	"testing"

	"timesheets/adapters/postgres"
	"timesheets/application/reporting"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// accounts is an office, and who reports on it.
type accounts struct {
	*office.Office
	feed     *reporting.Feed
	reporter *reporting.Reporter
}

func open(t *testing.T, s office.Settings) accounts {
	t.Helper()
	return accountsOf(office.Open(t, s), identity.UserIDsBy(s.UserIDs))
}

func accountsOf(o *office.Office, ids identity.UserIDs) accounts {
	books := postgres.NewBooks(o.Pool)
	return accounts{o, reporting.NewFeed(books), reporting.NewReporter(books, ids)}
}

// robot is a machine that may do what people may.
func robot() identity.Principal {
	return fixture.Machine(identity.ReadTimesheets, identity.CreateTimesheets, identity.DeleteTimesheets)
}

// codeOf is the code of a fault, "" for none; of one that names members the
// first member and its code.
func codeOf(err error) string {
	f := fault.Of(err)
	switch {
	case f == nil:
		return ""
	case len(f.Fields) > 0:
		return f.Fields[0].Pointer + " " + f.Fields[0].Code
	}
	return f.Code
}

// content is the fixture's, changed.
func content(edits ...func(*timesheet.Content)) timesheet.Content {
	c := fixture.Content()
	for _, edit := range edits {
		edit(&c)
	}
	return c
}

func of(userID string) func(*timesheet.Content) {
	return func(c *timesheet.Content) { c.UserID = userID }
}

func on(day string) func(*timesheet.Content) {
	return func(c *timesheet.Content) { c.Day = fixture.Day(day) }
}

func seconds(n int64) func(*timesheet.Content) {
	return func(c *timesheet.Content) { c.Duration = fixture.Seconds(n) }
}

func project(name string) func(*timesheet.Content) {
	return func(c *timesheet.Content) { c.Project = name }
}

// record makes an entry as the person whose it is.
func (a accounts) record(t *testing.T, c timesheet.Content) timesheet.Entry {
	t.Helper()
	entry, err := a.Recorder.Record(t.Context(), fixture.Person(c.UserID), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}
