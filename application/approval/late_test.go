package approval_test

import (
	"context"
	"errors"
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

// Who takes an entry out of a week has changed the week, too.
func TestWhoTookAnEntryOutOfAWeekDoesNotApproveIt(t *testing.T) {
	t.Parallel()
	edit := func(change func(*timesheet.Content)) func(*testing.T, *office.Office, timesheet.ID) error {
		return func(t *testing.T, o *office.Office, id timesheet.ID) error {
			_, err := o.Recorder.Amend(t.Context(), bob, id, nil, func(c timesheet.Content) (timesheet.Content, error) { change(&c); return c, nil })
			return err
		}
	}
	for name, remove := range map[string]func(*testing.T, *office.Office, timesheet.ID) error{
		"deleted": func(t *testing.T, o *office.Office, id timesheet.ID) error {
			return o.Recorder.Withdraw(t.Context(), bob, id, nil)
		},
		"given to another":     edit(func(c *timesheet.Content) { c.UserID = "ben" }),
		"put into a week past": edit(func(c *timesheet.Content) { c.Day = fixture.Day("2026-11-13") }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			id := pending(t, o, "1")
			o.Receive(t, office.Row("2", office.Hours("1")))
			if err := remove(t, o, id); err != nil {
				t.Fatal(err)
			}
			if _, err := o.Mover.Approve(t.Context(), bob, anns, nil); codeOf(err) != "changed_by_you" || !errors.Is(err, fault.Forbidden) {
				t.Errorf("who did it: %v", err)
			}
			must(t)(o.Mover.Approve(t.Context(), carol, anns, nil))
		})
	}
	t.Run("put back", func(t *testing.T) {
		t.Parallel()
		o := office.Open(t, office.Settings{})
		id := pending(t, o, "1")
		for _, day := range []string{"2026-11-13", "2026-11-20"} {
			if err := edit(func(c *timesheet.Content) { c.Day = fixture.Day(day) })(t, o, id); err != nil {
				t.Fatal(err)
			}
		}
		if err := amend(t, o, carol, "1", "Shop"); err != nil {
			t.Fatal(err)
		}
		must(t)(o.Mover.Approve(t.Context(), bob, anns, nil)) // carol was the last
	})
}

