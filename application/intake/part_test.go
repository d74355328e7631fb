package intake_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// allKinds is a part with every outcome and code there is, for an office in
// which prepareAll happened.
func allKinds() []intake.Row {
	return []intake.Row{
		office.Row("same"), office.Row("same", office.Stamped(1)), office.Row("update", office.On("2026-11-19"), office.Hours("7")),
		office.Row("new", office.On("2026-11-14")), office.Row("newcomer", office.Of("zoe")), office.Row("", office.On("2026-11-13")),
		office.Row("edited", office.On("2026-11-18"), office.Hours("7")), office.Row("stale", office.Hours("7"), office.Stamped(1)),
		office.Row("proposed", office.On("2026-11-16"), office.Hours("7")), office.Row("over", office.On("2026-11-15"), office.Hours("1")),
		office.Row("full", office.On("2026-11-15"), office.Hours("23.5")), office.Row("full too", office.On("2026-11-15"), office.Hours("2")),
		office.Row("closed", office.On("2026-10-31")), office.Row("bad", office.Project("")), office.Row("same", office.Project("")),
		office.Row("nobody", office.By(intake.WorkerRef{Email: "x@y"})), office.Row("", office.Unreadable("malformed_json")),
		office.Row("twice", office.On("2026-11-12")), office.Row("twice", office.On("2026-11-12"), office.Hours("7")),
		office.Row("known", office.Project("")), office.Row("foreign", from("toggl")),
	}
}

const allOutcomes = "unchanged:superseded unchanged updated created created created conflict:edited_by_hand unchanged:stale conflict:deleted_by_hand! " +
	"rejected:day_over_24h updated rejected:day_over_24h rejected:period_closed rejected:required rejected:required rejected:unknown_worker rejected:malformed_json " +
	"unchanged:superseded created rejected:required! rejected:source_mismatch"

func prepareAll(t *testing.T) *office.Office {
	t.Helper()
	o := office.Open(t, office.Settings{LockBefore: "2026-11-01"})
	o.Receive(t, office.Row("same"), office.Row("update", office.On("2026-11-19")), office.Row("edited", office.On("2026-11-18")),
		office.Row("stale", office.On("2026-11-17"), office.Stamped(2)), office.Row("proposed", office.On("2026-11-16")), office.Row("full", office.On("2026-11-15"), office.Hours("24")),
		office.Row("known", office.Project("")))
	handEdit(t, o, "edited", "6")
	handDelete(t, o, "proposed")
	o.Receive(t, office.Row("proposed", office.On("2026-11-16"), office.Hours("7")))
	return o
}

func handEdit(t *testing.T, o *office.Office, key, hours string) {
	t.Helper()
	if _, err := o.Recorder.Amend(t.Context(), fixture.Person("ann"), o.Held(t, key).ID(), nil, func(c timesheet.Content) (timesheet.Content, error) {
		c.Duration = fixture.Hours(hours)
		return c, nil
	}); err != nil {
		t.Fatal(err)
	}
}

func handDelete(t *testing.T, o *office.Office, key string) {
	t.Helper()
	if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), o.Held(t, key).ID(), nil); err != nil {
		t.Fatal(err)
	}
}

func approve(t *testing.T, o *office.Office, key string) {
	t.Helper()
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), o.Held(t, key).ID(), nil); err != nil {
		t.Fatal(err)
	}
}

// Whatever has happened since, a part that is repeated is answered with the
// report that was recorded.
func TestTheSamePartAgainIsAnsweredWithTheRecordedReport(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*intake.Declaration){"upsert": func(*intake.Declaration) {}, "mirror": mirror, "dry run": dry} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := prepareAll(t)
			run := begin(t, o, edit)
			first := bring(t, o, run, 1, allKinds()...)
			if got := office.Outcomes(first); got != allOutcomes {
				t.Fatalf("got  %s\nwant %s", got, allOutcomes)
			}
			wasKept := kept(t, o, run.ID)
			again := func(when string) {
				t.Helper()
				before := o.Footprint(t)
				if diff := cmp.Diff(first, bring(t, o, run, 1, allKinds()...)); diff != "" {
					t.Errorf("%s (-first +again)\n%s", when, diff)
				}
				if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
					t.Errorf("%s it wrote (-before +after)\n%s", when, diff)
				}
			}
			again("at once")
			o.Receive(t, office.Row("bad", office.Of("bea")), office.Row("over", office.Of("bea"), office.On("2026-11-01")), office.Row("nobody", office.Of("bea"), office.On("2026-11-02")))
			o.Receive(t, office.Row("new", office.On("2026-11-02")), office.Row("twice", office.On("2026-11-03"), office.Hours("1")), office.Row("edited", office.On("2026-11-18"), office.Hours("2")))
			handDelete(t, o, "same")
			approve(t, o, "update")
			again("after others changed everything")
			bring(t, o, run, 2, office.Row("new", office.On("2026-11-03")), office.Row("bad", office.Project("")))
			again("after another part")
			if diff := cmp.Diff(wasKept, kept(t, o, run.ID)[:len(wasKept)], plain); diff != "" {
				t.Errorf("its kept rows (-first +now)\n%s", diff)
			}
		})
	}
}

func TestAPartWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := begin(t, o)
	bring(t, o, run, 7, office.Row("1"), office.Row("2", office.On("2026-11-19")))
	before := o.Footprint(t)
	for name, rows := range map[string][]intake.Row{
		"a row more":    {office.Row("1"), office.Row("2", office.On("2026-11-19")), office.Row("3", office.On("2026-11-18"))},
		"a row less":    {office.Row("1")},
		"another order": {office.Row("2", office.On("2026-11-19")), office.Row("1")},
		"nothing":       {},
	} {
		if _, err := upload(t.Context(), o, run, 7, rows...); codeOf(err) != "part_mismatch" || !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	if r := bring(t, o, run, 1, office.Row("1"), office.Row("2", office.On("2026-11-19"))); office.Outcomes(r) != "unchanged unchanged" {
		t.Errorf("as another part: %s", office.Outcomes(r))
	}
	if r := bring(t, o, begin(t, o, dry), 7, office.Row("3", office.On("2026-11-18"))); r.Created != 1 {
		t.Errorf("the same number in another run: %s", office.Outcomes(r))
	}
}

func TestAPartSaysNothingOfItsSourceOrThatOfItsRun(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := begin(t, o)
	rows := []intake.Row{office.Row("1", from("toggl"))}
	if r := bring(t, o, run, 1, rows...); office.Outcomes(r) != "rejected:source_mismatch" {
		t.Errorf("a row of another source: %s", office.Outcomes(r))
	}
	for name, want := range map[string]string{"": "", office.Source: "", "toggl": "source_mismatch"} {
		if _, err := o.Receiver.ReceivePart(t.Context(), fixture.Job(), ref(run), 1, body(rows), intake.Upload{Source: name, Rows: rows}); codeOf(err) != want {
			t.Errorf("a request of the source %q: %v", name, err)
		}
	}
}

// The same bytes are two rows as JSON and one as NDJSON.
func TestAPartThatIsReadInAnotherWayIsAnother(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := begin(t, o)
	two := []intake.Row{office.Row("a"), office.Row("b", office.On("2026-11-19"))}
	bring(t, o, run, 1, two...)
	for _, rows := range [][]intake.Row{two[:1], nil} {
		if _, err := o.Receiver.ReceivePart(t.Context(), fixture.Job(), ref(run), 1, body(two), intake.Upload{Rows: rows}); codeOf(err) != "part_mismatch" {
			t.Errorf("%d rows: %v", len(rows), err)
		}
	}
}

// An answer is lost and the part is sent again, while the first is still being
// carried out.
func TestTheSamePartManyTimesAtOnceHasOneEffect(t *testing.T) {
	t.Parallel()
	for round := range 2 {
		o := prepareAll(t)
		run := begin(t, o, mirror)
		reports := make([]intake.Report, 8)
		errs := make([]error, len(reports))
		var sends []func()
		for n := range reports {
			sends = append(sends, func() { reports[n], errs[n] = upload(t.Context(), o, run, 1, allKinds()...) })
		}
		atOnce(sends...)
		if err := errors.Join(errs...); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, r := range reports {
			if diff := cmp.Diff(reports[0], r); diff != "" {
				t.Errorf("round %d (-one +another)\n%s", round, diff)
			}
		}
		if got := look(t, o, run.ID); got.Counts != reports[0].Counts || office.Outcomes(reports[0]) != allOutcomes {
			t.Errorf("round %d: the run counts %+v: %s", round, got.Counts, office.Outcomes(reports[0]))
		}
		if n := o.Count(t, `SELECT count(*) FROM entries WHERE import_id = $1`, run.ID); n != reports[0].Created+reports[0].Updated {
			t.Errorf("round %d: %d entries are the run's", round, n)
		}
		neverDeadlocked(t, o)
	}
}

func TestTheCountsOfARunAreThoseOfItsPartsAtEveryMoment(t *testing.T) {
	t.Parallel()
	o := prepareAll(t)
	run := begin(t, o)
	var want intake.Counts
	for part, rows := range [][]intake.Row{allKinds(), nil, {office.Row("same")}, allKinds(), {office.Row("new", office.On("2026-11-14"), office.Hours("1"))}} {
		r := bring(t, o, run, 10-part, rows...)
		want.Received, want.Created, want.Updated = want.Received+r.Received, want.Created+r.Created, want.Updated+r.Updated
		want.Unchanged, want.Conflicts, want.Rejected = want.Unchanged+r.Unchanged, want.Conflicts+r.Conflicts, want.Rejected+r.Rejected
		if got := look(t, o, run.ID).Counts; got != want {
			t.Errorf("after %d parts the run counts %+v, want %+v", part+1, got, want)
		}
	}
	if sum := want.Created + want.Updated + want.Unchanged + want.Conflicts + want.Rejected; sum != want.Received {
		t.Errorf("%+v does not add up", want)
	}
	if ended := complete(t, o, run); ended.Counts != want || look(t, o, run.ID).Counts != want {
		t.Errorf("the end counts %+v, want %+v", ended.Counts, want)
	}
}

