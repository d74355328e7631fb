package intake_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// at once runs every fn in a goroutine of its own, and waits for them.
func atOnce(fns ...func()) {
	var all sync.WaitGroup
	for _, fn := range fns {
		all.Go(fn)
	}
	all.Wait()
}

// Eight uploads at a time bring overlapping batches of the same keys in any
// order, in which entries move between workers. Nobody hears of a deadlock or
// a race that was lost, and in the end every key has its last revision.
func TestOverlappingUploadsEndWithTheLastRevisions(t *testing.T) {
	t.Parallel()
	const keys, uploads, revisions = 150, 24, 9
	o := office.Open(t, office.Settings{})
	row := func(key, stamp int) intake.Row {
		return office.Row(fmt.Sprintf("key %03d", key), office.Stamped(stamp), office.Of(fmt.Sprint("worker ", (key*stamp)%5)), func(r *intake.Row) {
			r.Content.Day, r.Content.Duration = r.Content.Day.Add(-key%10), fixture.Seconds(int64(stamp))
		})
	}
	random := rand.New(rand.NewPCG(1, 2))
	last := make([]int, keys)
	batches := make(chan []intake.Row, uploads)
	for range uploads {
		var batch []intake.Row
		for _, key := range random.Perm(keys)[:keys*2/3] {
			stamp := 1 + random.IntN(revisions)
			batch, last[key] = append(batch, row(key, stamp)), max(last[key], stamp)
		}
		batches <- batch
	}
	close(batches)
	var created, updated int
	var counting sync.Mutex
	atOnce(slices.Repeat([]func(){func() {
		for batch := range batches {
			r, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: office.Source, Rows: batch})
			if err != nil {
				t.Errorf("an upload failed: %v", err)
				return
			}
			if r.Rejected+r.Conflicts > 0 {
				t.Errorf("refused: %s", office.Outcomes(r))
			}
			counting.Lock()
			created, updated = created+r.Created, updated+r.Updated
			counting.Unlock()
		}
	}}, 8)...)
	for key, stamp := range last {
		if stamp == 0 {
			continue
		}
		s, want := o.Held(t, fmt.Sprintf("key %03d", key)).Snapshot(), row(key, stamp)
		if !s.Content.Same(want.Content) || !s.Received.SourceUpdatedAt.Equal(want.SourceUpdatedAt) {
			t.Errorf("key %d has the revision of %s, want %s", key, s.Received.SourceUpdatedAt, want.SourceUpdatedAt)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM entries`); n != created {
		t.Errorf("%d entries, %d were reported as created", n, created)
	}
	if n := o.Count(t, `SELECT count(*) FROM history`); n != updated {
		t.Errorf("%d earlier states, %d were reported as updated", n, updated)
	}
	if n, most := o.Count(t, `SELECT count(*) FROM writes`), o.Count(t, `SELECT max(number) FROM writes`); n != most {
		t.Errorf("%d writes have numbers up to %d", n, most)
	}
}

// Everybody sees the same room on the day and wants it.
func TestTwoUploadsNeverOverfillADayTogether(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for round := range 6 {
		day := fixture.Friday.Add(-round).String()
		var outcomes []string
		var noting sync.Mutex
		upload := func(source string) func() {
			return func() {
				r, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: source, Rows: []intake.Row{
					office.Row(day, office.On(day), office.Hours("9"), office.Of("new "+day)),
				}})
				if err != nil {
					t.Error(err)
					return
				}
				noting.Lock()
				outcomes = append(outcomes, office.Outcomes(r))
				noting.Unlock()
			}
		}
		byHand := func() {
			c := fixture.Content()
			c.UserID, c.Day, c.Duration = "new "+day, fixture.Day(day), fixture.Hours("9")
			switch _, err := o.Recorder.Record(t.Context(), fixture.Approver("bob"), c, nil); codeOf(err) {
			case "day_over_24h":
			case "":
				noting.Lock()
				outcomes = append(outcomes, "created")
				noting.Unlock()
			default:
				t.Error(err)
			}
		}
		atOnce(upload("a"), upload("b"), upload("c"), upload("d"), byHand, byHand)
		created := 0
		for _, outcome := range outcomes {
			if outcome == "created" {
				created++
			} else if outcome != "rejected:day_over_24h" {
				t.Errorf("got %s", outcome)
			}
		}
		if n := o.Count(t, `SELECT sum(seconds) FROM entries WHERE day = $1`, fixture.Day(day).Time()); n != 18*3600 || created != 2 {
			t.Errorf("%d entries of 9 hours were taken, the day has %d seconds", created, n)
		}
	}
}

func TestAHandEditThatRacesWithAnImportIsNeverLost(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	outcomes := map[string]int{}
	for round := range 12 {
		key := fmt.Sprint(round)
		on := office.On(fixture.Friday.Add(-round).String())
		o.Receive(t, office.Row(key, on))
		id := o.Held(t, key).ID()
		var r intake.Report
		atOnce(func() { r = o.Receive(t, office.Row(key, on, office.Hours("7"))) }, func() {
			_, err := o.Recorder.Amend(t.Context(), fixture.Person("ann"), id, nil, func(c timesheet.Content) (timesheet.Content, error) {
				c.Project = "Shop"
				return c, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		s := o.Held(t, key).Snapshot()
		outcomes[office.Outcomes(r)]++
		want := map[string]string{"updated": "7", "conflict:edited_by_hand": "8"}[office.Outcomes(r)]
		if s.Content.Project != "Shop" || s.Content.Duration.Hours() != want {
			t.Errorf("the import is %s, the entry %s, %s h", office.Outcomes(r), s.Content.Project, s.Content.Duration.Hours())
		}
		if open := o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'open' AND external_id = $1`, key); open != r.Conflicts {
			t.Errorf("the import is %s, and %d corrections are open", office.Outcomes(r), open)
		}
		if n := o.Count(t, `SELECT count(*) FROM history WHERE external_id = $1`, key); n != s.Version-1 {
			t.Errorf("version %d has %d earlier states", s.Version, n)
		}
	}
	t.Logf("%v", outcomes)
}