// Whatever becomes of the entry elsewhere: the week is as they left it.
func TestWhoTookAnEntryOutOfAWeekDoesNotApproveItOnceOthersHaveTouchedTheEntry(t *testing.T) {
	t.Parallel()
	ben := fixture.Person("ben")
	change := func(by identity.Principal, edit func(*timesheet.Content)) func(*testing.T, *office.Office, timesheet.ID) {
		return func(t *testing.T, o *office.Office, id timesheet.ID) {
			t.Helper()
			if _, err := o.Recorder.Amend(t.Context(), by, id, nil, func(c timesheet.Content) (timesheet.Content, error) { edit(&c); return c, nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	toBen := change(bob, func(c *timesheet.Content) { c.UserID = "ben" })
	toAnn := func(by identity.Principal) func(*testing.T, *office.Office, timesheet.ID) {
		return change(by, func(c *timesheet.Content) { c.UserID = "ann" })
	}
	retold := func(by identity.Principal) func(*testing.T, *office.Office, timesheet.ID) {
		return change(by, func(c *timesheet.Content) { c.Description += "more of it" })
	}
	type steps = []func(*testing.T, *office.Office, timesheet.ID)
	for name, tt := range map[string]struct {
		steps steps
		want  string
	}{
		"by whom it was given to":           {steps{toBen, retold(ben)}, "changed_by_you"},
		"by an approver":                    {steps{toBen, retold(carol), retold(carol)}, "changed_by_you"},
		"by who put it back":                {steps{toBen, retold(ben), toAnn(carol)}, ""},
		"by who took it out again":          {steps{toBen, toAnn(carol), change(carol, func(c *timesheet.Content) { c.UserID = "ben" })}, ""},
		"who takes out what another did":    {steps{change(carol, func(c *timesheet.Content) { c.UserID = "ben" }), toAnn(carol), toBen, retold(ben)}, "changed_by_you"},
		"who only touched what was outside": {steps{change(carol, func(c *timesheet.Content) { c.UserID = "ben" }), retold(bob)}, ""},
		"into a day of another week, by its worker": {steps{
			change(bob, func(c *timesheet.Content) { c.Day = fixture.Day("2026-11-13") }), retold(ann),
		}, "changed_by_you"},
		"deleted by whom it was given to": {steps{toBen, func(t *testing.T, o *office.Office, id timesheet.ID) {
			if err := o.Recorder.Withdraw(t.Context(), ben, id, nil); err != nil {
				t.Fatal(err)
			}
		}}, "changed_by_you"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			id := pending(t, o, "1")
			o.Receive(t, office.Row("2", office.Hours("1")))
			for _, step := range tt.steps {
				step(t, o, id)
			}
			if _, err := o.Mover.Approve(t.Context(), bob, anns, nil); codeOf(err) != tt.want {
				t.Errorf("who did it: %v, want %q", err, tt.want)
			}
		})
	}
}

// That another approver has approved the entry by itself makes it no less
// theirs: the week is approved with it.
func TestWhoChangedAnEntryThatIsApprovedDoesNotApproveItsWeek(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	id := pending(t, o, "1")
	o.Receive(t, office.Row("2", office.Hours("1")))
	if err := amend(t, o, bob, "1", "Shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Decider.Approve(t.Context(), carol, id, nil); err != nil {
		t.Fatal(err)
	}
	_, err := o.Mover.Approve(t.Context(), bob, anns, nil)
	if codeOf(err) != "changed_by_you" || !errors.Is(err, fault.Forbidden) || fault.Of(err).Extra["entry_id"] != id.String() {
		t.Errorf("who did it: %v", err)
	}
	if s := o.Held(t, "2").Snapshot(); s.Status != timesheet.Pending {
		t.Errorf("a part was approved: %+v", s)
	}
	version := o.Held(t, "1").Snapshot().Version
	must(t)(o.Mover.Approve(t.Context(), carol, anns, nil))
	if s := o.Held(t, "1").Snapshot(); s.Version != version {
		t.Errorf("what was approved is approved once more: %+v", s)
	}
}

func TestAWeekThatHasNotBegunIsNotApproved(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	for day, want := range map[string]string{"2026-12-21": "", "2026-12-28": "week_out_of_range", "1999-12-20": "week_out_of_range"} {
		of := timesheet.WorkerWeek{UserID: "ann", Week: fixture.Day(day).Week()}
		_, submitted := o.Mover.Submit(t.Context(), ann, of, nil)
		_, approved := o.Mover.Approve(t.Context(), bob, of, nil)
		if codeOf(submitted) != want || codeOf(approved) != want {
			t.Errorf("%s is submitted: %v, approved: %v, want %q", of.Week, submitted, approved, want)
		}
	}
}

// What still has to wait once the week is open was brought by the run that
// brought it, not by who reopened the week: a revert of the run takes it back.
func TestWhatWaitsAfterReopeningIsStillOfItsRun(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	if err := amend(t, o, ann, "1", "Shop"); err != nil {
		t.Fatal(err)
	}
	must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
	report := o.Receive(t, office.Row("1", office.Hours("2")))
	o.Clock.Forward(time.Minute)
	must(t)(o.Mover.Reopen(t.Context(), bob, anns, "late hours", nil))
	c, _, err := o.Corrector.List(t.Context(), carol, approval.CorrectionFilter{State: timesheet.CorrectionOpen}, approval.CorrectionPlace{}, 10)
	if err != nil || len(c) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	got := c[0].Correction
	if got.Why != timesheet.EditedByHand || got.Version != 2 || got.ImportID != report.ImportID || got.ProposedBy != fixture.Job().ID || !got.ProposedAt.Equal(fixture.Now) {
		t.Errorf("%+v", got)
	}
}

// A dismissed revision that comes again with a newer stamp is the newest that is
// known: what is older than that stamp is stale.
func TestANewerStampOfADismissedRevisionIsKept(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"1", "new"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			pending(t, o, "1")
			must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
			id := o.Receive(t, office.Row(key, office.Hours("2"), office.Stamped(1))).Results[0].CorrectionID
			if _, err := o.Corrector.Dismiss(t.Context(), carol, id, "", nil); err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct {
				row  intake.Row
				want string
			}{
				{office.Row(key, office.Hours("2"), office.Stamped(3)), "unchanged"},
				{office.Row(key, office.Hours("3"), office.Stamped(2)), "unchanged:stale"},
				{office.Row(key, office.Hours("2"), office.Stamped(3)), "unchanged"},
				{office.Row(key, office.Hours("3"), office.Stamped(4)), map[string]string{"1": "conflict:entry_approved", "new": "conflict:week_approved"}[key]},
			} {
				if got := office.Outcomes(o.Receive(t, step.row)); got != step.want {
					t.Errorf("got %s, want %s", got, step.want)
				}
			}
		})
	}
}

// weekStore is approval.Weeks under a name that is none of its methods.
type weekStore approval.Weeks

// rushed lets something happen between reading corrections and writing what
// becomes of them.
type rushed struct {
	weekStore
	meanwhile func()
}

type rushedTx struct {
	approval.WeekTx
	meanwhile func()
}

func (r rushed) Revise(ctx context.Context, org identity.Organization, fn func(approval.WeekTx) error) error {
	return r.weekStore.Revise(ctx, org, func(tx approval.WeekTx) error { return fn(rushedTx{tx, r.meanwhile}) })
}

func (r rushedTx) Correction(ctx context.Context, id timesheet.ID) (approval.LateChange, error) {
	c, err := r.WeekTx.Correction(ctx, id)
	r.meanwhile()
	return c, err
}

func (r rushedTx) Concerning(ctx context.Context, of timesheet.WorkerWeek) ([]timesheet.Held, error) {
	held, err := r.WeekTx.Concerning(ctx, of)
	r.meanwhile()
	return held, err
}