// Clients send parts of one run at a time, with the same keys and workers in
// any order, some of them refused.
func TestPartsOfOneRunNeitherBlockNorLoseEachOther(t *testing.T) {
	t.Parallel()
	const keys, parts, revisions = 120, 24, 9
	o := office.Open(t, office.Settings{})
	run := begin(t, o, mirror)
	row := func(key, stamp int) intake.Row {
		return office.Row(fmt.Sprintf("key %03d", key), office.Stamped(stamp), office.Of(fmt.Sprint("worker ", (key*stamp)%5)), tiny, func(r *intake.Row) {
			r.Content.Day = r.Content.Day.Add(-key % 10)
			if key%7 == 0 {
				r.Content.Project = ""
			}
		})
	}
	random := rand.New(rand.NewPCG(3, 4))
	last := make([]int, keys)
	type batch struct {
		part int
		rows []intake.Row
	}
	batches := make(chan batch, parts)
	for part := range parts {
		b := batch{part: part + 1}
		for _, key := range random.Perm(keys)[:keys*2/3] {
			stamp := 1 + random.IntN(revisions)
			b.rows, last[key] = append(b.rows, row(key, stamp)), max(last[key], stamp)
		}
		batches <- b
	}
	close(batches)
	var total intake.Counts
	var counting sync.Mutex
	atOnce(slices.Repeat([]func(){func() {
		for b := range batches {
			r, err := upload(t.Context(), o, run, b.part, b.rows...)
			if err != nil {
				t.Errorf("part %d: %v", b.part, err)
				return
			}
			counting.Lock()
			total.Created, total.Updated, total.Received = total.Created+r.Created, total.Updated+r.Updated, total.Received+r.Received
			counting.Unlock()
		}
	}}, 8)...)
	got := look(t, o, run.ID)
	if got.Received != total.Received || got.Created != total.Created || got.Updated != total.Updated || got.Received != parts*keys*2/3 {
		t.Errorf("the run counts %+v, its reports %+v", got.Counts, total)
	}
	for key, stamp := range last {
		if key%7 == 0 || stamp == 0 {
			continue
		}
		if s, want := o.Held(t, fmt.Sprintf("key %03d", key)).Snapshot(), row(key, stamp); !s.Content.Same(want.Content) {
			t.Errorf("key %d has the revision of %s, want %s", key, s.Received.SourceUpdatedAt, want.SourceUpdatedAt)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM entries`); n != total.Created {
		t.Errorf("%d entries, %d created", n, total.Created)
	}
	if n := o.Count(t, `SELECT count(*) FROM import_keys`); n != keys {
		t.Errorf("the manifest has %d of %d keys", n, keys)
	}
	if n, of := o.Count(t, `SELECT count(*) FROM refused_keys`), keys/7+1; n != of {
		t.Errorf("%d of %d refused keys are remembered", n, of)
	}
	neverDeadlocked(t, o)
}

// What a dry run finds is kept with it, and nothing else.
func TestPartsOfADryRunWriteNothingButTheirRecord(t *testing.T) {
	t.Parallel()
	o := prepareAll(t)
	before := o.Footprint(t)
	run := begin(t, o, dry, mirror)
	r := bring(t, o, run, 1, allKinds()...)
	before["imports"]++
	before["import_parts"]++
	before["import_rows"] += r.Conflicts + r.Rejected
	after := o.Footprint(t)
	delete(after, "import_keys")
	delete(after, "sources")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := o.Count(t, `SELECT count(*) FROM writes WHERE import_id = $1`, run.ID); n != 0 {
		t.Errorf("%d writes", n)
	}
	complete(t, o, run, func(c *intake.Completion) { c.MaxDeleteCount = 100 })
	if left := o.Footprint(t)["import_keys"]; left != 0 {
		t.Errorf("%d keys are left", left)
	}
}

// A client that is gone has its transaction rolled back; what is sent again
// has the effect.
func TestAPartWhoseClientLeavesHasItsEffectWhenItIsSentAgain(t *testing.T) {
	t.Parallel()
	o, p, slow := paused(t, "INSERT INTO import_parts")
	run := begin(t, o)
	leaving, leave := context.WithCancel(slow)
	var err error
	atOnce(func() { _, err = upload(leaving, o, run, 1, office.Row("1"), office.Row("bad", office.Project(""))) }, func() {
		<-p.reached
		leave()
		p.goOn()
	})
	if err == nil {
		t.Error("the client was gone and heard nothing, and it succeeded")
	}
	if got := look(t, o, run.ID); got.Counts != (intake.Counts{}) || o.Footprint(t)["entries"] != 0 {
		t.Errorf("%+v", got)
	}
	if r := bring(t, o, run, 1, office.Row("1"), office.Row("bad", office.Project(""))); office.Outcomes(r) != "created rejected:required" {
		t.Errorf("got %s", office.Outcomes(r))
	}
}
