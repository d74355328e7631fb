package approval_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"timesheets/application/approval"
	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

var (
	anns  = timesheet.WorkerWeek{UserID: "ann", Week: fixture.Friday.Week()}
	ann   = fixture.Person("ann")
	bob   = fixture.Approver("bob")
	carol = fixture.Approver("carol")
)

func week(t *testing.T, o *office.Office, of timesheet.WorkerWeek) approval.Week {
	t.Helper()
	w, err := o.Weeks.Get(t.Context(), bob, of)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// must is for moves that are allowed.
func must(t *testing.T) func(approval.Week, error) approval.Week {
	return func(w approval.Week, err error) approval.Week {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
}

// seen holds a week to the tag that somebody has seen.
func seen(tag string) approval.Seen {
	return func(now string) error {
		if now != tag {
			return fault.New(fault.Stale, "stale_version", "It has changed.")
		}
		return nil
	}
}

func amend(t *testing.T, o *office.Office, by identity.Principal, key, project string) error {
	t.Helper()
	_, err := o.Recorder.Amend(t.Context(), by, o.Held(t, key).ID(), nil, func(c timesheet.Content) (timesheet.Content, error) {
		c.Project = project
		return c, nil
	})
	return err
}

func TestAWeekGoesFromStateToState(t *testing.T) {
	t.Parallel()
	type move = func(*testing.T, *office.Office) error
	submit := func(t *testing.T, o *office.Office) error {
		return errorOf(o.Mover.Submit(t.Context(), ann, anns, nil))
	}
	withdraw := func(t *testing.T, o *office.Office) error {
		return errorOf(o.Mover.Withdraw(t.Context(), ann, anns, nil))
	}
	approve := func(t *testing.T, o *office.Office) error {
		return errorOf(o.Mover.Approve(t.Context(), bob, anns, nil))
	}
	reject := func(t *testing.T, o *office.Office) error {
		return errorOf(o.Mover.Reject(t.Context(), bob, anns, "why?", nil))
	}
	reopen := func(t *testing.T, o *office.Office) error {
		return errorOf(o.Mover.Reopen(t.Context(), bob, anns, "late", nil))
	}
	to := map[timesheet.WeekState][]move{
		timesheet.WeekOpen: nil, timesheet.WeekSubmitted: {submit}, timesheet.WeekApproved: {submit, approve}, timesheet.WeekRejected: {submit, reject},
	}
	for _, tt := range []struct {
		name string
		move move
		want map[timesheet.WeekState]string // the state after it, or the code of the fault
	}{
		{"submit", submit, map[timesheet.WeekState]string{"open": "submitted", "submitted": "submitted", "approved": "week_approved", "rejected": "submitted"}},
		{"withdraw", withdraw, map[timesheet.WeekState]string{"open": "open", "submitted": "open", "approved": "week_approved", "rejected": "week_not_submitted"}},
		{"approve", approve, map[timesheet.WeekState]string{"open": "approved", "submitted": "approved", "approved": "approved", "rejected": "week_rejected"}},
		{"reject", reject, map[timesheet.WeekState]string{"open": "week_not_submitted", "submitted": "rejected", "approved": "week_approved", "rejected": "rejected"}},
		{"reopen", reopen, map[timesheet.WeekState]string{"open": "open", "submitted": "week_not_approved", "approved": "open", "rejected": "week_not_approved"}},
	} {
		for from, want := range tt.want {
			t.Run(tt.name+" "+string(from), func(t *testing.T) {
				t.Parallel()
				o := office.Open(t, office.Settings{})
				pending(t, o, "1")
				for _, m := range to[from] {
					if err := m(t, o); err != nil {
						t.Fatal(err)
					}
				}
				before := week(t, o, anns)
				err := tt.move(t, o)
				after := week(t, o, anns)
				got := string(after.Sheet.State)
				if err != nil {
					if got = codeOf(err); !errors.Is(err, fault.Conflict) || after.Sheet.State != from {
						t.Errorf("%v, and the week is %s", err, after.Sheet.State)
					}
				}
				if got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if moved := after.Sheet.Version - before.Sheet.Version; (moved == 1) != (before.Sheet.State != after.Sheet.State) || len(after.Moves) != after.Sheet.Version {
					t.Errorf("version %d after %d, with %d moves", after.Sheet.Version, before.Sheet.Version, len(after.Moves))
				}
			})
		}
	}
}

func TestAnApprovedWeekIsSealedOnEveryPath(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	o.Receive(t, office.Row("2", office.Hours("1"), office.On("2026-11-10"))) // the week before
	w := must(t)(o.Mover.Approve(t.Context(), bob, anns, seen(week(t, o, anns).Tag)))
	if w.Sheet.State != timesheet.WeekApproved || !w.Holds || w.Sheet.Seal.Entries != 1 || w.Sheet.Seal.Seconds != 3600 || o.Held(t, "1").Snapshot().Status != timesheet.Approved {
		t.Fatalf("%+v", w)
	}
	before := o.Held(t, "1").Snapshot()
	content := fixture.Content()
	content.Duration = fixture.Hours("1")
	for name, got := range map[string]string{
		"a new entry by hand":    codeOf(errorOf(o.Recorder.Record(t.Context(), ann, content, nil))),
		"a change by hand":       codeOf(amend(t, o, ann, "1", "Shop")),
		"a deletion by hand":     codeOf(o.Recorder.Withdraw(t.Context(), ann, o.Held(t, "1").ID(), nil)),
		"a move into it by hand": codeOf(errorOf(o.Recorder.Amend(t.Context(), ann, o.Held(t, "2").ID(), nil, func(c timesheet.Content) (timesheet.Content, error) { c.Day = fixture.Friday; return c, nil }))),
		"a rejection":            codeOf(errorOf(o.Decider.Reject(t.Context(), bob, o.Held(t, "1").ID(), "no", nil))),
	} {
		want := "week_approved"
		if name != "a new entry by hand" && name != "a move into it by hand" {
			want = "entry_approved"
		}
		if got != want {
			t.Errorf("%s: %q, want %s", name, got, want)
		}
	}
	for name, tt := range map[string]struct{ got, want string }{
		"a change":       {office.Outcomes(o.Receive(t, office.Row("1", office.Hours("2")))), "conflict:entry_approved"},
		"a new key":      {office.Outcomes(o.Receive(t, office.Row("3", office.Hours("1")))), "conflict:week_approved"},
		"again":          {office.Outcomes(o.Receive(t, office.Row("3", office.Hours("1")))), "conflict:week_approved!"},
		"a move into it": {office.Outcomes(o.Receive(t, office.Row("2", office.Hours("1")))), "conflict:week_approved"},
		"the same":       {office.Outcomes(o.Receive(t, office.Row("1", office.Hours("1")))), "unchanged"},
		"another week":   {office.Outcomes(o.Receive(t, office.Row("4", office.Hours("1"), office.On("2026-11-16"), office.Of("eve")))), "created"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", name, tt.got, tt.want)
		}
	}
	if after := o.Held(t, "1").Snapshot(); after.Version != before.Version || !after.Content.Same(before.Content) {
		t.Errorf("the entry has changed: %+v", after)
	}
	if w := week(t, o, anns); !w.Holds || w.Overview.Entries != 1 {
		t.Errorf("%+v", w)
	}
	o.Exec(t, `UPDATE entries SET seconds = 7200 WHERE external_id = '1'`) // behind our back
	if week(t, o, anns).Holds {
		t.Error("the seal holds although an entry is another one")
	}
}

func TestASubmittedWeekChangesByImportsAloneWhichRaiseIt(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	must(t)(o.Mover.Submit(t.Context(), ann, anns, nil))
	before := week(t, o, anns)
	content := fixture.Content()
	content.Duration = fixture.Hours("1")
	for name, err := range map[string]error{
		"record":   errorOf(o.Recorder.Record(t.Context(), ann, content, nil)),
		"amend":    amend(t, o, bob, "1", "Shop"),
		"withdraw": o.Recorder.Withdraw(t.Context(), ann, o.Held(t, "1").ID(), nil),
	} {
		if codeOf(err) != "withdraw_first" || !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.Receive(t, office.Row("1", office.Hours("2")))
	after := week(t, o, anns)
	if after.Sheet.Version != before.Sheet.Version+1 || after.Tag == before.Tag || after.Sheet.State != timesheet.WeekSubmitted {
		t.Errorf("%+v", after.Sheet)
	}
	if _, err := o.Mover.Approve(t.Context(), bob, anns, seen(before.Tag)); !errors.Is(err, fault.Stale) {
		t.Errorf("what nobody has seen is approved: %v", err)
	}
	must(t)(o.Mover.Approve(t.Context(), bob, anns, seen(after.Tag)))
}

func TestWhoMovesAWeek(t *testing.T) {
	t.Parallel()
	robot := fixture.Machine(identity.CreateTimesheets, identity.ReadTimesheets, identity.ApproveTimesheets)
	for _, tt := range []struct {
		name                string
		by                  identity.Principal
		get, handIn, decide string // the code of the fault, "" for none
	}{
		{"its worker", ann, "", "", "insufficient_scope"},
		{"its worker, who approves others", fixture.Approver("ann"), "", "", "own_week"},
		{"an approver", bob, "", "other_worker", ""},
		{"another person", fixture.Person("bob"), "not_found", "not_found", "insufficient_scope"},
		{"a machine", robot, "", "other_worker", "persons_only"},
		{"the import job", fixture.Job(), "insufficient_scope", "insufficient_scope", "insufficient_scope"},
		{"an approver of another organisation", fixture.Of("other", bob), "not_found", "other_worker", "not_found"},
		{"nobody", identity.Principal{}, "insufficient_scope", "insufficient_scope", "insufficient_scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			pending(t, o, "1")
			prepare := func(moves ...func() error) {
				t.Helper()
				for _, move := range moves {
					if err := move(); err != nil {
						t.Fatal(err)
					}
				}
			}
			submit := func(by identity.Principal) func() error {
				return func() error { return errorOf(o.Mover.Submit(t.Context(), by, anns, nil)) }
			}
			approve := func(by identity.Principal) func() error {
				return func() error { return errorOf(o.Mover.Approve(t.Context(), by, anns, nil)) }
			}
			reopen := func(by identity.Principal) func() error {
				return func() error { return errorOf(o.Mover.Reopen(t.Context(), by, anns, "x", nil)) }
			}
			withdraw := func() error { return errorOf(o.Mover.Withdraw(t.Context(), tt.by, anns, nil)) }
			reject := func() error { return errorOf(o.Mover.Reject(t.Context(), tt.by, anns, "x", nil)) }
			for _, step := range []struct {
				name    string
				before  []func() error
				move    func() error
				want    string
				becomes timesheet.WeekState
			}{
				{"get", nil, func() error { return errorOf(o.Weeks.Get(t.Context(), tt.by, anns)) }, tt.get, timesheet.WeekOpen},
				{"submit", nil, submit(tt.by), tt.handIn, timesheet.WeekSubmitted},
				{"withdraw", []func() error{submit(ann)}, withdraw, tt.handIn, timesheet.WeekOpen},
				{"reject", []func() error{submit(ann)}, reject, tt.decide, timesheet.WeekRejected},
				{"approve", []func() error{submit(ann)}, approve(tt.by), tt.decide, timesheet.WeekApproved},
				{"reopen", []func() error{approve(carol)}, reopen(tt.by), tt.decide, timesheet.WeekOpen},
			} {
				prepare(step.before...)
				before := week(t, o, anns).Sheet.State
				err := step.move()
				if got := codeOf(err); got != step.want {
					t.Errorf("%s: %v, want %q", step.name, err, step.want)
				}
				want := step.becomes
				if step.want != "" {
					want = before
				}
				if got := week(t, o, anns).Sheet.State; got != want {
					t.Errorf("after %s it is %s, want %s", step.name, got, want)
				}
				if week(t, o, anns).Sheet.State == timesheet.WeekSubmitted {
					must(t)(o.Mover.Withdraw(t.Context(), ann, anns, nil))
				}
			}
		})
	}
	o := office.Open(t, office.Settings{})
	unseen := timesheet.WorkerWeek{UserID: "nobody", Week: anns.Week}
	if _, err := o.Mover.Approve(t.Context(), bob, unseen, nil); !errors.Is(err, fault.NotFound) || o.Count(t, `SELECT count(*) FROM workers`) != 0 {
		t.Errorf("a worker who was never seen: %v", err)
	}
}

func TestWhatKeepsAWeekFromBeingApproved(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	id := pending(t, o, "1")
	o.Receive(t, office.Row("2", office.Hours("1")))
	if _, err := o.Decider.Reject(t.Context(), bob, id, "no", nil); err != nil {
		t.Fatal(err)
	}
	_, err := o.Mover.Approve(t.Context(), bob, anns, nil)
	if codeOf(err) != "entry_rejected" || !strings.Contains(fault.Of(err).Text, id.String()) {
		t.Errorf("a rejected entry: %v", err)
	}
	if err := amend(t, o, bob, "1", "Shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Mover.Approve(t.Context(), bob, anns, nil); codeOf(err) != "changed_by_you" {
		t.Errorf("changed by hand: %v", err)
	}
	if _, err := o.With(office.Settings{LockBefore: "2026-11-21"}).Mover.Approve(t.Context(), carol, anns, nil); codeOf(err) != "period_closed" {
		t.Errorf("a closed day: %v", err)
	}
	if s := o.Held(t, "2").Snapshot(); s.Status != timesheet.Pending || s.Version != 1 {
		t.Errorf("a part was approved: %+v", s)
	}
	must(t)(o.Mover.Approve(t.Context(), carol, anns, nil))
}

func TestOfApproversAtOnceOneWins(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	must(t)(o.Mover.Submit(t.Context(), ann, anns, nil))
	tag := week(t, o, anns).Tag
	var all sync.WaitGroup
	errs := make([]error, 10)
	for n := range errs {
		all.Go(func() {
			by := fixture.Approver(fmt.Sprint("approver ", n))
			if n%2 == 0 {
				_, errs[n] = o.Mover.Approve(t.Context(), by, anns, seen(tag))
			} else {
				_, errs[n] = o.Mover.Reject(t.Context(), by, anns, "no", seen(tag))
			}
		})
	}
	all.Wait()
	last := week(t, o, anns).LastMove()
	won := 0
	for n, err := range errs {
		if err == nil {
			won++
			continue
		}
		if !errors.Is(err, fault.Conflict) || fault.Of(err).Extra["by"] != last.By || !strings.Contains(fault.Of(err).Text, last.By) {
			t.Errorf("approver %d: %v", n, err)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

func TestAnEmptyWeekIsHandedIn(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	w := must(t)(o.Mover.Submit(t.Context(), ann, anns, nil))
	if w.Sheet.State != timesheet.WeekSubmitted || w.Overview.Entries != 0 || len(w.Days) != 7 {
		t.Errorf("%+v", w)
	}
	w = must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
	if !w.Holds || w.Sheet.Seal.Entries != 0 {
		t.Errorf("%+v", w)
	}
	if got := office.Outcomes(o.Receive(t, office.Row("1"))); got != "conflict:week_approved" {
		t.Error(got)
	}
	if _, err := o.Mover.Approve(t.Context(), bob, timesheet.WorkerWeek{UserID: "nobody", Week: anns.Week}, nil); !errors.Is(err, fault.NotFound) {
		t.Errorf("a worker who was never seen: %v", err)
	}
}

// late makes an open correction: the week is approved, then the source changes
// the key.
func late(t *testing.T, o *office.Office, row string) timesheet.ID {
	t.Helper()
	pending(t, o, "1")
	must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
	r := o.Receive(t, office.Row(row, office.Hours("2")))
	return r.Results[0].CorrectionID
}

func TestAnAcceptedCorrectionAmendsItsWeek(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"1", "new"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			id := late(t, o, key)
			before := week(t, o, anns)
			if _, err := o.Corrector.Accept(t.Context(), fixture.Approver("ann"), id, nil); codeOf(err) != "own_correction" {
				t.Errorf("of one's own: %v", err)
			}
			if _, err := o.With(office.Settings{LockBefore: "2026-11-21"}).Corrector.Accept(t.Context(), carol, id, nil); codeOf(err) != "period_closed" {
				t.Errorf("in a closed period: %v", err)
			}
			for range 2 {
				done, err := o.Corrector.Accept(t.Context(), carol, id, nil)
				if err != nil || done.Correction.State != timesheet.CorrectionAccepted {
					t.Fatalf("%+v, %v", done, err)
				}
			}
			s := o.Held(t, key).Snapshot()
			if s.Status != timesheet.Approved || s.Content.Duration != fixture.Hours("2") || s.DecidedBy != "carol" {
				t.Errorf("%+v", s)
			}
			w := week(t, o, anns)
			if !w.Sheet.Amended || !w.Holds || w.Sheet.Seal == before.Sheet.Seal || w.Sheet.Version != before.Sheet.Version+1 || w.LastMove().By != "carol" {
				t.Errorf("%+v", w.Sheet)
			}
			if got := office.Outcomes(o.Receive(t, office.Row(key, office.Hours("2")))); got != "unchanged" {
				t.Error(got)
			}
			if _, err := o.Corrector.Dismiss(t.Context(), bob, id, "", nil); codeOf(err) != "correction_closed" {
				t.Error(err)
			}
		})
	}
}

func TestADismissedRevisionIsUnchangedFromThenOn(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"1", "new"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			id := late(t, o, key)
			closed := o.With(office.Settings{LockBefore: "2026-11-21"})
			if done, err := closed.Corrector.Dismiss(t.Context(), carol, id, "agreed by phone", nil); err != nil || done.Correction.State != timesheet.CorrectionDismissed {
				t.Fatal(done, err)
			}
			if got := office.Outcomes(o.Receive(t, office.Row(key, office.Hours("2")))); got != "unchanged" {
				t.Errorf("the same: %s", got)
			}
			_, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, office.Row(key, office.Hours("2")), false)
			if want := map[string]string{"1": "", "new": "correction_dismissed"}[key]; codeOf(err) != want {
				t.Errorf("the same by itself: %v, want %q", err, want)
			}
			if got := office.Outcomes(o.Receive(t, office.Row(key, office.Hours("3")))); !strings.HasPrefix(got, "conflict") {
				t.Errorf("another: %s", got)
			}
			for range 2 {
				if got := office.Outcomes(o.Receive(t, office.Row(key, office.Hours("2")))); got != "unchanged" {
					t.Errorf("after another the same again: %s", got)
				}
			}
			if n := o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'open'`); n != 0 {
				t.Error("what the source took back is open")
			}
			if got := office.Outcomes(o.Receive(t, office.Row(key, office.Hours("3")))); !strings.HasPrefix(got, "conflict") {
				t.Errorf("the other again: %s", got)
			}
			if w := week(t, o, anns); !w.Holds || w.Sheet.Amended {
				t.Errorf("%+v", w.Sheet)
			}
		})
	}
}

func TestReopeningJudgesWhatWaited(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	changed := late(t, o, "1")
	added := o.Receive(t, office.Row("new", office.Hours("3"))).Results[0].CorrectionID
	tooMuch := o.Receive(t, office.Row("long", office.Hours("20"))).Results[0].CorrectionID
	o.Clock.Forward(time.Minute)
	writes := o.Count(t, `SELECT count(*) FROM writes`)
	w := must(t)(o.Mover.Reopen(t.Context(), bob, anns, "late hours", seen(week(t, o, anns).Tag)))
	if n := o.Count(t, `SELECT count(*) FROM writes`); n != writes+1 {
		t.Errorf("it is %d writes: the counter is held from the first on", n-writes)
	}
	if w.Sheet.State != timesheet.WeekOpen || w.Overview.Entries != 2 || w.Overview.Seconds != 5*3600 || w.Pending != 2 || w.Sheet.Seal != (timesheet.Seal{}) {
		t.Errorf("%+v", w.Overview)
	}
	for id, want := range map[timesheet.ID]timesheet.CorrectionState{changed: timesheet.CorrectionObsolete, added: timesheet.CorrectionObsolete, tooMuch: timesheet.CorrectionOpen} {
		n := o.Count(t, `SELECT count(*) FROM corrections WHERE id = $1 AND state = $2`, id, string(want))
		if n != 1 {
			t.Errorf("the correction %s is not %s", id, want)
		}
	}
	if s := o.Held(t, "1").Snapshot(); s.Version != 4 || s.Status != timesheet.Pending || s.Content.Duration != fixture.Hours("2") {
		t.Errorf("%+v", s)
	}
	if n := o.Count(t, `SELECT count(*) - max(number) FROM writes`); n != 0 {
		t.Error("the feed has gaps")
	}
	if got := office.Outcomes(o.Receive(t, office.Row("1", office.Hours("2")), office.Row("new", office.Hours("3")))); got != "unchanged unchanged" {
		t.Error(got)
	}
}

func TestListsOfWeeks(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for i, day := range []string{"2026-11-20", "2026-11-10", "2026-10-05"} {
		for _, who := range []string{"ann", "ben", "cid"} {
			o.Receive(t, office.Row(fmt.Sprint(i, who), office.Of(who), office.On(day), office.Hours("1")))
		}
	}
	must(t)(o.Mover.Submit(t.Context(), ann, timesheet.WorkerWeek{UserID: "ann", Week: fixture.Day("2026-10-20").Week()}, nil)) // empty
	must(t)(o.Mover.Submit(t.Context(), ann, anns, nil))
	list := func(by identity.Principal, f approval.WeekFilter, limit int) (all []string) {
		t.Helper()
		var after approval.WeekPlace
		for more := true; more; more = after != (approval.WeekPlace{}) {
			page, next, err := o.Weeks.List(t.Context(), by, f, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range page {
				all = append(all, fmt.Sprint(w.Of.Week, " ", w.Of.UserID, " ", w.State, " ", w.Seconds))
			}
			after = next
		}
		return all
	}
	own := []string{"2026-W47 ann submitted 3600", "2026-W46 ann open 3600", "2026-W43 ann submitted 0", "2026-W41 ann open 3600"}
	everyone := []string{own[0], "2026-W47 ben open 3600", "2026-W47 cid open 3600", own[1], "2026-W46 ben open 3600", "2026-W46 cid open 3600", own[2],
		own[3], "2026-W41 ben open 3600", "2026-W41 cid open 3600"}
	for limit := 1; limit < 12; limit += 3 {
		for name, tt := range map[string]struct{ got, want []string }{
			"own":             {list(ann, approval.WeekFilter{}, limit), own},
			"everyone":        {list(bob, approval.WeekFilter{UserID: "*"}, limit), everyone},
			"submitted":       {list(bob, approval.WeekFilter{UserID: "*", State: timesheet.WeekSubmitted}, limit), []string{own[0], own[2]}},
			"own submitted":   {list(ann, approval.WeekFilter{State: timesheet.WeekSubmitted}, limit), []string{own[0], own[2]}},
			"open":            {list(bob, approval.WeekFilter{UserID: "*", State: timesheet.WeekOpen, From: fixture.Day("2026-11-10").Week()}, limit), []string{everyone[1], everyone[2], everyone[3], everyone[4], everyone[5]}},
			"of some weeks":   {list(bob, approval.WeekFilter{UserID: "ann", From: fixture.Day("2026-10-20").Week(), To: fixture.Day("2026-11-10").Week()}, limit), own[1:3]},
			"other's company": {list(fixture.Of("other", bob), approval.WeekFilter{UserID: "*"}, limit), nil},
		} {
			if got, want := strings.Join(tt.got, "\n"), strings.Join(tt.want, "\n"); got != want {
				t.Errorf("%s, %d a page:\n%s\nwant\n%s", name, limit, got, want)
			}
		}
	}
	missing, next, err := o.Weeks.Missing(t.Context(), bob, anns.Week, "", 10)
	if err != nil || next != (approval.WeekPlace{}) || len(missing) != 2 || missing[0].Of.UserID != "ben" || missing[1].Of.UserID != "cid" {
		t.Errorf("missing %+v, %v", missing, err)
	}
}

// Where nearly everything is approved, a list of what is open looks through a
// quarter of it at a time.
func TestOpenWeeksThatLieFarApartComeInPagesThatAreNotFull(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	const weeks = 100
	for n := range weeks {
		day := fixture.Friday.Add(-7 * n)
		o.Receive(t, office.Row(fmt.Sprint(n), office.On(day.String()), office.Hours("1")))
		if n%40 != 3 {
			o.Exec(t, `INSERT INTO weeks (org_id, user_id, monday, state, version, amended) VALUES ('default', 'ann', $1, 'submitted', 1, false)`, day.Week().Monday().Time())
		}
	}
	for _, limit := range []int{1, 2, 500} {
		var found []string
		var after approval.WeekPlace
		pages := 0
		for more := true; more; more = after != (approval.WeekPlace{}) {
			page, next, err := o.Weeks.List(t.Context(), bob, approval.WeekFilter{UserID: identity.Everyone, State: timesheet.WeekOpen}, after, limit)
			if err != nil || len(page) > limit || pages > weeks {
				t.Fatalf("page %d has %d, %v", pages, len(page), err)
			}
			for _, w := range page {
				found = append(found, w.Of.Week.String())
			}
			after = next
			pages++
		}
		if got := strings.Join(found, " "); got != "2026-W44 2026-W04 2025-W16" || pages < 5 {
			t.Errorf("%d a page: %s on %d pages", limit, got, pages)
		}
	}
}

// Who got no answer to their approval sends it again as it was, whatever became
// of the week's entries since: it is still they who approved it.
func TestAnApprovalIsRepeatedAfterAnAmendment(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	tag := week(t, o, anns).Tag
	approve := func(by identity.Principal) error { return errorOf(o.Mover.Approve(t.Context(), by, anns, seen(tag))) }
	if err := approve(bob); err != nil {
		t.Fatal(err)
	}
	for _, hours := range []string{"2", "3"} {
		id := o.Receive(t, office.Row("1", office.Hours(hours))).Results[0].CorrectionID
		if _, err := o.Corrector.Accept(t.Context(), carol, id, nil); err != nil {
			t.Fatal(err)
		}
	}
	before := week(t, o, anns)
	if err := approve(bob); err != nil {
		t.Errorf("bob, who approved it: %v", err)
	}
	for _, by := range []identity.Principal{carol, fixture.Approver("dan")} {
		err := approve(by)
		if f := fault.Of(err); codeOf(err) != "overtaken" || f.Extra["by"] != "bob" || !strings.Contains(f.Text, "approved by bob") {
			t.Errorf("%s, who did not: %v", by.ID, err)
		}
	}
	if after := week(t, o, anns); after.Tag != before.Tag || !after.Sheet.Amended || !after.Holds {
		t.Errorf("it is %+v after %+v", after.Sheet, before.Sheet)
	}
}

func TestADismissedDeletionIsNotProposedAgain(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
	mirror := func() (deleted, open int) {
		t.Helper()
		run, err := o.Runner.Start(t.Context(), fixture.Job(), intake.Declaration{Source: office.Source, Mode: intake.Mirror, Scope: intake.Scope{From: fixture.Friday, To: fixture.Friday}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ended, err := o.Runner.Complete(t.Context(), fixture.Job(), intake.RunRef{ID: run.ID, Fence: run.Fence}, intake.Completion{MaxDeleteCount: 10, AllowEmpty: true})
		if err != nil {
			t.Fatal(err)
		}
		return ended.Deleted, o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'open' AND deletion`)
	}
	if deleted, open := mirror(); deleted != 0 || open != 1 {
		t.Fatalf("%d deleted, %d open", deleted, open)
	}
	waiting, _, err := o.Corrector.List(t.Context(), carol, approval.CorrectionFilter{State: timesheet.CorrectionOpen, UserID: "ann"}, approval.CorrectionPlace{}, 10)
	if err != nil || len(waiting) != 1 || !waiting[0].Correction.Deletion || waiting[0].Held.Entry.Snapshot().Origin.ExternalID != "1" {
		t.Fatalf("%+v, %v", waiting, err)
	}
	if _, err := o.Corrector.Dismiss(t.Context(), carol, waiting[0].Correction.ID, "it was worked", nil); err != nil {
		t.Fatal(err)
	}
	if deleted, open := mirror(); deleted != 0 || open != 0 {
		t.Errorf("once dismissed: %d deleted, %d open", deleted, open)
	}
	must(t)(o.Mover.Reopen(t.Context(), bob, anns, "again", nil))
	if deleted, open := mirror(); deleted != 0 || open != 0 {
		t.Errorf("once reopened: %d deleted, %d open", deleted, open)
	}
	o.Receive(t, office.Row("1", office.Hours("2")))
	if deleted, open := mirror(); deleted != 1 || open != 0 {
		t.Errorf("once the source has changed it: %d deleted, %d open", deleted, open)
	}
}

