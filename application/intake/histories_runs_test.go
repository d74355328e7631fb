package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"timesheets/application/intake"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// The same with mirrors, retries and reverts among all else that happens.
func TestTheProgramAndTheContractTellTheSameHistoryOfRuns(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	o := office.Open(t, office.Settings{})
	locked := o.With(office.Settings{LockBefore: "2026-11-01"})
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		tell(t, rt, o, locked, identity.Organization(fmt.Sprint("org ", n)), "mirror", "mirror", "mirror", "retry", "retry", "revert", "revert", "revert")
	})
}

// imports is what a history knows of its imports.
type imports struct {
	also  []string // events
	count int
	texts map[string]modelRow // rows by what is kept of them
	last  *lastImport         // nil when it was reverted
}

// lastImport is the last one that was no dry run, with what was held before and
// after it.
type lastImport struct {
	id            timesheet.ID
	number        int
	before, after *model
}

// begins numbers an import, and gives what is held before it.
func (h *history) begins() *model {
	h.count++
	h.number = h.count
	return h.copy()
}

// ends takes note of what an import did.
func (h *history) ends(before *model, id timesheet.ID) {
	h.last = &lastImport{id, h.number, before, h.copy()}
}

// written gives the rows as the program sees them.
func (h *history) written(rows []modelRow) []intake.Row {
	all := make([]intake.Row, len(rows))
	for i, r := range rows {
		all[i] = r.row()
		h.texts[string(all[i].Text)] = r
	}
	return all
}

// receive takes note of which keys were refused at their last receipt. An object
// is not kept.
func (m *model) receive(rows []modelRow, keys, said []string) {
	last, stamps := map[string]int{}, map[string]int{}
	for i, r := range rows {
		if _, met := last[keys[i]]; met && r.stamp > 0 && r.stamp < stamps[keys[i]] {
			continue
		}
		last[keys[i]] = i
		if r.stamp > 0 {
			stamps[keys[i]] = r.stamp
		}
	}
	var refused []modelRefusal
	for i, r := range rows {
		if last[keys[i]] == i && strings.HasPrefix(said[i], "rejected") && m.number > 0 {
			refused = append(refused, modelRefusal{key: keys[i], row: r, number: m.number})
		}
	}
	m.stopWaiting(func(r modelRefusal) bool {
		return slices.Contains(keys, r.key) && !slices.ContainsFunc(refused, func(now modelRefusal) bool { return now.key == r.key })
	})
	m.refused = slices.DeleteFunc(m.refused, func(r modelRefusal) bool {
		return slices.ContainsFunc(refused, func(now modelRefusal) bool { return now.key == r.key })
	})
	m.refused = append(m.refused, refused...)
}

// stopWaiting lets no row wait whose key was received, until the import that received
// it is taken back; an object never is.
func (m *model) stopWaiting(received func(modelRefusal) bool) {
	m.refused = slices.DeleteFunc(m.refused, func(r modelRefusal) bool {
		return received(r) && (m.number == 0 || r.settled > 0 && r.settled != m.number)
	})
	for i, r := range m.refused {
		if received(r) {
			m.refused[i].settled = m.number
		}
	}
}

func (h *history) ofRuns(t *rapid.T, event string) {
	switch event {
	case "mirror":
		scope := rapid.SampledFrom([][2]string{{"2026-10-01", "2026-11-30"}, {"2026-11-20", "2026-11-20"}, {"2026-11-01", "2026-11-19"}}).Draw(t, "scope")
		h.mirror(t, rapid.SliceOfN(h.row, 0, 3).Draw(t, "rows"), scope[0], scope[1])
	case "retry":
		h.retry(t)
	case "revert":
		h.revert(t)
	}
}

