package intake_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/replay"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

func TestOneRunOfASourceIsLive(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	first := begin(t, o)
	if first.State != intake.Open || first.Kind != intake.KindRun || first.Fence < 1 || first.LeaseEnd.IsZero() || leaseOf(t, o, first) != 60 {
		t.Errorf("started %+v", first)
	}
	start := func(by identity.Principal, edits ...func(*intake.Declaration)) (intake.Import, error) {
		return o.Runner.Start(t.Context(), by, declaration(edits...), nil)
	}
	_, err := start(fixture.Job())
	f := fault.Of(err)
	if codeOf(err) != "import_running" || !errors.Is(err, fault.Conflict) || f.RetryAfter <= 50*time.Second || f.RetryAfter > time.Minute || f.Extra["import_id"] != first.ID.String() {
		t.Errorf("a second run: %v, after %s, %v", err, f.RetryAfter, f.Extra)
	}
	if _, err := start(fixture.Job(), source("toggl")); err != nil {
		t.Errorf("a run of another source: %v", err)
	}
	if _, err := start(fixture.Of("other", fixture.Job())); err != nil {
		t.Errorf("a run of another organisation: %v", err)
	}
	for range 2 {
		if run, err := start(fixture.Job(), dry); err != nil || !run.LeaseEnd.IsZero() || run.Fence == first.Fence {
			t.Errorf("a dry run: %+v, %v", run, err)
		}
	}
	complete(t, o, first)
	if second, err := start(fixture.Job()); err != nil || second.Fence <= first.Fence {
		t.Errorf("after the end of the first: %+v, %v", second, err)
	}
}

// Whoever has waited long enough takes the source over; what the former run
// brought stays, and is counted.
func TestARunWhoseLeaseHasEndedIsTakenOver(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	first := begin(t, o, mirror)
	bring(t, o, first, 1, office.Row("1"), office.Row("bad", office.Project("")))
	bring(t, o, first, 2, office.Row("1"), office.Row("2", office.On("2026-11-19")))
	endLease(t, o, first)
	if got := look(t, o, first.ID); got.State != intake.Open {
		t.Errorf("before anybody takes it over it is %s", got.State)
	}
	second := begin(t, o)
	if second.Fence <= first.Fence {
		t.Errorf("the fence %d follows %d", second.Fence, first.Fence)
	}
	got := look(t, o, first.ID)
	want := intake.Counts{Received: 4, Created: 2, Unchanged: 1, Rejected: 1}
	if got.State != intake.Expired || got.Counts != want || !got.LeaseEnd.IsZero() || !got.EndedAt.Equal(fixture.Now) {
		t.Errorf("the run that was taken over is %+v", got)
	}
	if left := o.Footprint(t)["import_keys"]; left != 0 {
		t.Errorf("%d keys of its manifest are left", left)
	}
	if n := o.Count(t, `SELECT count(*) FROM entries WHERE deleted_at IS NULL`); n != 2 {
		t.Errorf("%d of 2 entries are there", n)
	}
}

// A run that is not taken over lives on with its next call, however late.
func TestALateCallRevivesARunThatNobodyTookOver(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := begin(t, o)
	endLease(t, o, run)
	bring(t, o, run, 1, office.Row("1"))
	if _, err := o.Runner.Start(t.Context(), fixture.Job(), declaration(), nil); codeOf(err) != "import_running" {
		t.Errorf("another run: %v", err)
	}
	complete(t, o, run)
}

