package integration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const upload = "/v1/timesheets/upload"

func TestANewObjectIsCreatedAndItsLocationLeadsToIt(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	got := c.job.Post(t, upload, fields{
		"user_id": "ann", "date": today() + "T17:40:20.095Z", "project": "StoreZero", "hours": "7.33", "external_id": "4711", "source": "toggl",
		"source_updated_at": today() + "T18:00:00+01:00", "task": "Checkout", "description": "Pairing", "billable": false,
		"started_at": today() + "T09:00:00.123456789+01:00", "time_zone": "Europe/Berlin", "tags": []string{"b", "a"},
	}).Is(t, 201)
	e := got.Entry(t)
	if e.Date != today() || e.Seconds != 26388 || e.Hours != 7.33 || e.Billable || e.Status != "pending" || e.Approved || e.Version != 1 ||
		e.Source != "toggl" || e.ExternalID != "4711" || e.CreatedBy != "import-job" || e.ImportID != "" ||
		e.SourceUpdatedAt != today()+"T17:00:00Z" || e.StartedAt != today()+"T08:00:00.123456Z" || len(e.Tags) != 2 {
		t.Errorf("got %+v", e)
	}
	if got.Header.Get("ETag") != `"1"` {
		t.Errorf("the entity tag is %s", got.Header.Get("ETag"))
	}
	read := c.ann.Get(t, got.Header.Get("Location")).Is(t, 200)
	if diff := cmp.Diff(e, read.Entry(t)); diff != "" || read.Header.Get("ETag") != `"1"` {
		t.Errorf("at its location it is different (-created +read):\n%s", diff)
	}
}

func TestTheSameObjectAgainIsUnchangedAndAnotherRevisionUpdates(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	first := c.job.Post(t, upload, row("1")).Is(t, 201).Entry(t)
	again := c.job.Post(t, upload, row("1")).Is(t, 200)
	if diff := cmp.Diff(first, again.Entry(t)); diff != "" {
		t.Errorf("the same again (-first +again):\n%s", diff)
	}
	updated := c.job.Post(t, upload, row("1").but(fields{"hours": 2})).Is(t, 200)
	if e := updated.Entry(t); e.ID != first.ID || e.Version != 2 || e.Hours != 2 || updated.Header.Get("ETag") != `"2"` {
		t.Errorf("another revision: got %+v", e)
	}
}

func TestAnObjectWithoutAnExternalIDIsKnownByWhatItSays(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	first := c.job.Post(t, upload, row("").but(fields{"external_id": nil})).Is(t, 201).Entry(t)
	if !strings.HasPrefix(first.ExternalID, "~") || first.Source != "upload" {
		t.Errorf("the key is %s of %s", first.ExternalID, first.Source)
	}
	c.job.Post(t, upload, row("").but(fields{"external_id": nil})).Is(t, 200)
	c.job.Post(t, upload, row("").but(fields{"external_id": nil, "task": "Another"})).Is(t, 201)
	c.job.Post(t, upload, row("").but(fields{"external_id": first.ExternalID})).IsProblem(t, 422, "reserved")
}

