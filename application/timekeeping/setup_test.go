package timekeeping_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/timekeeping"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// plain lets values be compared by what they hold.
var plain = cmp.AllowUnexported(timesheet.Day{}, timesheet.Duration{})

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

func hours(decimal string) func(*timesheet.Content) {
	return func(c *timesheet.Content) { c.Duration = fixture.Hours(decimal) }
}

func project(name string) func(*timesheet.Content) {
	return func(c *timesheet.Content) { c.Project = name }
}

// change is an edit for Amend.
func change(edits ...func(*timesheet.Content)) func(timesheet.Content) (timesheet.Content, error) {
	return func(c timesheet.Content) (timesheet.Content, error) {
		for _, edit := range edits {
			edit(&c)
		}
		return c, nil
	}
}

// record makes an entry as the person whose it is.
func record(t *testing.T, o *office.Office, c timesheet.Content) timesheet.Entry {
	t.Helper()
	entry, err := o.Recorder.Record(t.Context(), fixture.Person(c.UserID), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

// get gives an entry from the database, tombstones included.
func get(t *testing.T, o *office.Office, id timesheet.ID) timesheet.Snapshot {
	t.Helper()
	entry, err := o.Entries.Get(t.Context(), identity.DefaultOrganization, id)
	if err != nil {
		t.Fatal(err)
	}
	return entry.Snapshot()
}

// version expects a version as If-Match does.
func version(want int) timekeeping.Expect {
	return func(got int) error {
		if got != want {
			return fault.New(fault.Stale, "stale_version", "It is version %d.", got)
		}
		return nil
	}
}

// robot is a machine that may do what people may.
func robot() identity.Principal {
	return fixture.Machine(identity.ReadTimesheets, identity.CreateTimesheets, identity.DeleteTimesheets)
}
