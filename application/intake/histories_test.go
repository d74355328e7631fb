package intake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// history is one organisation in which the program and the model go through
// the same events.
type history struct {
	*model
	*office.Office
	ctx     context.Context
	org     identity.Organization
	locked  *office.Office
	imports // what the last one did

	// Each history has few keys and few contents of its own, so that the same
	// ones meet again and again.
	key  *rapid.Generator[string]
	says *rapid.Generator[modelContent]
	row  *rapid.Generator[modelRow]
}

func (h *history) now() *office.Office {
	if h.closed {
		return h.locked
	}
	return h.Office
}

// Random histories of few keys, few days and few contents, so that everything
// meets everything: uploads, dry runs, objects, hand edits and deletes,
// decisions, and books that are closed. After each event the database says
// what the model says.
func TestTheProgramAndTheContractTellTheSameHistory(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	o := office.Open(t, office.Settings{})
	locked := o.With(office.Settings{LockBefore: "2026-11-01"})
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		tell(t, rt, o, locked, identity.Organization(fmt.Sprint("org ", n)))
	})
}

// tell goes through one history, in which the given events happen too.
func tell(t *testing.T, rt *rapid.T, o, locked *office.Office, org identity.Organization, also ...string) {
	t.Helper()
	h := &history{model: newModel(), Office: o, locked: locked, ctx: t.Context(), org: org, imports: imports{also: also, texts: map[string]modelRow{}}}
	h.key = rapid.SampledFrom([]string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(rt, "keys")])
	h.says = rapid.SampledFrom(rapid.SliceOfN(modelContents, 2, 4).Draw(rt, "contents"))
	h.row = rowsOf(h.key, h.says, rapid.SampledFrom([]int{0, 2, 3}).Draw(rt, "stamps"))
	h.upload(rt, rapid.SliceOfN(h.row, 1, 4).Draw(rt, "first rows"), false)
	for range rapid.IntRange(3, 10).Draw(rt, "events") {
		h.event(rt)
		h.compare(rt)
	}
}

var modelContents = rapid.Custom(func(t *rapid.T) modelContent {
	return modelContent{
		user: rapid.SampledFrom([]string{"ann", "ann", "ann", "bob"}).Draw(t, "user"),
		day:  rapid.SampledFrom([]string{"2026-11-20", "2026-11-20", "2026-11-19", "2026-10-31"}).Draw(t, "day"),
		// Two of three fit into a day, three of them never.
		hours: rapid.SampledFrom([]int{6, 9, 13}).Draw(t, "hours"), project: "p",
	}
})

// rowsOf makes rows, most of which are well.
func rowsOf(keys *rapid.Generator[string], contents *rapid.Generator[modelContent], stamps int) *rapid.Generator[modelRow] {
	return rapid.Custom(func(t *rapid.T) modelRow {
		r := modelRow{key: keys.Draw(t, "key"), says: contents.Draw(t, "says"), stamp: rapid.IntRange(0, stamps).Draw(t, "stamp")}
		switch rapid.IntRange(0, 19).Draw(t, "oddity") {
		case 0:
			r.says.user = "nobody"
		case 1:
			r.says.project = ""
		case 2:
			r.says.day = "1999-12-31"
		case 3, 4:
			r.key = ""
		}
		return r
	})
}

func (h *history) event(t *rapid.T) {
	switch event := rapid.SampledFrom(append(h.also, "upload", "upload", "upload", "upload", "dry run", "object", "edit", "edit", "delete", "approve", "reject", "record", "close")).Draw(t, "event"); event {
	case "upload":
		h.upload(t, rapid.SliceOfN(h.row, 1, 4).Draw(t, "rows"), false)
	case "dry run":
		h.upload(t, rapid.SliceOfN(h.row, 1, 4).Draw(t, "rows"), true)
	case "object":
		h.object(t, h.row.Draw(t, "row"))
	case "edit":
		to := h.says.Draw(t, "to")
		h.byHand(t, func(key string) string { return h.change(key, to, false) }, func(id timesheet.ID) error {
			_, err := h.now().Recorder.Amend(h.ctx, fixture.Of(h.org, fixture.Approver("carol")), id, nil, func(timesheet.Content) (timesheet.Content, error) { return to.content(), nil })
			return err
		})
	case "delete":
		h.byHand(t, func(key string) string { return h.change(key, modelContent{}, true) }, func(id timesheet.ID) error {
			return h.now().Recorder.Withdraw(h.ctx, fixture.Of(h.org, fixture.Approver("carol")), id, nil)
		})
	case "approve":
		h.byHand(t, func(key string) string { return h.decide(key, timesheet.Approved) }, func(id timesheet.ID) error {
			_, err := h.now().Decider.Approve(h.ctx, fixture.Of(h.org, fixture.Approver("dora")), id, nil)
			return err
		})
	case "reject":
		h.byHand(t, func(key string) string { return h.decide(key, timesheet.Rejected) }, func(id timesheet.ID) error {
			_, err := h.now().Decider.Reject(h.ctx, fixture.Of(h.org, fixture.Approver("dora")), id, "no", nil)
			return err
		})
	case "record":
		h.record(t, h.says.Draw(t, "says"))
	case "close":
		h.closed = true
	default:
		h.ofRuns(t, event)
	}
}

