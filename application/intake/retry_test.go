package intake_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"timesheets/adapters/httpapi"
	"timesheets/application/directory"
	"timesheets/application/intake"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// read gives a row as it is read from its text: what is kept of it, and
// judged again, is that text.
func read(format string, args ...any) intake.Row {
	return httpapi.ReadRow(fmt.Appendf(nil, format, args...))
}

// byTracker is an hour of the worker whom the tracker calls so.
func byTracker(key, id string, day int) intake.Row {
	return read(`{"external_id":%q,"worker":{"source":"kimai","id":%q},"date":"2026-11-%02d","project":"Website","hours":1}`, key, id, day)
}

// knows gives a worker the identity in the tracker.
func knows(t *testing.T, o *office.Office, user, id string) {
	t.Helper()
	if _, _, err := o.Directory.Put(t.Context(), fixture.Approver("bob"), user, directory.Profile{
		Kind: worker.Employee, Identities: []worker.Identity{{Source: "kimai", ID: id}},
	}, nil); err != nil {
		t.Fatal(err)
	}
}

func retrier(o *office.Office) *intake.Retrier { return intake.NewRetrier(o.Receiver, httpapi.ReadRow) }

// retry judges kept rows of Source again.
func retry(t *testing.T, o *office.Office, code string) intake.Report {
	t.Helper()
	r, err := retrier(o).Retry(t.Context(), fixture.Job(), office.Source, code)
	if err != nil {
		t.Fatal(err)
	}
	office.Balanced(t, r)
	return r
}

// told shows a report's rows with their keys.
func told(r intake.Report) string {
	outcomes := strings.Fields(office.Outcomes(r))
	for i := range outcomes {
		outcomes[i] = r.Results[i].ExternalID + "=" + outcomes[i]
	}
	return strings.Join(outcomes, " ")
}

func TestOnceAWorkerIsMappedTheKeptRowsAreTaken(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	complete(t, o, begin(t, o), cursor("earned"))
	o.Receive(t, byTracker("1", "42", 2), byTracker("2", "43", 3), office.Row("bad", office.Project("")))
	run := begin(t, o)
	bring(t, o, run, 1, byTracker("3", "42", 4))
	complete(t, o, run)
	if got := told(retry(t, o, "")); got != "1=rejected:unknown_worker! 2=rejected:unknown_worker! bad=rejected:required! 3=rejected:unknown_worker!" {
		t.Errorf("before anybody is mapped: %s", got)
	}
	knows(t, o, "ann", "42")
	r := retry(t, o, "unknown_worker")
	if got := told(r); got != "1=created 2=rejected:unknown_worker! 3=created" {
		t.Fatalf("got %s", got)
	}
	for i, day := range map[int]string{0: "2026-11-02", 2: "2026-11-04"} {
		s := o.Held(t, r.Results[i].ExternalID).Snapshot()
		if s.ID != r.Results[i].ID || s.Content.UserID != "ann" || s.Content.Day.String() != day || s.ImportID != r.ImportID || s.CreatedBy != "import-job" {
			t.Errorf("%+v", s)
		}
	}
	got := look(t, o, r.ImportID)
	if got.Kind != intake.KindRetry || got.State != intake.Completed || got.Source != office.Source || got.Counts != r.Counts || got.Cursor != "" || got.Fence != 0 {
		t.Errorf("the import is %+v", got)
	}
	if rows := kept(t, o, r.ImportID); len(rows) != 1 || rows[0].ExternalID != "2" || !rows[0].Known || len(rows[0].Text) == 0 {
		t.Errorf("kept are %+v", rows)
	}
	if s := sourceOf(t, o, office.Source); s.Cursor != "earned" || s.Last.ID != run.ID {
		t.Errorf("the source is at %q, its last import is %s", s.Cursor, s.Last.ID)
	}
	if got := told(retry(t, o, "unknown_worker")); got != "2=rejected:unknown_worker!" {
		t.Errorf("once more: %s", got)
	}
}