func TestAnObjectThatIsRefusedIsAProblemThatNamesTheMember(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for _, tt := range []struct {
		name    string
		change  fields
		code    string
		pointer string
	}{
		{"no hours", fields{"hours": nil}, "required", "/hours"},
		{"too many hours", fields{"hours": 24.5}, "out_of_range", "/hours"},
		{"hours that are no number", fields{"hours": "seven"}, "not_a_number", "/hours"},
		{"hours and seconds that differ", fields{"hours": 1, "seconds": 3601}, "durations_differ", ""},
		{"no worker", fields{"user_id": nil}, "required", "/user_id"},
		{"an unknown reference", fields{"user_id": nil, "worker": fields{"source": "toggl", "id": "1"}}, "unknown_worker", "/worker"},
		{"an unknown address", fields{"user_id": nil, "worker": fields{"email": "nobody@exampleco.com"}}, "unknown_worker", "/worker"},
		{"a German date", fields{"date": "19.11.2026"}, "not_a_date", "/date"},
		{"a day that never was", fields{"date": "2026-02-29"}, "not_a_date", "/date"},
		{"too old", fields{"date": "1999-12-31"}, "date_out_of_range", "/date"},
		{"too far ahead", fields{"date": day(33)}, "date_out_of_range", "/date"},
		{"an empty project", fields{"project": ""}, "required", "/project"},
		{"too many tags", fields{"tags": strings.Split(strings.Repeat("a,", 20)+"a", ",")}, "too_many", "/tags"},
		{"NUL in a text", fields{"description": "a\x00b"}, "nul", "/description"},
		{"another type", fields{"billable": "yes"}, "wrong_type", "/billable"},
		{"a member that only the server sets", fields{"approved": true}, "unknown_member", "/approved"},
		{"a mistyped member", fields{"Project": "x"}, "unknown_member", "/Project"},
		{"a source of ours", fields{"source": "api"}, "source_reserved", "/source"},
		{"a source that is no name", fields{"source": "To ggl"}, "not_a_source", "/source"},
		{"a stamp without a zone", fields{"source_updated_at": today() + "T09:00:00"}, "not_a_timestamp", "/source_updated_at"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := c.job.Post(t, upload, row("1").but(tt.change)).IsProblem(t, 422, tt.code)
			if tt.pointer != "" && (len(p.Errors) != 1 || p.Errors[0].Pointer != tt.pointer || p.Errors[0].Code != tt.code) {
				t.Errorf("errors are %+v, want %s at %s", p.Errors, tt.code, tt.pointer)
			}
		})
	}
}

func TestSeveralMistakesOfAnObjectAreToldTogether(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	p := c.job.Post(t, upload, row("1").but(fields{"hours": -1, "date": "today", "approved": true})).IsProblem(t, 422, "invalid")
	if len(p.Errors) != 3 {
		t.Errorf("errors are %+v, want three", p.Errors)
	}
	if all := c.job.Get(t, "/v1/timesheets").Entries(t); len(all) != 0 {
		t.Errorf("and yet there is %+v", all)
	}
}

func TestAnObjectThatConflictsProposesACorrection(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	e := c.job.Post(t, upload, row("1")).Is(t, 201).Entry(t)
	c.bob.Put(t, "/v1/approvals/"+e.ID, nil).Is(t, 200)

	first := c.job.Post(t, upload, row("1").but(fields{"hours": 2})).IsProblem(t, 409, "entry_approved")
	if first.CorrectionID == "" {
		t.Error("a conflict without correction_id")
	}
	again := c.job.Post(t, upload, row("1").but(fields{"hours": 2})).IsProblem(t, 409, "entry_approved")
	newer := c.job.Post(t, upload, row("1").but(fields{"hours": 3})).IsProblem(t, 409, "entry_approved")
	if again.CorrectionID != first.CorrectionID || newer.CorrectionID != first.CorrectionID {
		t.Errorf("one entry has the corrections %s, %s and %s", first.CorrectionID, again.CorrectionID, newer.CorrectionID)
	}
	if now := c.ann.Get(t, "/v1/timesheets/"+e.ID).Entry(t); now.Hours != 1 || now.Status != "approved" || now.Version != 2 {
		t.Errorf("the approved entry became %+v", now)
	}
	// The source takes its change back: nothing is proposed any more, and
	// what comes next is another correction.
	c.job.Post(t, upload, row("1")).Is(t, 200)
	if next := c.job.Post(t, upload, row("1").but(fields{"hours": 2})).IsProblem(t, 409, "entry_approved"); next.CorrectionID == first.CorrectionID {
		t.Error("a correction that was obsolete is open again")
	}
}