func TestNobodyApprovesWhatTheyDidNotSee(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	seen := func(version int) error {
		if version != 1 {
			return fault.New(fault.Stale, "stale", "The entry changed.")
		}
		return nil
	}
	for round := range 12 {
		key := fmt.Sprint(round)
		on := office.On(fixture.Friday.Add(-round).String())
		o.Receive(t, office.Row(key, on))
		id := o.Held(t, key).ID()
		var r intake.Report
		var err error
		atOnce(func() { r = o.Receive(t, office.Row(key, on, office.Hours("7"))) },
			func() { _, err = o.Decider.Approve(t.Context(), fixture.Approver("bob"), id, seen) })
		s := o.Held(t, key).Snapshot()
		got := fmt.Sprint(office.Outcomes(r), " ", s.Status, " ", s.Content.Duration.Hours(), " ", errors.Is(err, fault.Stale))
		if got != "updated pending 7 true" && got != "conflict:entry_approved approved 8 false" {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

// The first uploads of a source bring the same new keys for workers whom
// nobody knows yet, each for another: whoever comes first creates.
func TestTheSameNewKeysForDifferentNewWorkers(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	var fns []func()
	reports := make([]intake.Report, 6)
	for n := range reports {
		rows := office.Rows(60, func(i int, r *intake.Row) {
			office.Of(fmt.Sprintf("worker %d", (i+n)%6))(r)
			r.Content.Duration, r.SourceUpdatedAt = fixture.Seconds(1), office.Stamp(n+1)
		})
		slices.Reverse(rows[:30*(n%2)])
		fns = append(fns, func() { reports[n] = o.Receive(t, rows...) })
	}
	atOnce(fns...)
	total := intake.Counts{}
	for _, r := range reports {
		total.Created, total.Updated, total.Unchanged = total.Created+r.Created, total.Updated+r.Updated, total.Unchanged+r.Unchanged
	}
	if total.Created != 60 || total.Created+total.Updated+total.Unchanged != 360 {
		t.Errorf("%+v", total)
	}
	if n := o.Count(t, `SELECT count(*) FROM entries e WHERE received_stamp <> $1 OR user_id <> 'worker ' || ((external_id::int + 5) % 6)`, office.Stamp(6)); n != 0 {
		t.Errorf("%d entries do not have their last revision", n)
	}
	if n := o.Count(t, `SELECT count(*) FROM workers`); n != 6 {
		t.Errorf("%d workers", n)
	}
}
