package approval_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/approval"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

var plain = cmp.AllowUnexported(timesheet.Day{}, timesheet.Duration{})

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// pending is an entry of ann's that waits for a decision, under the key.
func pending(t *testing.T, o *office.Office, key string) timesheet.ID {
	t.Helper()
	o.Receive(t, office.Row(key, office.Hours("1")))
	return o.Held(t, key).ID()
}

func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	liar := fixture.Machine(identity.ApproveTimesheets, identity.ReadTimesheets)
	for _, tt := range []struct {
		name string
		by   identity.Principal
		want string
		kind fault.Kind
	}{
		{"an approver", fixture.Approver("bob"), "", 0},
		{"its worker, who approves others", fixture.Approver("ann"), "own_entry", fault.Forbidden},
		{"its worker", fixture.Person("ann"), "insufficient_scope", fault.Forbidden},
		{"another person", fixture.Person("bob"), "insufficient_scope", fault.Forbidden},
		{"a machine that says it approves", liar, "persons_only", fault.Forbidden},
		{"the import job", fixture.Job(), "insufficient_scope", fault.Forbidden},
		{"an approver of another organisation", fixture.Of("other", fixture.Approver("bob")), "not_found", fault.NotFound},
		{"nobody", identity.Principal{}, "insufficient_scope", fault.Forbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			first, second := pending(t, o, "1"), pending(t, o, "2")
			_, approved := o.Decider.Approve(t.Context(), tt.by, first, nil)
			_, rejected := o.Decider.Reject(t.Context(), tt.by, second, "no", nil)
			for how, err := range map[string]error{"approved": approved, "rejected": rejected} {
				if codeOf(err) != tt.want || err != nil && !errors.Is(err, tt.kind) {
					t.Errorf("%s: got %v, want %q", how, err, tt.want)
				}
			}
			want := "pending pending"
			if tt.want == "" {
				want = "approved rejected"
			}
			if got := fmt.Sprint(o.Held(t, "1").Snapshot().Status, " ", o.Held(t, "2").Snapshot().Status); got != want {
				t.Errorf("the entries are %s, want %s", got, want)
			}
		})
	}
}

func TestADecisionIsStoredAsItIsAnswered(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	id := pending(t, o, "1")
	o.Clock.Forward(1e9)
	answered, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), id, "Which project? \u2713", nil)
	if err != nil {
		t.Fatal(err)
	}
	stored := o.Held(t, "1").Snapshot()
	if diff := cmp.Diff(stored, answered.Snapshot(), plain); diff != "" {
		t.Errorf("(-stored +answered)\n%s", diff)
	}
	if stored.Status != timesheet.Rejected || stored.Reason != "Which project? \u2713" || stored.DecidedBy != "bob" || !stored.DecidedAt.Equal(o.Clock.Now()) ||
		stored.Version != 2 || !stored.ImportID.IsZero() {
		t.Errorf("stored %+v", stored)
	}
	if n := o.Count(t, `SELECT count(*) FROM writes WHERE number = 2 AND principal = 'bob' AND import_id IS NULL`); n != 1 {
		t.Error("the decision is not in the feed")
	}
}

func TestDecidingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	first, second := pending(t, o, "1"), pending(t, o, "2")
	before := map[string]int{}
	for range 2 {
		_, approved := o.Decider.Approve(t.Context(), fixture.Approver("bob"), first, nil)
		_, rejected := o.Decider.Reject(t.Context(), fixture.Approver("bob"), second, "no", nil)
		if approved != nil || rejected != nil {
			t.Fatal(approved, rejected)
		}
		if after := o.Footprint(t); len(before) > 0 {
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("(-once +twice)\n%s", diff)
			}
		} else {
			before = after
		}
	}
	for name, err := range map[string]error{
		"entry_approved": errorOf(o.Decider.Reject(t.Context(), fixture.Approver("bob"), first, "no", nil)),
		"entry_rejected": errorOf(o.Decider.Approve(t.Context(), fixture.Approver("bob"), second, nil)),
	} {
		if codeOf(err) != name || !errors.Is(err, fault.Conflict) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }

func TestARejectionIsRefusedWithoutAReason(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	id := pending(t, o, "1")
	for _, reason := range []string{"", " ", "\x00", "\xff", strings.Repeat("x", 2001)} {
		_, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), id, reason, nil)
		if f := fault.Of(err); !errors.Is(err, fault.Invalid) || len(f.Fields) != 1 || f.Fields[0].Pointer != "/reason" {
			t.Errorf("%.10q: %v", reason, err)
		}
	}
	if s := o.Held(t, "1").Snapshot(); s.Status != timesheet.Pending || s.Version != 1 {
		t.Errorf("%+v", s)
	}
}