func TestWhatPeopleChangedOrDeletedIsNotOverwrittenByAnUpload(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	e := c.job.Post(t, upload, row("edited")).Is(t, 201).Entry(t)
	c.ann.Patch(t, "/v1/timesheets/"+e.ID, fields{"hours": 1.5}).Is(t, 200)
	c.job.Post(t, upload, row("edited")).Is(t, 200) // the same revision says nothing new
	c.job.Post(t, upload, row("edited").but(fields{"hours": 3})).IsProblem(t, 409, "edited_by_hand")
	if now := c.ann.Get(t, "/v1/timesheets/"+e.ID).Entry(t); now.Hours != 1.5 {
		t.Errorf("the edited entry has %v hours", now.Hours)
	}

	gone := c.job.Post(t, upload, row("deleted")).Is(t, 201).Entry(t)
	c.ann.Delete(t, "/v1/timesheets/"+gone.ID).Is(t, 204)
	c.job.Post(t, upload, row("deleted")).Is(t, 200)
	c.job.Post(t, upload, row("deleted").but(fields{"hours": 3})).IsProblem(t, 409, "deleted_by_hand")
	c.ann.Get(t, "/v1/timesheets/"+gone.ID).IsProblem(t, 404, "not_found")
}

func TestAnOlderRevisionIsNotTaken(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	at := func(hour string, change fields) fields {
		return row("1").but(fields{"source_updated_at": today() + "T" + hour + ":00:00Z"}).but(change)
	}
	c.job.Post(t, upload, at("12", nil)).Is(t, 201)
	if e := c.job.Post(t, upload, at("11", fields{"hours": 2})).Is(t, 200).Entry(t); e.Hours != 1 || e.Version != 1 {
		t.Errorf("an older revision made it %+v", e)
	}
	if e := c.job.Post(t, upload, at("12", fields{"hours": 2})).Is(t, 200).Entry(t); e.Hours != 2 || e.Version != 2 {
		t.Errorf("a revision of the same instant made it %+v", e)
	}
	// Without a stamp the content decides, and the last known stamp stands.
	c.job.Post(t, upload, row("1").but(fields{"hours": 3})).Is(t, 200)
	if e := c.job.Post(t, upload, at("11", fields{"hours": 4})).Is(t, 200).Entry(t); e.Hours != 3 || e.SourceUpdatedAt != today()+"T12:00:00Z" {
		t.Errorf("an older revision made it %+v", e)
	}
}

func TestADryRunOfAnObjectSaysWhatWouldBeAndWritesNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.job.Post(t, upload+"?dry_run=true", row("1")).Is(t, 201)
	if all := c.job.Get(t, "/v1/timesheets").Entries(t); len(all) != 0 {
		t.Fatalf("a dry run made %+v", all)
	}
	e := c.job.Post(t, upload, row("1")).Is(t, 201).Entry(t)
	if would := c.job.Post(t, upload+"?dry_run=true", row("1").but(fields{"hours": 2})).Is(t, 200).Entry(t); would.Hours != 2 || would.ID != e.ID {
		t.Errorf("a dry run would make it %+v", would)
	}
	c.job.Post(t, upload+"?dry_run=true", row("1").but(fields{"hours": 25})).IsProblem(t, 422, "out_of_range")
	c.bob.Put(t, "/v1/approvals/"+e.ID, nil).Is(t, 200)
	if p := c.job.Post(t, upload+"?dry_run=true", row("1").but(fields{"hours": 2})).IsProblem(t, 409, "entry_approved"); p.CorrectionID != "" {
		t.Errorf("a dry run proposed the correction %s", p.CorrectionID)
	}
	if now := c.ann.Get(t, "/v1/timesheets/"+e.ID).Entry(t); now.Hours != 1 || now.Version != 2 {
		t.Errorf("dry runs made it %+v", now)
	}
}

func TestWhoIsFirstSeenInAnUploadIsAContractor(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.job.Post(t, upload, row("1")).Is(t, 201)
	c.bea.Post(t, "/v1/timesheets", work()).Is(t, 201)
	for user, kind := range map[string]string{"ann": "contractor", "bea": "employee"} {
		if w := worker(t, c.bob.Get(t, "/v1/workers/"+user)); w.Kind != kind || w.Version != 1 {
			t.Errorf("%s is %+v, want a %s", user, w, kind)
		}
	}
}