// mirror brings all that its source has for the days.
func (h *history) mirror(t *rapid.T, rows []modelRow, from, to string) {
	before, job := h.begins(), fixture.Of(h.org, fixture.Job())
	run, err := h.now().Runner.Start(h.ctx, job, intake.Declaration{
		Source: office.Source, Mode: intake.Mirror, Scope: intake.Scope{From: fixture.Day(from), To: fixture.Day(to)},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) > 0 {
		upload := h.written(rows)
		report, err := h.now().Receiver.ReceivePart(h.ctx, job, ref(run), 1, body(upload), intake.Upload{Rows: upload})
		if err != nil {
			t.Fatal(err)
		}
		h.hold(t, rows, keysOf(rows), report)
	}
	ended, err := h.now().Runner.Complete(h.ctx, job, ref(run), intake.Completion{AllowEmpty: true, MaxDeletePercent: 100})
	if err != nil {
		t.Fatal(err)
	}
	if want := h.absent(keysOf(rows), from, to); ended.Deleted != want || ended.DeletionsSkipped != "" || ended.Received != len(rows) {
		t.Fatalf("the mirror of %v ended with %+v, by the contract %d deletions, of %s", rows, ended, want, h)
	}
	h.learnRemovals(t)
	h.ends(before, run.ID)
}

// hold settles a report, and fails if it says anything else than the contract.
func (h *history) hold(t *rapid.T, rows []modelRow, keys []string, report intake.Report) {
	got := strings.Fields(office.Outcomes(report))
	if said := h.settleKeyed(t, rows, keys, got, true); !slices.Equal(got, said) {
		t.Fatalf("the program says %q, the contract %q, of %s", got, said, h)
	}
	h.learnKeyed(t, rows, keys, report)
}

// absent deletes what a mirror did not bring, and tells how much that is.
func (h *history) absent(brought []string, from, to string) int {
	deleted := 0
	within := func(day string) bool { return from <= day && day <= to }
	for key, e := range h.keys {
		if slices.Contains(brought, key) {
			continue
		}
		if !e.live() && e.proposal != nil && within(e.proposal.day) && !h.isClosed(e.proposal.day) {
			e.close()
			e.opened = timesheet.ID{}
		}
		if !e.live() || !within(e.says.day) || h.isClosed(e.says.day) {
			continue
		}
		why := ""
		switch {
		case e.status == timesheet.Approved:
			why = "entry_approved"
		case e.touched:
			why = "edited_by_hand"
		}
		switch {
		case why == "":
			e.close()
			e.gone, e.last = timesheet.ByMirror, nil
			e.version++
			h.earlier++
			deleted++
		case !e.removal:
			e.removal, e.proposal, e.why, e.by = true, nil, why, h.number
		default:
			e.why = why
		}
	}
	if deleted > 0 {
		h.writes++
	}
	for i, r := range h.refused {
		if !slices.Contains(brought, r.key) && within(r.row.says.day) && r.outdated == 0 {
			h.refused[i].outdated = h.number
		}
	}
	return deleted
}

// learnRemovals takes over the ids of corrections that propose to delete.
func (h *history) learnRemovals(t *rapid.T) {
	made := map[string]string{}
	for key, id := range h.made {
		made[id] = key
	}
	rows, err := h.Pool.Query(h.ctx, `SELECT external_id, id FROM corrections WHERE org_id = $1 AND source = $2 AND state = 'open' AND deletion`, string(h.org), office.Source)
	if err != nil {
		t.Fatal(err)
	}
	var key string
	var id timesheet.ID
	if _, err := pgx.ForEachRow(rows, []any{&key, &id}, func() error {
		if k, ok := made[key]; ok {
			key = k
		}
		if e := h.keys[key]; e != nil && e.opened.IsZero() {
			e.opened = id
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// retry has the kept rows judged again.
func (h *history) retry(t *rapid.T) {
	before := h.begins()
	list := slices.DeleteFunc(slices.Clone(h.refused), func(r modelRefusal) bool { return r.settled > 0 })
	again := intake.NewRetrier(h.now().Receiver, func(text []byte) intake.Row { return h.texts[string(text)].row() })
	report, err := again.Retry(h.ctx, fixture.Of(h.org, fixture.Job()), office.Source, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Results) != len(list) {
		t.Fatalf("the retry judges %s, by the contract %v", told(report), list)
	}
	var rows []modelRow
	var keys []string
	var judged intake.Report
	for i, r := range list {
		if r.outdated > 0 {
			if got := report.Results[i]; got.Outcome != timesheet.OutcomeUnchanged || got.Code != intake.Outdated {
				t.Fatalf("%s is outdated, and %s:%s", r.key, got.Outcome, got.Code)
			}
			continue
		}
		rows, keys, judged.Results = append(rows, r.row), append(keys, r.key), append(judged.Results, report.Results[i])
	}
	h.hold(t, rows, keys, judged)
	h.stopWaiting(func(r modelRefusal) bool { return r.settled == 0 && r.outdated > 0 })
	for _, was := range list { // a row is the import's that received it, however often it is judged
		for i := range h.refused {
			if h.refused[i].key == was.key {
				h.refused[i].number = was.number
			}
		}
	}
	h.ends(before, report.ImportID)
}

// revert takes the last import back.
func (h *history) revert(t *rapid.T) {
	if h.last == nil {
		return
	}
	last := *h.last
	h.last = nil
	report, err := h.now().Reverter.Revert(h.ctx, fixture.Of(h.org, fixture.Job()), last.id)
	if err != nil {
		t.Fatal(err)
	}
	full := map[string]bool{} // by external id
	for _, r := range report.Results {
		full[r.ExternalID] = full[r.ExternalID] || r.Code == timesheet.DayOver24h
	}
	was, earlier := h.days(), h.earlier
	var want intake.Counts
	for key, after := range last.after.keys {
		before, e := last.before.keys[key], h.keys[key]
		name := key
		if made, ok := h.made[key]; ok {
			name = made
		}
		switch {
		case before != nil && before.version == after.version:
			if same(e, after) && !same(before, after) {
				e.last, e.stamp = before.last, before.stamp
			}
		case e.version != after.version, e.live() && h.isClosed(e.says.day), before.live() && h.isClosed(before.says.day), full[name]:
			want.Rejected++
		default:
			h.undo(e, before, &want)
		}
		if e.open() && e.by == last.number {
			e.close()
			e.opened = timesheet.ID{}
		}
	}
	h.refused = slices.DeleteFunc(h.refused, func(r modelRefusal) bool { return r.number == last.number })
	for i, r := range h.refused {
		if r.settled == last.number {
			h.refused[i].settled = 0
		}
		if r.outdated == last.number {
			h.refused[i].outdated = 0
		}
	}
	want.Received = want.Created + want.Updated + want.Rejected
	if report.Counts != want {
		t.Fatalf("the revert did %+v and left %s, by the contract %+v, of %s", report.Counts, told(report), want, h)
	}
	for where, hours := range h.days() {
		if hours > 24 && hours > was[where] {
			t.Fatalf("%s has %d hours after the revert, of %s", where, hours, h)
		}
	}
	// What found no room at first may have found it in a write of its own.
	if n := h.earlier - earlier; n > 0 {
		written := h.writes
		if err := h.Pool.QueryRow(h.ctx, `SELECT number FROM write_counters WHERE org_id = $1`, string(h.org)).Scan(&h.writes); err != nil || h.writes <= written || h.writes > written+n {
			t.Fatalf("%d changes in %d writes, %v", n, h.writes-written, err)
		}
	}
}

// undo gives an entry its earlier state back; nil if it had none.
func (h *history) undo(e, before *modelEntry, counts *intake.Counts) {
	lived := e.live()
	if before == nil {
		e.gone, e.last, e.stamp = timesheet.ByRevert, nil, 0
	} else {
		e.says, e.status, e.deleted, e.gone, e.touched, e.last, e.stamp = before.says, before.status, before.deleted, before.gone, before.touched, before.last, before.stamp
	}
	e.version++
	h.earlier++
	switch {
	case lived && !e.live():
		counts.Deleted++
	case !lived && e.live():
		counts.Created++
	default:
		counts.Updated++
	}
}

// same tells whether the same was last received.
func same(a, b *modelEntry) bool {
	return a.stamp == b.stamp && (a.last == nil) == (b.last == nil) && (a.last == nil || *a.last == *b.last)
}