func TestNobodyDecidesAboutWhatTheyChanged(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	byBob, byCarol := pending(t, o, "1"), pending(t, o, "2")
	for id, who := range map[timesheet.ID]string{byBob: "bob", byCarol: "carol"} {
		if _, err := o.Recorder.Amend(t.Context(), fixture.Approver(who), id, nil, func(c timesheet.Content) (timesheet.Content, error) {
			c.Project = "Shop"
			return c, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	forAnn := fixture.Content()
	forAnn.Duration = fixture.Hours("1")
	recorded, err := o.Recorder.Record(t.Context(), fixture.Approver("bob"), forAnn, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]timesheet.ID{"changed": byBob, "made": recorded.ID()} {
		if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), id, nil); codeOf(err) != "changed_by_you" {
			t.Errorf("what bob has %s: %v", name, err)
		}
		if _, err := o.Decider.Approve(t.Context(), fixture.Approver("carol"), id, nil); err != nil {
			t.Errorf("carol, what bob has %s: %v", name, err)
		}
	}
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), byCarol, nil); err != nil {
		t.Errorf("bob, what carol has changed: %v", err)
	}
}

func TestNothingIsDecidedInAClosedPeriod(t *testing.T) {
	t.Parallel()
	open := office.Open(t, office.Settings{})
	first, second, third := pending(t, open, "1"), pending(t, open, "2"), pending(t, open, "3")
	if _, err := open.Decider.Approve(t.Context(), fixture.Approver("bob"), first, nil); err != nil {
		t.Fatal(err)
	}
	o := open.With(office.Settings{LockBefore: "2026-11-21"})
	if e, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), first, nil); err != nil || e.Snapshot().Version != 2 {
		t.Errorf("what is approved already stays so: %v", err)
	}
	for name, err := range map[string]error{
		"approve": errorOf(o.Decider.Approve(t.Context(), fixture.Approver("bob"), second, nil)),
		"reject":  errorOf(o.Decider.Reject(t.Context(), fixture.Approver("bob"), third, "no", nil)),
	} {
		if codeOf(err) != "period_closed" || !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := open.With(office.Settings{LockBefore: "2026-11-20"}).Decider.Approve(t.Context(), fixture.Approver("bob"), second, nil); err != nil {
		t.Errorf("on the first day of the open period: %v", err)
	}
}

func TestADecisionIsAboutTheVersionThatIsMeant(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	id := pending(t, o, "1")
	seen := 0
	expect := func(want int) approval.Expect {
		return func(got int) error {
			if seen = got; got != want {
				return fault.New(fault.Stale, "stale_version", "It is version %d.", got)
			}
			return nil
		}
	}
	o.Receive(t, office.Row("1", office.Hours("2")))
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), id, expect(1)); !errors.Is(err, fault.Stale) || seen != 2 {
		t.Errorf("%v, saw version %d", err, seen)
	}
	if _, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), id, "no", expect(1)); !errors.Is(err, fault.Stale) {
		t.Error(err)
	}
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), id, expect(2)); err != nil {
		t.Error(err)
	}
}

func TestWhatIsGoneIsNotDecided(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	id := pending(t, o, "1")
	if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), id, nil); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]timesheet.ID{"deleted": id, "unknown": fixture.NewID(), "none": {}} {
		for how, err := range map[string]error{
			"approve": errorOf(o.Decider.Approve(t.Context(), fixture.Approver("bob"), id, nil)),
			"reject":  errorOf(o.Decider.Reject(t.Context(), fixture.Approver("bob"), id, "no", nil)),
		} {
			if !errors.Is(err, fault.NotFound) {
				t.Errorf("%s %s: %v", how, name, err)
			}
		}
	}
}

func TestOfDecisionsAtOnceOneCounts(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	id := pending(t, o, "1")
	var all sync.WaitGroup
	codes := make([]string, 12)
	for n := range codes {
		all.Go(func() {
			by := fixture.Approver(fmt.Sprint("approver ", n))
			if n%2 == 0 {
				codes[n] = codeOf(errorOf(o.Decider.Approve(t.Context(), by, id, nil)))
			} else {
				codes[n] = codeOf(errorOf(o.Decider.Reject(t.Context(), by, id, "no", nil)))
			}
		})
	}
	all.Wait()
	s := o.Held(t, "1").Snapshot()
	other := map[timesheet.Status]string{timesheet.Approved: "entry_approved", timesheet.Rejected: "entry_rejected"}[s.Status]
	for n, code := range codes {
		if agrees := (n%2 == 0) == (s.Status == timesheet.Approved); agrees && code != "" || !agrees && code != other {
			t.Errorf("it is %s, and decision %d is %q", s.Status, n, code)
		}
	}
	if s.Version != 2 {
		t.Errorf("version %d: decided more than once", s.Version)
	}
}