func TestARetryKeepsTheKeysThatTheServerMade(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	// The second of two equal rows: its key hangs on the first.
	row := func(hours int) intake.Row {
		return read(`{"worker":{"source":"kimai","id":"42"},"date":"2026-11-02","project":"Website","hours":%d}`, hours)
	}
	refused := o.Receive(t, row(1), row(1), row(2))
	knows(t, o, "ann", "42")
	r := retry(t, o, "")
	if office.Outcomes(r) != "created created created" {
		t.Fatalf("got %s", told(r))
	}
	keys := map[string]bool{}
	for i := range r.Results {
		keys[refused.Results[i].ExternalID] = true
		if !strings.HasPrefix(r.Results[i].ExternalID, "~") || !keys[r.Results[i].ExternalID] {
			t.Errorf("%s was received as %s", r.Results[i].ExternalID, refused.Results[i].ExternalID)
		}
	}
	if got := office.Outcomes(o.Receive(t, row(1), row(1), row(2))); got != "unchanged unchanged unchanged" || len(keys) != 3 {
		t.Errorf("the request again: %s", got)
	}
}

func TestOnlyTheLastReceiptOfAKeyIsJudgedAgain(t *testing.T) {
	t.Parallel()
	full := office.Row("full", office.Of("ann"), office.On("2026-11-20"), office.Hours("24"))
	over := func(key string, hours int) intake.Row {
		return read(`{"external_id":%q,"user_id":"ann","date":"2026-11-20","project":"Website","hours":%d}`, key, hours)
	}
	elsewhere := func(key string, hours int) intake.Row {
		return read(`{"external_id":%q,"user_id":"ann","date":"2026-11-19","project":"Website","hours":%d}`, key, hours)
	}
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, o *office.Office)
		want string
		then string // hours of the entry
	}{
		{"refused again, otherwise", func(t *testing.T, o *office.Office) { o.Receive(t, over("1", 2)) }, "1=created", "2"},
		{"refused twice in one request", func(t *testing.T, o *office.Office) { o.Receive(t, over("1", 3), over("1", 2)) }, "1=created", "2"},
		{"refused by a run", func(t *testing.T, o *office.Office) { bring(t, o, begin(t, o), 1, over("1", 2)) }, "1=created", "2"},
		{"created since", func(t *testing.T, o *office.Office) { o.Receive(t, elsewhere("1", 2)) }, "", "2"},
		{"unchanged since", func(t *testing.T, o *office.Office) { o.Receive(t, elsewhere("1", 2)); o.Receive(t, elsewhere("1", 2)) }, "", "2"},
		{"created as a single object", func(t *testing.T, o *office.Office) {
			if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, elsewhere("1", 2), false); err != nil {
				t.Fatal(err)
			}
		}, "", "2"},
		{"refused as a single object, which is not kept", func(t *testing.T, o *office.Office) {
			if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, over("1", 2), false); codeOf(err) != "day_over_24h" {
				t.Fatal(err)
			}
		}, "", ""},
		{"a dry run since", func(t *testing.T, o *office.Office) {
			bring(t, o, begin(t, o, dry), 1, elsewhere("1", 2))
			if _, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: office.Source, DryRun: true, Rows: []intake.Row{over("1", 3)}}); err != nil {
				t.Fatal(err)
			}
		}, "1=created", "1"},
		{"received from another source", func(t *testing.T, o *office.Office) {
			if _, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: "toggl", Rows: []intake.Row{elsewhere("1", 2)}}); err != nil {
				t.Fatal(err)
			}
		}, "1=created", "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			o.Receive(t, full)
			if got := office.Outcomes(o.Receive(t, over("1", 1))); got != "rejected:day_over_24h" {
				t.Fatal(got)
			}
			tt.do(t, o)
			handDelete(t, o, "full")
			if got := told(retry(t, o, "")); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.then != "" {
				if got := o.Held(t, "1").Snapshot().Content.Duration.Hours(); got != tt.then {
					t.Errorf("the entry has %s hours, want %s", got, tt.then)
				}
			}
		})
	}
}