func TestAnAcceptedDeletionAmendsItsWeek(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
	run, err := o.Runner.Start(t.Context(), fixture.Job(), intake.Declaration{Source: office.Source, Mode: intake.Mirror, Scope: intake.Scope{From: fixture.Friday, To: fixture.Friday}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Runner.Complete(t.Context(), fixture.Job(), intake.RunRef{ID: run.ID, Fence: run.Fence}, intake.Completion{AllowEmpty: true}); err != nil {
		t.Fatal(err)
	}
	waiting, _, err := o.Corrector.List(t.Context(), carol, approval.CorrectionFilter{State: timesheet.CorrectionOpen}, approval.CorrectionPlace{}, 10)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%+v, %v", waiting, err)
	}
	if _, err := o.Corrector.Accept(t.Context(), carol, waiting[0].Correction.ID, nil); err != nil {
		t.Fatal(err)
	}
	if w := week(t, o, anns); !w.Sheet.Amended || !w.Holds || w.Sheet.Seal.Entries != 0 || !o.Held(t, "1").Deleted() {
		t.Errorf("%+v", w.Sheet)
	}
	if got := office.Outcomes(o.Receive(t, office.Row("1", office.Hours("1")))); got != "conflict:week_approved" {
		t.Errorf("its source has it again: %s", got)
	}
}

// A worker may hand a week in and take it back as often as they like: what is shown
// of that, and read for the next move, stays as little.
func TestOfAWeekThatMovesAllTheTimeTheLastMovesAreKnown(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
	before := week(t, o, anns)
	amended := func(n int) {
		o.Exec(t, `
			INSERT INTO week_moves SELECT org_id, user_id, monday, number + n, 'amended', at, 'dan', reason, entries, seconds, digest
			FROM (SELECT * FROM week_moves ORDER BY number DESC LIMIT 1) m, generate_series(1, $1) AS n`, n)
	}
	amended(timesheet.MaxMoves - 1)
	if w := week(t, o, anns); len(w.Moves) != timesheet.MaxMoves || w.Moves[0].Kind != timesheet.WasWeekApproved || w.Tag != before.Tag {
		t.Errorf("%d moves, the first is %+v, tag %s, want %s", len(w.Moves), w.Moves[0], w.Tag, before.Tag)
	}
	amended(timesheet.MaxMoves)
	w := week(t, o, anns)
	if len(w.Moves) != timesheet.MaxMoves+1 || w.Arrival().By != "bob" || w.Moves[1].Kind != timesheet.WasAmended {
		t.Errorf("%d moves, it came here by %+v", len(w.Moves), w.Arrival())
	}
	if err := errorOf(o.Mover.Approve(t.Context(), carol, anns, seen("before"))); codeOf(err) != "overtaken" || fault.Of(err).Extra["by"] != "bob" {
		t.Errorf("approved again: %v", err)
	}
	must(t)(o.Mover.Reopen(t.Context(), bob, anns, "once more", nil))
	must(t)(o.Mover.Submit(t.Context(), ann, anns, nil))
	if w := week(t, o, anns); len(w.Moves) != timesheet.MaxMoves || w.LastMove().Kind != timesheet.WasSubmitted {
		t.Errorf("%d moves, the last is %+v", len(w.Moves), w.LastMove())
	}
	if n := o.Count(t, `SELECT count(*) FROM week_moves WHERE number <= $1`, 2*timesheet.MaxMoves+2); n != 2*timesheet.MaxMoves+2 {
		t.Errorf("%d moves are kept", n)
	}
}