func TestAStaleFenceWritesNothing(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	request := o.Receive(t, office.Row("0"))
	taken := begin(t, o)
	bring(t, o, taken, 1, office.Row("1", office.On("2026-11-19")))
	endLease(t, o, taken)
	live := begin(t, o)
	completed := begin(t, o, source("toggl"))
	complete(t, o, completed)
	foreign, err := o.Runner.Start(t.Context(), fixture.Of("other", fixture.Job()), declaration(), nil)
	if err != nil {
		t.Fatal(err)
	}
	before := o.Footprint(t)
	with := func(run intake.Import, fence int64) intake.RunRef { return intake.RunRef{ID: run.ID, Fence: fence} }
	for _, tt := range []struct {
		name string
		ref  intake.RunRef
		want string
	}{
		{"the fence of a run that was taken over", ref(taken), "import_not_open"},
		{"a run that was taken over, with the new fence", with(taken, live.Fence), "import_not_open"},
		{"the new run, with the old fence", with(live, taken.Fence), "stale_fence"},
		{"the new run, with a fence of the future", with(live, live.Fence+1), "stale_fence"},
		{"a completed run", ref(completed), "import_not_open"},
		{"an unknown run", intake.RunRef{ID: fixture.NewID(), Fence: live.Fence}, "not_found"},
		{"a run of another organisation", ref(foreign), "not_found"},
		{"an upload of one request, which is never live", intake.RunRef{ID: request.ImportID, Fence: 0}, "not_found"},
	} {
		rows := []intake.Row{office.Row("new"), office.Row("1", office.Hours("7")), office.Row("bad", office.Project(""))}
		_, part := o.Receiver.ReceivePart(t.Context(), fixture.Job(), tt.ref, 2, body(rows), intake.Upload{Rows: rows})
		_, again := o.Receiver.ReceivePart(t.Context(), fixture.Job(), tt.ref, 1, body(rows[:1]), intake.Upload{Rows: rows[:1]})
		_, renewed := o.Runner.Renew(t.Context(), fixture.Job(), tt.ref)
		_, done := o.Runner.Complete(t.Context(), fixture.Job(), tt.ref, completion(cursor("later")))
		_, aborted := o.Runner.Abort(t.Context(), fixture.Job(), tt.ref)
		for call, err := range map[string]error{"upload": part, "repeated part": again, "renew": renewed, "complete": done, "abort": aborted} {
			if codeOf(err) != tt.want || tt.want != "not_found" && !errors.Is(err, fault.Conflict) {
				t.Errorf("%s, %s: got %v, want %s", tt.name, call, err, tt.want)
			}
		}
	}
	if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
		t.Errorf("something was written (-before +after)\n%s", diff)
	}
	if s, err := o.Lookback.Source(t.Context(), fixture.Job(), office.Source); err != nil || s.Cursor != "" {
		t.Errorf("the cursor is %q, %v", s.Cursor, err)
	}
	complete(t, o, live)
}

func TestEachCallRenewsTheLease(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := begin(t, o, mirror)
	part := []intake.Row{office.Row("1")}
	for _, call := range []struct {
		name string
		do   func() error
		code string
	}{
		{"renew", func() error { _, err := o.Runner.Renew(t.Context(), fixture.Job(), ref(run)); return err }, ""},
		{"a part", func() error { _, err := upload(t.Context(), o, run, 1, part...); return err }, ""},
		{"the same part again", func() error { _, err := upload(t.Context(), o, run, 1, part...); return err }, ""},
		{"the same part with another body", func() error { _, err := upload(t.Context(), o, run, 1, office.Row("2")); return err }, "part_mismatch"},
		{"a completion that a guard stops", func() error {
			_, err := o.Runner.Complete(t.Context(), fixture.Job(), ref(run), completion(func(c *intake.Completion) { c.DistinctKeys = new(int) }))
			return err
		}, "incomplete"},
	} {
		o.Exec(t, `UPDATE imports SET lease_until = now() + interval '50 seconds' WHERE id = $1`, run.ID)
		if err := call.do(); codeOf(err) != call.code {
			t.Errorf("%s: %v", call.name, err)
		}
		if left := leaseOf(t, o, run); left != 60 {
			t.Errorf("after %s the lease has %d seconds", call.name, left)
		}
	}
}

func TestOfManyStartsAtOnceOneSucceeds(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for round := range 4 {
		codes := make([]string, 8)
		runs := make([]intake.Import, 8)
		var starts []func()
		for n := range codes {
			starts = append(starts, func() {
				var err error
				runs[n], err = o.Runner.Start(t.Context(), fixture.Job(), declaration(), nil)
				codes[n] = codeOf(err)
			})
		}
		atOnce(starts...)
		var live intake.Import
		for n, code := range codes {
			switch {
			case code == "" && live.ID.IsZero():
				live = runs[n]
			case code != "import_running":
				t.Errorf("round %d: got %q", round, codes)
			}
		}
		if round%2 == 0 {
			complete(t, o, live)
		} else {
			endLease(t, o, live)
		}
	}
}

