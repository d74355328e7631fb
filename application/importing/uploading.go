package importing

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

// inFlight is how many batches are under way at once: one is judged while the
// other travels.
const inFlight = 2

// packing is the batch that is being filled.
type packing struct {
	bytes []byte
	ends  []int // where each row ends in bytes
	lines []line
}

// line is what a summary needs to know of a row.
type line struct {
	externalID, worker, date, project string
	week                              timesheet.Week
	seconds                           int
}

// pack adds rows to the batch being filled, sends each one that is full, and
// gives the fingerprint of the rows.
func (r *run) pack(ctx context.Context, rows []Row, t *tally) (fingerprint, error) {
	h := sha256.New()
	var encoded []byte
	for _, row := range rows {
		row = row.bounded()
		encoded = r.timesheets.Encode(encoded[:0], row)
		h.Write(encoded)
		if r.keys != nil {
			r.keys.add(row.ExternalID)
		}
		p := &r.packing
		if len(p.ends) == MaxRows || len(p.bytes)+len(encoded) > MaxBytes {
			if err := r.flush(ctx, t); err != nil {
				return fingerprint{}, err
			}
		}
		p.bytes = append(p.bytes, encoded...)
		p.ends = append(p.ends, len(p.bytes))
		p.lines = append(p.lines, line{row.ExternalID, row.worker(), row.Date, row.Project, row.week(), row.seconds()})
		r.mu.Lock()
		r.summary.Read++
		r.mu.Unlock()
	}
	return fingerprint(h.Sum(nil)), nil
}

// flush sends the batch being filled, as soon as there is room for it.
func (r *run) flush(ctx context.Context, t *tally) error {
	p := &r.packing
	if len(p.ends) == 0 {
		return nil
	}
	began := r.patience.Now()
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.waitedForAPI(began)
	batch := Batch{Run: r.run, Part: r.nextPart(), DryRun: r.options.DryRun, Rows: make([][]byte, len(p.ends))}
	start := 0
	for i, end := range p.ends {
		batch.Rows[i] = p.bytes[start:end:end]
		start = end
	}
	lines := p.lines
	// The next batch is most likely as large as this one.
	r.packing = packing{bytes: make([]byte, 0, cap(p.bytes)), ends: make([]int, 0, cap(p.ends)), lines: make([]line, 0, cap(p.lines))}
	r.uploads.Go(func() {
		defer func() { <-r.slots }()
		if err := r.land(ctx, batch, lines, t); err != nil {
			r.stop(fmt.Errorf("upload part %d: %w", batch.Part, err))
		}
	})
	return nil
}

// nextPart gives every batch a number of its own, those too that are made of a
// batch that was too large.
func (r *run) nextPart() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.part++
	return r.part
}

// drain waits until no batch is under way.
func (r *run) drain(ctx context.Context) error {
	began := r.patience.Now()
	r.uploads.Wait()
	r.waitedForAPI(began)
	return context.Cause(ctx)
}

// waitedForAPI adds the time since began to the summary.
func (r *run) waitedForAPI(began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Took.API += r.patience.Now().Sub(began)
}

// land uploads a batch until it is answered, in halves where the API finds it
// too large, and records the verdicts.
func (r *run) land(ctx context.Context, batch Batch, lines []line, t *tally) error {
	var report Report
	halve := false
	err := r.insist(ctx, 0, func() (err error) {
		report, err = r.timesheets.Upload(ctx, batch)
		if halve = len(batch.Rows) > 1 && tooLarge(err); halve {
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return lost(err)
	case halve:
		half := len(batch.Rows) / 2
		front, back := batch, batch
		front.Rows, back.Rows = batch.Rows[:half], batch.Rows[half:]
		front.Part, back.Part = r.nextPart(), r.nextPart()
		if err := r.land(ctx, front, lines[:half], t); err != nil {
			return err
		}
		return r.land(ctx, back, lines[half:], t)
	}
	return r.record(batch, report, lines, t)
}

func tooLarge(err error) bool {
	return errors.Is(err, fault.TooLarge) || err != nil && fault.Of(err).Code == CutWhileSending
}

// record adds a report to the summary, after checking that it is about the
// batch and adds up.
func (r *run) record(batch Batch, report Report, lines []line, t *tally) error {
	if n := len(batch.Rows); report.Received != n || report.Sum() != n {
		return fault.New(fault.Internal, "report_does_not_balance", "The API was sent %d rows and reports on %d received and %d judged.", n, report.Received, report.Sum())
	}
	spoiled := make([]bool, len(lines))
	for _, result := range report.Results {
		if result.Index < 0 || result.Index >= len(lines) {
			return fault.New(fault.Internal, "report_out_of_step", "The API reports on row %d of a batch of %d.", result.Index, len(lines))
		}
		spoiled[result.Index] = result.Outcome == Conflict || result.Outcome == Rejected
	}
	r.mu.Lock()
	s := &r.summary
	s.Batches++
	s.Counts.add(report.Counts)
	known := 0
	for _, result := range report.Results {
		if spoiled[result.Index] && result.Known {
			known++
		}
		s.list(result, lines[result.Index])
	}
	s.KnownProblems += known
	s.NewProblems += report.Conflicts + report.Rejected - known
	for i, l := range lines {
		if !spoiled[i] {
			t.landed(l)
		}
	}
	r.mu.Unlock()
	r.watch(func(*Progress) {})
	return nil
}
