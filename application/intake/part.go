package intake

import (
	"context"
	"encoding/binary"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Part is the record of one batch of a run: enough to give its report again.
type Part struct {
	Number     int
	Digest     [32]byte // of the body
	Outcomes   []byte   // what became of each row, packed
	Unreadable int      // rows whose key could not be read, or is one of another source
	Text       int      // bytes that are kept of problem rows
	Counts
}

// ReceivePart is Receive for one batch of a run. The same part with the same
// digest again gets the same report; with another, or another number of rows, it
// is a fault.Conflict (part_mismatch). Further faults: those of Runs, too_many_problems.
func (r *Receiver) ReceivePart(ctx context.Context, by identity.Principal, ref RunRef, number int, digest [32]byte, u Upload) (Report, error) {
	if err := check(by, u); err != nil {
		return Report{}, err
	}
	run, err := r.ledger.Renew(ctx, by.Organization, ref, Lease)
	if err != nil {
		return Report{}, err
	}
	if u.Source != "" && u.Source != run.Source {
		return Report{}, fault.InField("/source", "source_mismatch", "The run is of the source %s. Leave source out.", run.Source)
	}
	if recorded, kept, err := r.ledger.Part(ctx, by.Organization, run.ID, number); err != nil || recorded != nil {
		return r.again(ctx, by, run, recorded, kept, digest, u, err)
	}
	u.Source, u.DryRun = run.Source, run.DryRun
	b, err := r.prepare(ctx, by, u)
	if err != nil {
		return Report{}, err
	}
	b.run, b.part = run.ID, number
	var raced *Part
	err = b.settle(ctx, r.ledger, func(book Book) error {
		raced, err = book.Enter(ctx, ref, number)
		if err == nil && raced != nil {
			return errTaken
		}
		return err
	}, func(book Book) error { return b.keepPart(ctx, book, run, number, digest) })
	if raced != nil {
		recorded, kept, err := r.ledger.Part(ctx, by.Organization, run.ID, number)
		return r.again(ctx, by, run, recorded, kept, digest, u, err)
	}
	if err != nil {
		return Report{}, err
	}
	report := b.report()
	report.ImportID, report.DryRun = run.ID, run.DryRun
	return report, nil
}

// errTaken says that somebody else has just brought the same part.
var errTaken = fault.New(fault.Conflict, "part_taken", "The part has just been brought.")

// keepPart records the batch in the transaction of its effects.
func (b *batch) keepPart(ctx context.Context, book Book, run Import, number int, digest [32]byte) error {
	counts := b.report().Counts
	text := 0
	if problems := counts.Conflicts + counts.Rejected; problems > 0 {
		rows, kept, err := book.Kept(ctx, run)
		if err != nil {
			return err
		}
		text = kept
		if rows+problems > MaxProblems {
			return fault.New(fault.Conflict, "too_many_problems", "With this request the run would have more than %d rows with problems. Look at them before you send more.", MaxProblems)
		}
	}
	kept, keptText, err := b.keep(ctx, book, max(0, MaxKeptTextRun-text))
	if err != nil {
		return err
	}
	if err := b.remember(ctx, book, kept); err != nil {
		return err
	}
	part := Part{Number: number, Digest: digest, Outcomes: pack(b.results), Text: keptText, Counts: counts}
	var keys []string
	for i := range b.results {
		switch key := b.received(i); {
		case key == "":
			part.Unreadable++
		case run.Mode == Mirror:
			keys = append(keys, key)
		}
	}
	return book.KeepPart(ctx, run, part, kept, keys)
}

// again gives the report of a part that was brought before.
func (r *Receiver) again(ctx context.Context, by identity.Principal, run Import, recorded *Part, kept []KeptRow, digest [32]byte, u Upload, err error) (Report, error) {
	switch {
	case err != nil:
		return Report{}, err
	case recorded == nil:
		return Report{}, errTaken
	case recorded.Digest != digest, recorded.Received != len(u.Rows):
		return Report{}, fault.New(fault.Conflict, "part_mismatch", "This part of the run was brought with another body, or as another Content-Type. Number each batch differently, and repeat a batch byte for byte.")
	}
	b := &batch{source: run.Source, by: by, way: r.way, rows: u.Rows, results: make([]Result, len(u.Rows))}
	b.identify(ctx)
	named, err := unpack(recorded.Outcomes, b.results)
	if err != nil {
		return Report{}, err
	}
	for _, k := range kept {
		if k.Index < len(b.results) {
			b.results[k.Index] = k.Result
		}
	}
	// The entry of a key is the same for good, so its id need not be recorded:
	// only that the row had one.
	keys := make([]string, len(b.results))
	for i, result := range b.results {
		keys[i] = result.ExternalID
	}
	glances, err := r.ledger.Glance(ctx, by.Organization, run.Source, keys)
	if err != nil {
		return Report{}, err
	}
	for i := range b.results {
		if named[i] {
			b.results[i].ID = glances[i].ID
		}
	}
	return Report{ImportID: run.ID, DryRun: run.DryRun, Counts: recorded.Counts, Results: b.results}, nil
}

// packed lists what can become of a row, at places that the records of parts
// keep for good.
var packed = []Result{
	{Outcome: timesheet.OutcomeCreated},
	{Outcome: timesheet.OutcomeUpdated},
	{Outcome: timesheet.OutcomeUnchanged},
	{Outcome: timesheet.OutcomeUnchanged, Code: string(timesheet.Stale)},
	{Outcome: timesheet.OutcomeUnchanged, Code: string(timesheet.Superseded)},
	{Outcome: timesheet.OutcomeRejected}, // the code of a problem is kept with its row
	{Outcome: timesheet.OutcomeConflict},
}

// Of each byte of a record, the letter from packedFrom on is the place in
// packed; a capital letter says that the row has an entry.
const (
	packedFrom      = 'a'
	packedFromNamed = 'A'
)

// pack writes a byte a row, those that follow each other and are the same as one
// with their number: most batches are all of a kind.
func pack(results []Result) []byte {
	to := []byte{}
	var last byte
	alike := uint64(0)
	for i := range results {
		is := outcomeByte(&results[i])
		if alike > 0 && is != last {
			to, alike = binary.AppendUvarint(append(to, last), alike), 0
		}
		last = is
		alike++
	}
	if alike > 0 {
		to = binary.AppendUvarint(append(to, last), alike)
	}
	return to
}

func outcomeByte(r *Result) byte {
	for n, is := range packed {
		if is.Outcome == r.Outcome && (is.Code == r.Code || r.Problem != nil) {
			if !r.ID.IsZero() {
				return byte(packedFromNamed + n)
			}
			return byte(packedFrom + n)
		}
	}
	return 0
}

// unpack gives the results what pack wrote, and tells which of them have an
// entry.
func unpack(from []byte, results []Result) (named []bool, err error) {
	corrupt := fault.New(fault.Internal, "part_corrupt", "The record of this part cannot be read.")
	named = make([]bool, len(results))
	i := 0
	for len(from) > 0 {
		n := int(from[0]) - packedFrom
		isNamed := from[0] < packedFrom
		if isNamed {
			n = int(from[0]) - packedFromNamed
		}
		alike, size := binary.Uvarint(from[1:])
		if n < 0 || n >= len(packed) || size <= 0 || alike > uint64(len(results)-i) {
			return nil, corrupt
		}
		from = from[1+size:]
		for ; alike > 0; alike-- {
			r := &results[i]
			named[i] = isNamed
			r.Index, r.Outcome, r.Code, r.Problem = i, packed[n].Outcome, packed[n].Code, nil
			i++
		}
	}
	if i != len(results) {
		return nil, corrupt
	}
	return named, nil
}