// Of two rows of a key in one request the last revision is its last receipt,
// and only when that was refused is it judged again.
func TestOfTwoRowsOfAKeyTheLaterIsTheReceipt(t *testing.T) {
	t.Parallel()
	good := func(stamp int) intake.Row {
		return read(`{"external_id":"1","user_id":"ann","date":"2026-11-19","project":"Website","hours":2,"source_updated_at":%q}`, office.Stamp(stamp).Format(time.RFC3339))
	}
	nobody := func(stamp int) intake.Row {
		return read(`{"external_id":"1","worker":{"source":"kimai","id":"42"},"date":"2026-11-19","project":"Website","hours":3,"source_updated_at":%q}`, office.Stamp(stamp).Format(time.RFC3339))
	}
	for _, tt := range []struct {
		name string
		rows []intake.Row
		want string
		then string
	}{
		{"the refused one came first", []intake.Row{nobody(1), good(1)}, "", "2"},
		{"the refused one came last", []intake.Row{good(1), nobody(1)}, "1=updated", "3"},
		{"the refused one is older, and came last", []intake.Row{good(2), nobody(1)}, "", "2"},
		{"the refused one is newer, and came first", []intake.Row{nobody(2), good(1)}, "1=updated", "3"},
	} {
		o := office.Open(t, office.Settings{})
		o.Receive(t, tt.rows...)
		knows(t, o, "ann", "42")
		if got := told(retry(t, o, "")); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if got := o.Held(t, "1").Snapshot().Content.Duration.Hours(); got != tt.then {
			t.Errorf("%s: the entry has %s hours, want %s", tt.name, got, tt.then)
		}
	}
}

