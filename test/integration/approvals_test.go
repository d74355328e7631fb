package integration

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
)

const approvals = "/v1/approvals"

func TestAnApproverSeesWhatWaitsAndApprovesIt(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	anns := c.ann.Post(t, timesheets, work().but(fields{"date": day(-1)})).Is(t, 201).Entry(t)
	beas := c.bea.Post(t, timesheets, work()).Is(t, 201).Entry(t)
	c.bob.Post(t, timesheets, work()).Is(t, 201)

	waiting, _ := ids(t, c.bob, approvals+"?limit=1")
	if diff := cmp.Diff([]string{beas.ID, anns.ID}, waiting); diff != "" {
		t.Errorf("what waits for bob (-want +got):\n%s", diff)
	}
	got := c.bob.Put(t, approvals+"/"+anns.ID, nil).Is(t, 200)
	if e := got.Entry(t); e.Status != "approved" || !e.Approved || e.DecidedBy != "bob" || e.DecidedAt == "" || e.Version != 2 || got.Header.Get("ETag") != `"2"` {
		t.Errorf("approved: %+v", e)
	}
	again := c.bob.Put(t, approvals+"/"+anns.ID, fields{}).Is(t, 200)
	c.carl.Put(t, approvals+"/"+anns.ID, fields{"status": "approved"}).Is(t, 200)
	if diff := cmp.Diff(got.Entry(t), again.Entry(t)); diff != "" {
		t.Errorf("approved twice (-once +twice):\n%s", diff)
	}
	if waiting, _ := ids(t, c.bob, approvals); len(waiting) != 1 {
		t.Errorf("%v still wait", waiting)
	}
	if seen := c.ann.Get(t, timesheets+"/"+anns.ID).Entry(t); !seen.Approved {
		t.Errorf("ann sees %+v", seen)
	}
}

func TestARejectionNeedsAReasonWhichTheWorkerReads(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	at := approvals + "/" + c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
	for body, want := range map[string]string{
		`{"status":"rejected"}`:             "required",
		`{"status":"rejected","reason":""}`: "required",
		`{"status":"rejected","reason":7}`:  "wrong_type",
		`{"status":"pending"}`:              "not_a_decision",
		`{"status":"Approved"}`:             "not_a_decision",
		`{"reason":"why not"}`:              "reason_for_approval",
		`{"approved":true}`:                 "unknown_member",
		`[]`:                                "wrong_type",
	} {
		if p := c.bob.Put(t, at, body).Problem(t); p.Status != 422 || p.Code != want {
			t.Errorf("%s: got %+v, want 422 %s", body, p, want)
		}
	}
	c.bob.Put(t, at, fields{"status": "rejected", "reason": "The cart was booked on Thursday."}).Is(t, 200)
	if e := c.ann.Get(t, timesheets+at[len(approvals):]).Entry(t); e.Status != "rejected" || e.Approved || e.Reason != "The cart was booked on Thursday." || e.DecidedBy != "bob" {
		t.Errorf("rejected: %+v", e)
	}
	c.carl.Put(t, at, nil).IsProblem(t, 409, "entry_rejected")
	if waiting, _ := ids(t, c.bob, approvals); len(waiting) != 0 {
		t.Errorf("%v still wait", waiting)
	}
}

func TestAnApprovedEntryIsNotRejected(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	at := approvals + "/" + c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
	c.bob.Put(t, at, nil).Is(t, 200)
	c.carl.Put(t, at, fields{"status": "rejected", "reason": "late"}).IsProblem(t, 409, "entry_approved")
}

func TestNobodyDecidesAboutTheirOwnHours(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	at := approvals + "/" + c.bob.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
	c.bob.Put(t, at, nil).IsProblem(t, 403, "own_entry")
	c.bob.Put(t, at, fields{"status": "rejected", "reason": "no"}).IsProblem(t, 403, "own_entry")
	uploaded := c.job.Post(t, upload, row("1").but(fields{"user_id": "bob"})).Is(t, 201).Entry(t)
	c.bob.Put(t, approvals+"/"+uploaded.ID, nil).IsProblem(t, 403, "own_entry")
	c.carl.Put(t, at, nil).Is(t, 200)
}

func TestNobodyDecidesAboutWhatTheyLastChangedByHand(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	e := c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t)
	c.bob.Patch(t, timesheets+"/"+e.ID, fields{"hours": 7}).Is(t, 200)
	c.bob.Put(t, approvals+"/"+e.ID, nil).IsProblem(t, 403, "changed_by_you")
	c.bob.Put(t, approvals+"/"+e.ID, fields{"status": "rejected", "reason": "no"}).IsProblem(t, 403, "changed_by_you")
	c.ann.Patch(t, timesheets+"/"+e.ID, fields{"hours": 6}).Is(t, 200)
	c.bob.Put(t, approvals+"/"+e.ID, nil).Is(t, 200)

	made := c.bob.Post(t, timesheets, work().but(fields{"user_id": "ann"})).Is(t, 201).Entry(t)
	c.bob.Put(t, approvals+"/"+made.ID, nil).IsProblem(t, 403, "changed_by_you")
	c.carl.Put(t, approvals+"/"+made.ID, nil).Is(t, 200)
}

func TestTwoApproversAtOnceComeToOneDecision(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for range 10 {
		at := approvals + "/" + c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
		var both sync.WaitGroup
		var approved, rejected apitest.Answer
		both.Go(func() { approved = c.bob.Put(t, at, nil) })
		both.Go(func() { rejected = c.carl.Put(t, at, fields{"status": "rejected", "reason": "no"}) })
		both.Wait()
		if approved.Status+rejected.Status != 200+409 {
			t.Errorf("approving got %d, rejecting %d", approved.Status, rejected.Status)
		}
		e := c.ann.Get(t, timesheets+at[len(approvals):]).Entry(t)
		if e.Version != 2 || e.Approved != (approved.Status == 200) {
			t.Errorf("it became %+v", e)
		}
		c.bob.Delete(t, timesheets+at[len(approvals):])
	}
}
