package intake

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// batch is one request on its way through judgement.
type batch struct {
	source        string
	dryRun        bool
	by            identity.Principal
	at            time.Time
	run           timesheet.ID // zero when the request makes no run
	part          int          // of the run; 0 when the request is all of it
	newID         func() timesheet.ID
	way           Way // of others, while rows are judged
	period        timesheet.Period
	rows          []Row
	results       []Result           // by row; Outcome "" while it is open
	digests       []timesheet.Digest // by row; of the content, once it is known to be good
	superseded    bool               // a row is not the last of its key
	stamps        map[int]time.Time  // by row that is left of its key: the last stamp that the key had in the request
	open          []int              // rows that only a judgement under lock can decide, sorted by key
	glances       map[int]Glimpse    // of the open rows that have an entry
	lockToo       []string           // workers that turned out to be concerned on the way
	refusedBefore map[string]bool    // keys of which a row is remembered that was refused before
	contested     bool               // an open row waits for an approver
	inserted      int                // rows that were stored before they were judged
	last          timesheet.Entry    // what the verdict made of the last row that creates or updates
}

// refuse gives a row its problem.
func (b *batch) refuse(i int, p *Problem) {
	r := &b.results[i]
	r.Outcome, r.Code, r.Problem = timesheet.OutcomeRejected, p.Code, p
}

// identify gives every row its key and refuses those that cannot be read, or
// that name another source than the request.
func (b *batch) identify(ctx context.Context) {
	ordinals := make(map[[sha256.Size]byte]int)
	for i := range b.rows {
		b.way.Yield(ctx, i)
		row, result := &b.rows[i], &b.results[i]
		var wrongKey error
		result.Index, result.ExternalID = i, row.keyed
		if row.keyed == "" && row.ExternalID != "" {
			if wrongKey = timesheet.CheckExternalID(row.ExternalID); wrongKey == nil {
				result.ExternalID = row.ExternalID
			}
		}
		switch {
		case row.Problem != nil:
			b.refuse(i, row.Problem.printable())
		case wrongKey != nil:
			b.refuse(i, memberProblem("/external_id", wrongKey))
		case b.isForeign(i):
			b.refuse(i, b.foreign(row.Source))
		case result.ExternalID == "":
			result.ExternalID = identify(row, ordinals)
		}
	}
}

// isForeign tells whether row i names another source than the request.
func (b *batch) isForeign(i int) bool {
	return b.rows[i].Source != "" && b.rows[i].Source != b.source
}

// received is the key that row i is a receipt of; "" when that could not be
// read, or is a key of another source.
func (b *batch) received(i int) string {
	if b.isForeign(i) {
		return ""
	}
	return b.results[i].ExternalID
}

// foreign is the problem of a row that names another source.
func (b *batch) foreign(source string) *Problem {
	if err := timesheet.CheckUploadSource(source); err != nil {
		return memberProblem("/source", err)
	}
	return &Problem{Code: "source_mismatch", Field: "/source", Detail: "All rows of a request are of one source: this request is of " + b.source + "."}
}

// resolve finds the workers that rows name by a tracker's id or by e-mail.
// Nobody is ever created for such a row.
func (b *batch) resolve(ctx context.Context, ledger Ledger) error {
	known := make(map[WorkerRef]string)
	var refs []WorkerRef
	for i := range b.rows {
		row := &b.rows[i]
		if row.Worker == nil || b.results[i].Outcome != "" {
			continue
		}
		ref := row.Worker.canonical()
		if _, met := known[ref]; !met && ref.plausible() {
			refs = append(refs, ref)
		}
		known[ref] = ""
	}
	if len(refs) > 0 {
		found, err := ledger.Resolve(ctx, b.by.Organization, refs)
		if err != nil {
			return err
		}
		for n, ref := range refs {
			known[ref] = found[n]
		}
	}
	for i := range b.rows {
		row := &b.rows[i]
		if row.Worker == nil || b.results[i].Outcome != "" {
			continue
		}
		if row.Content.UserID = known[row.Worker.canonical()]; row.Content.UserID == "" {
			b.refuse(i, &Problem{Code: "unknown_worker", Field: "/worker", Detail: "Nobody is known by this. Give the worker this identity (PUT /workers/{user_id}), then the row can be judged again."})
		}
	}
	return nil
}

// check holds each row against the rules that concern it alone.
func (b *batch) check(ctx context.Context, userIDs identity.UserIDs) {
	for i := range b.rows {
		b.way.Yield(ctx, i)
		c := &b.rows[i].Content
		c.UserID = userIDs.Canonical(c.UserID)
		if b.results[i].Outcome != "" {
			continue
		}
		if wrong := c.Check(); len(wrong) > 0 {
			b.refuse(i, FieldProblem(wrong[0]))
			continue
		}
		if err := b.period.Check(c.Day); err != nil {
			b.refuse(i, problemOf(err))
			continue
		}
		b.digests[i] = c.Digest()
	}
}