func TestAMirrorWithoutItsKeyOutdatesARow(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	undated := read(`{"external_id":"undated","user_id":"ann","date":"2026-11-32","project":"Website","hours":1}`)
	tooMuch := func(key, user string, day int) intake.Row {
		return read(`{"external_id":%q,"user_id":%q,"date":"2026-11-%02d","project":"","hours":1}`, key, user, day)
	}
	o.Receive(t, byTracker("absent", "42", 10), byTracker("brought", "42", 10), byTracker("other day", "42", 13), undated, tooMuch("of ann", "ann", 10), tooMuch("of bob", "bob", 10))
	outdated := func() string {
		var keys string
		if err := o.Pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(external_id, ', ' ORDER BY external_id), '') FROM refused_keys WHERE outdated`).Scan(&keys); err != nil {
			t.Fatal(err)
		}
		return keys
	}
	sweep := func(rows []intake.Row, end string, edits ...func(*intake.Declaration)) {
		t.Helper()
		o.Clock.Forward(time.Minute)
		run := begin(t, o, append(edits, mirror)...)
		bring(t, o, run, 1, append(rows, office.Row("good"))...)
		o.Receive(t, tooMuch("meanwhile", "bob", 10))
		switch end {
		case "complete":
			complete(t, o, run)
		case "abort":
			if _, err := o.Runner.Abort(t.Context(), fixture.Job(), ref(run)); err != nil {
				t.Fatal(err)
			}
		case "guard":
			if _, err := o.Runner.Complete(t.Context(), fixture.Job(), ref(run), completion(distinct(99))); codeOf(err) != "incomplete" {
				t.Fatal(err)
			}
			endLease(t, o, run)
		}
		o.Clock.Forward(time.Minute)
	}
	sweep(nil, "abort", days("2026-11-10", "2026-11-12"))
	sweep(nil, "guard", days("2026-11-10", "2026-11-12"))
	sweep(nil, "complete", days("2026-11-10", "2026-11-12"), dry)
	sweep([]intake.Row{office.Row("", office.Unreadable("malformed_json"))}, "complete", days("2026-11-10", "2026-11-12"))
	complete(t, o, begin(t, o, days("2026-11-10", "2026-11-12")))
	if got := outdated(); got != "" {
		t.Fatalf("without a completed mirror: %s", got)
	}
	sweep([]intake.Row{byTracker("brought", "42", 10)}, "complete", days("2026-11-10", "2026-11-12"), workers("ann"))
	if got := outdated(); got != "of ann" {
		t.Errorf("a mirror of ann: %s", got)
	}
	o.Clock.Forward(time.Minute)
	run := begin(t, o, mirror, days("2026-11-10", "2026-11-12"))
	bring(t, o, run, 1, byTracker("brought", "42", 10))
	o.Clock.Forward(time.Minute)
	o.Receive(t, tooMuch("meanwhile", "bob", 10))
	complete(t, o, run)
	if got := outdated(); got != "absent, of ann, of bob" {
		t.Errorf("a mirror of all: %s", got)
	}
	knows(t, o, "ann", "42")
	if got := told(retry(t, o, "unknown_worker")); got != "absent=unchanged:outdated other day=created brought=created" {
		t.Errorf("got %s", got)
	}
	if n := o.Count(t, `SELECT count(*) FROM entries WHERE external_id = 'absent'`); n != 0 {
		t.Error("what the source no longer has was created")
	}
	// Received once more it counts again.
	o.Receive(t, byTracker("absent", "43", 10))
	knows(t, o, "eve", "43")
	if got := told(retry(t, o, "unknown_worker")); got != "absent=created" {
		t.Errorf("got %s", got)
	}
}

func TestARowWhoseTextWasNotKeptIsNotRetried(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	long := func(key string, n int) intake.Row {
		row := byTracker(key, "42", 2)
		row.Text = append(row.Text, strings.Repeat(" ", n-len(row.Text))...)
		return row
	}
	o.Receive(t, long("long", intake.MaxKeptText+1), long("short enough", intake.MaxKeptText))
	knows(t, o, "ann", "42")
	if got := told(retry(t, o, "")); got != "short enough=created" {
		t.Errorf("got %s", got)
	}
}

// More rows than a retry judges at a time: those at the front do not keep the
// others waiting for ever.
func TestRetriesComeToEveryRow(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	o := office.Open(t, office.Settings{})
	run := begin(t, o)
	for part := range 2 {
		var rows []intake.Row
		for i := range 3000 {
			rows = append(rows, byTracker(fmt.Sprintf("%d-%04d", part, i), fmt.Sprint("tracker ", part), 1+i%28))
		}
		bring(t, o, run, part+1, rows...)
	}
	complete(t, o, run)
	knows(t, o, "ann", "tracker 1")
	total := 0
	for range 2 {
		o.Clock.Forward(time.Minute)
		total += retry(t, o, "unknown_worker").Created
	}
	if over := o.Count(t, `SELECT count(*) FROM refused_keys WHERE code = 'day_over_24h'`); total+over != 3000 {
		t.Errorf("of 3000 rows %d were taken, and %d have no room", total, over)
	}
}

// While rows are being retried one of them is received again: it is the later
// receipt that counts.
func TestARetryDoesNotOverwriteALaterReceipt(t *testing.T) {
	t.Parallel()
	o, p, slow := paused(t, "SELECT pg_advisory_xact_lock(")
	o.Receive(t, byTracker("1", "42", 2), byTracker("2", "42", 3))
	knows(t, o, "ann", "42")
	var r intake.Report
	var err error
	atOnce(func() { r, err = retrier(o).Retry(slow, fixture.Job(), office.Source, "") }, func() {
		defer p.goOn()
		<-p.reached
		o.Receive(t, office.Row("1", office.Of("zoe"), office.Hours("5")))
	})
	if err != nil || told(r) != "2=created" {
		t.Errorf("got %s, %v", told(r), err)
	}
	if s := o.Held(t, "1").Snapshot(); s.Content.UserID != "zoe" || s.Version != 1 {
		t.Errorf("the later receipt is %+v", s)
	}
}

func TestWhoMayRetry(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, byTracker("1", "42", 2))
	for _, tt := range []struct {
		by     identity.Principal
		source string
		want   string
	}{
		{fixture.Approver("bob"), office.Source, "insufficient_scope"},
		{fixture.Machine(identity.ReadTimesheets), office.Source, "insufficient_scope"},
		{fixture.Job(), "api", "source_reserved"},
		{fixture.Job(), "", "not_a_source"},
		{fixture.Job(), "toggl", ""},
		{fixture.Of("other", fixture.Job()), office.Source, ""},
	} {
		r, err := retrier(o).Retry(t.Context(), tt.by, tt.source, "")
		if codeOf(err) != tt.want || r.Received != 0 {
			t.Errorf("%s, %q: %+v, %v", tt.by.ID, tt.source, r, err)
		}
	}
	if got := told(retry(t, o, "no_such_code")); got != "" {
		t.Errorf("another code: %s", got)
	}
	if got := told(retry(t, o, "")); got != "1=rejected:unknown_worker!" {
		t.Errorf("got %s", got)
	}
}

// The rows of what was taken back are not brought back by a retry, also not when
// one has refused them before.
func TestARetryLeavesTheRowsOfARevertedImport(t *testing.T) {
	t.Parallel()
	for name, retries := range map[string]int{"never retried": 0, "retried": 1, "retried twice": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			r := o.Receive(t, byTracker("1", "42", 2))
			for range retries {
				o.Clock.Forward(time.Minute)
				if got := told(retry(t, o, "")); strings.TrimSuffix(got, "!") != "1=rejected:unknown_worker" {
					t.Errorf("retried: %s", got)
				}
			}
			revert(t, o, r.ImportID)
			knows(t, o, "ann", "42")
			if got := told(retry(t, o, "")); got != "" {
				t.Errorf("got %s", got)
			}
			if got := office.Outcomes(o.Receive(t, byTracker("1", "42", 2))); got != "created" {
				t.Errorf("imported again: %s", got)
			}
		})
	}
}

// A retry that refused rows once more received nothing, so nothing is taken back
// with it; and whoever receives a row again has it.
func TestRowsBelongToTheImportThatReceivedThem(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	first := o.Receive(t, byTracker("1", "42", 2), byTracker("2", "42", 3))
	o.Clock.Forward(time.Minute)
	again := retry(t, o, "")
	revert(t, o, again.ImportID)
	o.Clock.Forward(time.Minute)
	o.Receive(t, byTracker("2", "42", 4))
	revert(t, o, first.ImportID)
	knows(t, o, "ann", "42")
	if got := told(retry(t, o, "")); got != "2=created" {
		t.Errorf("got %s", got)
	}
}

// What waited for a retry before an import waits for one again once that is taken
// back, unless its key was received since.
func TestARevertGivesBackWhatWaitedForARetry(t *testing.T) {
	t.Parallel()
	ownDay := func(key string, day int) intake.Row { return byTracker(key, "42", day) }
	for _, tt := range []struct {
		name  string
		do    func(o *office.Office) timesheet.ID // the import
		since func(o *office.Office)
		want  string
	}{
		{"a retry took it", func(o *office.Office) timesheet.ID { return retry(t, o, "").ImportID }, nil, "1=created 2=created"},
		{"an upload brought it", func(o *office.Office) timesheet.ID { return o.Receive(t, ownDay("1", 4)).ImportID }, nil, "1=created 2=created"},
		{"a mirror lacked it", func(o *office.Office) timesheet.ID { return complete(t, o, begin(t, o, mirror), allowEmpty).ID }, nil, "1=created 2=created"},
		{"a retry found that a mirror lacked it", func(o *office.Office) timesheet.ID {
			complete(t, o, begin(t, o, mirror), allowEmpty)
			return retry(t, o, "").ImportID
		}, nil, "1=unchanged:outdated 2=unchanged:outdated"},
		{"it was received since", func(o *office.Office) timesheet.ID { return retry(t, o, "").ImportID }, func(o *office.Office) {
			o.Receive(t, ownDay("1", 2))
		}, "2=created"},
		{"it was refused since, as an object", func(o *office.Office) timesheet.ID { return retry(t, o, "").ImportID }, func(o *office.Office) {
			if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, office.Row("1", office.Project("")), false); codeOf(err) == "" {
				t.Error("it is taken")
			}
		}, "2=created"},
		{"it was refused since", func(o *office.Office) timesheet.ID { return retry(t, o, "").ImportID }, func(o *office.Office) {
			o.Receive(t, office.Row("1", office.Project("")))
		}, "2=created 1=rejected:required!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			o.Receive(t, ownDay("1", 2), ownDay("2", 3))
			knows(t, o, "ann", "42")
			o.Clock.Forward(time.Minute)
			id := tt.do(o)
			if tt.since != nil {
				tt.since(o)
			}
			o.Clock.Forward(time.Minute)
			revert(t, o, id)
			if got := told(retry(t, o, "")); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// What a retry refuses again it keeps in full: it takes no more rows than have
// room.
func TestARetryLosesNoText(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	const each, rows = 14_000, 500
	for set := range 2 {
		var all []intake.Row
		for i := range rows {
			row := byTracker(fmt.Sprint(set, "-", i), "42", 1+i%28)
			row.Text = append(row.Text, strings.Repeat(" ", each)...)
			all = append(all, row)
		}
		o.Receive(t, all...)
		o.Clock.Forward(time.Minute)
	}
	received := 0
	for range 2 {
		r := retry(t, o, "")
		if r.Received*each > intake.MaxKeptTextRun || r.Received < rows {
			t.Errorf("a retry took %d rows", r.Received)
		}
		received += r.Received
		o.Clock.Forward(time.Minute)
	}
	knows(t, o, "ann", "42")
	if received < 2*rows {
		t.Errorf("two retries took %d of %d rows", received, 2*rows)
	}
	if n := o.Count(t, `SELECT count(*) FROM refused_keys k JOIN import_rows r USING (org_id, import_id, part, row_index) WHERE r.row_text IS NOT NULL`); n != 2*rows {
		t.Errorf("%d of %d rows can be judged again", n, 2*rows)
	}
}