// first is If-Match with the first version.
func first(version int) error {
	if version != 1 {
		return fault.New(fault.Stale, "stale_version", "It is version %d.", version)
	}
	return nil
}

// A newer proposal that gives the hours to somebody else takes other locks: the
// version is what keeps a decision from being about what nobody has seen.
func TestAProposalThatComesWhileItIsDecidedAboutIsNotDecidedAbout(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"accept", "dismiss"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			id := late(t, o, "new")
			bens := timesheet.WorkerWeek{UserID: "ben", Week: anns.Week}
			o.Receive(t, office.Row("other", office.Of("ben"), office.Hours("1")))
			must(t)(o.Mover.Approve(t.Context(), bob, bens, nil))
			once := true
			weeks := rushed{o.Sheets, func() {
				if once {
					once = false
					o.Receive(t, office.Row("new", office.Of("ben"), office.Hours("4")))
				}
			}}
			corrector := approval.NewCorrector(weeks, identity.UserIDs{}, timesheet.Day{}, fixture.NewID, o.Clock.Now)
			var err error
			if how == "accept" {
				_, err = corrector.Accept(t.Context(), carol, id, first)
			} else {
				_, err = corrector.Dismiss(t.Context(), carol, id, "", first)
			}
			if !errors.Is(err, fault.Stale) {
				t.Errorf("got %v", err)
			}
			open, _, err := o.Corrector.List(t.Context(), carol, approval.CorrectionFilter{}, approval.CorrectionPlace{}, 10)
			if err != nil || len(open) != 1 || open[0].Correction.State != timesheet.CorrectionOpen || open[0].Correction.Version != 2 || open[0].Correction.Content.UserID != "ben" {
				t.Errorf("%+v, %v", open, err)
			}
		})
	}
}

// The same holds for a week that is reopened: what is proposed by then goes by the
// newer proposal.
func TestAProposalThatComesWhileItsWeekIsReopenedIsJudgedAsItIs(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	id := late(t, o, "new")
	bens := timesheet.WorkerWeek{UserID: "ben", Week: anns.Week}
	o.Receive(t, office.Row("other", office.Of("ben"), office.Hours("1")))
	must(t)(o.Mover.Approve(t.Context(), bob, bens, nil))
	times := 0
	weeks := rushed{o.Sheets, func() {
		if times++; times == 1 {
			o.Receive(t, office.Row("new", office.Of("ben"), office.Hours("4")))
		}
	}}
	mover := approval.NewMover(weeks, o.Weeks, timesheet.Day{}, fixture.NewID, o.Clock.Now)
	if w := must(t)(mover.Reopen(t.Context(), bob, anns, "late hours", nil)); w.Sheet.State != timesheet.WeekOpen || w.Overview.Entries != 1 || times != 2 {
		t.Errorf("after %d readings it is %s, with %d entries", times, w.Sheet.State, w.Overview.Entries)
	}
	open, _, err := o.Corrector.List(t.Context(), carol, approval.CorrectionFilter{State: timesheet.CorrectionOpen}, approval.CorrectionPlace{}, 10)
	if err != nil || len(open) != 1 || open[0].Correction.ID != id || open[0].Correction.Version != 2 || open[0].Correction.Content.UserID != "ben" {
		t.Errorf("%+v, %v", open, err)
	}
}

// A week that has as many entries as one may have takes no more: it could never
// be reopened.
func TestAFullWeekTakesNoLateEntry(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	o.Exec(t, `UPDATE entries SET seconds = 1`)
	o.Exec(t, `
		INSERT INTO entries (org_id, id, source, external_id, user_id, day, seconds, project, billable, status, version, change, created_at, created_by, updated_at, updated_by, write_id, position)
		SELECT org_id, gen_random_uuid(), source, 'more ' || n, user_id, day - n % 5, 1, project, billable, 'approved', 1, 'created', created_at, created_by, updated_at, updated_by, write_id, n
		FROM entries, generate_series(1, $1) AS n`, timesheet.MaxWeekEntries-1)
	must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
	id := o.Receive(t, office.Row("new", func(r *intake.Row) { r.Content.Duration = fixture.Seconds(1) })).Results[0].CorrectionID
	if _, err := o.Corrector.Accept(t.Context(), carol, id, nil); codeOf(err) != "too_many_entries" || !errors.Is(err, fault.Conflict) {
		t.Errorf("accepted: %v", err)
	}
	if w := week(t, o, anns); !w.Holds || w.Overview.Entries != timesheet.MaxWeekEntries {
		t.Errorf("%d entries, holds: %t", w.Overview.Entries, w.Holds)
	}
	must(t)(o.Mover.Reopen(t.Context(), bob, anns, "too many", nil))
	o.Receive(t, office.Row("one more", func(r *intake.Row) { r.Content.Duration = fixture.Seconds(1) }))
	if _, err := o.Weeks.Get(t.Context(), ann, anns); codeOf(err) != "too_many_entries" || !errors.Is(err, fault.Conflict) {
		t.Errorf("one more is shown: %v", err)
	}
}