// byHand does something to a key by hand, in the model and in the program.
func (h *history) byHand(t *rapid.T, inModel func(key string) string, inProgram func(timesheet.ID) error) {
	key := h.key.Draw(t, "key")
	if h.keys[key] == nil {
		return
	}
	id := h.keys[key].id
	before := h.String()
	want := inModel(key)
	if got := codeOf(inProgram(id)); got != want {
		t.Fatalf("the program says %q, the contract %q, of %s", got, want, before)
	}
}

func (h *history) record(t *rapid.T, says modelContent) {
	want := ""
	switch {
	case h.isClosed(says.day):
		want = "period_closed"
	case h.days()[says.where()]+says.hours > 24:
		want = "day_over_24h"
	}
	if want == "" {
		h.others[says.where()] += says.hours
		h.writes++
	}
	_, err := h.now().Recorder.Record(h.ctx, fixture.Of(h.org, fixture.Approver("carol")), says.content(), nil)
	if fields := fault.Of(err); err != nil && len(fields.Fields) == 1 {
		err = fault.New(fault.Invalid, fields.Fields[0].Code, "%s", fields.Text)
	}
	if got := codeOf(err); got != want {
		t.Fatalf("the program says %q, the contract %q, of %s", got, want, h)
	}
}

func (h *history) upload(t *rapid.T, rows []modelRow, dry bool) {
	before := h.begins()
	report, err := h.now().Receiver.Receive(h.ctx, fixture.Of(h.org, fixture.Job()), intake.Upload{Source: office.Source, Rows: h.written(rows), DryRun: dry})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(rows))
	for i, r := range report.Results {
		got[i] = office.Outcomes(intake.Report{Results: []intake.Result{r}})
	}
	said := h.settle(t, rows, got, !dry)
	if !slices.Equal(got, said) {
		t.Fatalf("the program says %q, the contract %q, of %s", got, said, h)
	}
	if !dry {
		h.learn(t, rows, report)
		h.ends(before, report.ImportID)
	}
}

func (h *history) object(t *rapid.T, r modelRow) {
	entry, outcome, err := h.now().Receiver.ReceiveOne(h.ctx, fixture.Of(h.org, fixture.Job()), office.Source, r.row(), false)
	got := string(outcome)
	if code := codeOf(err); code != "" {
		got += ":" + code
		if errors.Is(err, fault.Conflict) != (outcome == timesheet.OutcomeConflict) {
			t.Fatalf("%s is %v", outcome, err)
		}
	}
	h.number = 0
	recorded := h.recorded
	h.recorded = map[string]bool{}
	said := h.settle(t, []modelRow{r}, []string{got}, true)[0]
	h.recorded = recorded // an object makes no run, so nothing is recorded
	if said == "unchanged:stale" {
		said = "unchanged"
	}
	if said[len(said)-1] == '!' {
		said = said[:len(said)-1]
	}
	if got != said {
		t.Fatalf("the program says %q, the contract %q, of %s", got, said, h)
	}
	key := keysOf([]modelRow{r})[0]
	e := h.keys[key]
	if err == nil {
		if !e.id.IsZero() && e.id != entry.ID() {
			t.Fatalf("the entry is %s, was %s", entry.ID(), e.id)
		}
		e.id = entry.ID()
		if r.key == "" {
			h.made[key] = entry.Snapshot().Origin.ExternalID
		}
	}
	if e == nil {
		return
	}
	if correction := fault.Of(err); outcome == timesheet.OutcomeConflict {
		e.opened, _ = timesheet.ParseID(correction.Extra["correction_id"])
	} else if !e.open() {
		e.opened = timesheet.ID{}
	}
}