// A start and the end of a run want the same two rows.
func TestStartsAndEndsNeverWaitForEachOtherInACircle(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for range 15 {
		run := begin(t, o)
		endLease(t, o, run)
		var start, end error
		atOnce(func() { _, end = o.Runner.Complete(t.Context(), fixture.Job(), ref(run), completion(cursor("x"))) },
			func() { _, start = o.Runner.Start(t.Context(), fixture.Job(), declaration(), nil) })
		if code := codeOf(start); code != "" && code != "import_running" {
			t.Errorf("start: %v", start)
		}
		state := look(t, o, run.ID).State
		if completed := end == nil && state == intake.Completed; !completed && (codeOf(end) != "import_not_open" || start != nil || state != intake.Expired) {
			t.Errorf("complete: %v; start: %v; the run is %s", end, start, state)
		}
		o.Exec(t, `UPDATE imports SET lease_until = now() - interval '1 second' WHERE state = 'open'`)
	}
	neverDeadlocked(t, o)
}

func TestAStartWithAKeyHappensOnce(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	claim := replay.Claim{Organization: identity.DefaultOrganization, Principal: fixture.Job().Key(), Route: "POST /v1/imports", Key: "k", Request: [32]byte{1}}
	start := func() (string, error) {
		held, given, err := o.Guard.Begin(t.Context(), claim)
		if err != nil || given != nil {
			return string(given.Body), err
		}
		run, err := o.Runner.Start(t.Context(), fixture.Job(), declaration(), func(i intake.Import) (replay.Claim, replay.Answer) {
			return held, replay.Answer{Status: 201, Body: fmt.Append(nil, i.ID, i.Fence, i.LeaseEnd.UnixMicro())}
		})
		return fmt.Sprint(run.ID, run.Fence, run.LeaseEnd.UnixMicro()), err
	}
	first, err := start()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := start(); err != nil || again != first {
		t.Errorf("got %q, then %q, %v", first, again, err)
	}
	if n := o.Footprint(t)["imports"]; n != 1 {
		t.Errorf("%d runs", n)
	}
}

// Who lost its key to another request must not leave a live run behind.
func TestAStartWhoseKeyWasTakenOverLeavesNothing(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	claim := replay.Claim{Organization: identity.DefaultOrganization, Principal: "p", Route: "r", Key: "k", Fence: 7}
	before := o.Footprint(t)
	_, err := o.Runner.Start(t.Context(), fixture.Job(), declaration(), func(intake.Import) (replay.Claim, replay.Answer) { return claim, replay.Answer{Status: 201} })
	if err == nil {
		t.Error("nothing went wrong")
	}
	if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
}

func TestAbortKeepsWhatLanded(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	complete(t, o, begin(t, o), cursor("first"))
	o.Receive(t, office.Row("absent", office.On("2026-11-18")))
	run := begin(t, o, mirror)
	bring(t, o, run, 1, office.Row("1"), office.Row("bad", office.Project("")))
	aborted, err := o.Runner.Abort(t.Context(), fixture.Job(), ref(run))
	if err != nil {
		t.Fatal(err)
	}
	want := intake.Counts{Received: 2, Created: 1, Rejected: 1}
	if got := look(t, o, run.ID); got.State != intake.Aborted || got.Counts != want || !got.EndedAt.Equal(fixture.Now) || !got.LeaseEnd.IsZero() ||
		aborted.State != got.State || aborted.Counts != got.Counts || !aborted.LeaseEnd.IsZero() {
		t.Errorf("answered %+v, looked up %+v", aborted, got)
	}
	if n := o.Count(t, `SELECT count(*) FROM entries WHERE deleted_at IS NULL`); n != 2 {
		t.Errorf("%d of 2 entries are there", n)
	}
	if s, err := o.Lookback.Source(t.Context(), fixture.Job(), office.Source); err != nil || s.Cursor != "first" {
		t.Errorf("the cursor is %q, %v", s.Cursor, err)
	}
	if left := o.Footprint(t)["import_keys"]; left != 0 {
		t.Errorf("%d keys of the manifest are left", left)
	}
	begin(t, o)
}