// supersede leaves, of the rows of each key, only the last revision open.
func (b *batch) supersede() {
	keys := make([]string, len(b.rows))
	open := make([]int, 0, len(b.rows))
	for i := range b.results {
		keys[i] = b.results[i].ExternalID
		if b.results[i].Outcome == "" {
			open = append(open, i)
		}
	}
	winners, stamps := contest(b.rows, keys, open)
	b.stamps = stamps
	b.open = slices.DeleteFunc(open, func(i int) bool {
		if i == winners[i] {
			return false
		}
		b.superseded = true
		b.results[i].Outcome, b.results[i].Code = timesheet.OutcomeUnchanged, string(timesheet.Superseded)
		return true
	})
}

// glance settles the rows that say nothing new.
func (b *batch) glance(ctx context.Context, ledger Ledger) error {
	if len(b.open) == 0 {
		return nil
	}
	keys := make([]string, len(b.open))
	for n, i := range b.open {
		keys[n] = b.results[i].ExternalID
	}
	glances, err := ledger.Glance(ctx, b.by.Organization, b.source, keys)
	if err != nil {
		return err
	}
	b.glances = make(map[int]Glimpse)
	open := b.open[:0]
	for n, i := range b.open {
		b.way.Yield(ctx, n)
		g := &glances[n]
		if g.Refused {
			b.refusedBefore[keys[n]] = true
		}
		if !g.Open && !g.ID.IsZero() {
			if code, seen := b.revision(i).SeenIn(g.Received); seen {
				r := &b.results[i]
				r.Outcome, r.Code, r.ID = timesheet.OutcomeUnchanged, string(code), g.ID
				continue
			}
		}
		if !g.ID.IsZero() {
			b.glances[i] = *g
		}
		b.contested = b.contested || g.Open
		open = append(open, i)
	}
	b.open = open
	b.inherit()
	return nil
}

// glanceRefused looks whether the keys of rows that are refused by themselves
// were refused before: an object is not kept, but it is the last receipt of its
// key.
func (b *batch) glanceRefused(ctx context.Context, ledger Ledger) error {
	var keys []string
	for i, r := range b.results {
		if key := b.received(i); r.Outcome == timesheet.OutcomeRejected && key != "" {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	glances, err := ledger.Glance(ctx, b.by.Organization, b.source, keys)
	for n, g := range glances {
		if g.Refused {
			b.refusedBefore[keys[n]] = true
		}
	}
	return err
}

// revision is what row i says about its entry.
func (b *batch) revision(i int) timesheet.Revision {
	return timesheet.Revision{
		Origin:  timesheet.Origin{Source: b.source, ExternalID: b.results[i].ExternalID},
		Content: b.rows[i].Content, Digest: b.digests[i], SourceUpdatedAt: b.rows[i].SourceUpdatedAt, LastStamp: b.stamps[i],
	}
}

// inherit gives superseded rows the id of the entry that their key has.
func (b *batch) inherit() {
	if !b.superseded {
		return
	}
	ids := make(map[string]timesheet.ID)
	for i := range b.results {
		if r := &b.results[i]; r.Code != string(timesheet.Superseded) && !r.ID.IsZero() {
			ids[r.ExternalID] = r.ID
		}
	}
	for i := range b.results {
		if r := &b.results[i]; r.Code == string(timesheet.Superseded) {
			r.ID = ids[r.ExternalID]
		}
	}
}

// report counts what became of the rows.
func (b *batch) report() Report {
	report := Report{Results: b.results}
	for i := range b.results {
		report.add(b.results[i].Outcome)
	}
	return report
}

// detail says, for a person, what a code of the judgement means.
func (b *batch) detail(code timesheet.Code) string {
	switch code {
	case timesheet.PeriodClosed:
		return "Everything before " + b.period.LockBefore.String() + " is closed and cannot be changed by an upload."
	case timesheet.EditedByHand:
		return "The entry was edited by hand. An approver has to accept or dismiss this change."
	case timesheet.DeletedHand:
		return "The entry was deleted by hand. An approver has to accept or dismiss this change."
	case timesheet.IsApproved:
		return "The entry is approved. An approver has to accept or dismiss this change."
	case timesheet.InApproved:
		return "The week is approved. An approver has to accept or dismiss this change, or to reopen the week."
	case timesheet.Stale, timesheet.Superseded:
	}
	return ""
}
