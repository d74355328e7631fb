package importing

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"timesheets/domain/fault"
)

// readings is how often a window is read when entries keep moving.
const readings = 3

// readAll reads window, a live tracker's month by month, and has everything
// uploaded when it returns without an error. A mirror reads all of it again
// when an entry may have moved from a month that was not read yet into one that
// was: it is not to take that entry for deleted.
func (r *run) readAll(ctx context.Context, window Window) error {
	parts := []Window{window}
	if r.tracker.Live() {
		parts = window.Months()
	}
	for n := 1; ; n++ {
		r.settled = newTally()
		begins := make([]beginning, len(parts))
		for i, part := range parts {
			r.watch(func(p *Progress) { p.Window, p.Part, p.Parts = part, i+1, len(parts) })
			var err error
			if begins[i], err = r.settle(ctx, part); err != nil {
				return fmt.Errorf("import %s: %w", part, err)
			}
		}
		moved, err := r.movedSince(ctx, parts[:len(parts)-1], begins)
		if err != nil || !moved {
			return err
		}
		if n == readings {
			return neverSettles(window)
		}
		r.reread()
	}
}

// movedSince tells a mirror whether any of the windows begins otherwise than
// when it was read.
func (r *run) movedSince(ctx context.Context, windows []Window, begins []beginning) (bool, error) {
	if r.options.Mode != Mirror {
		return false, nil
	}
	for i, window := range windows {
		page, err := r.page(ctx, window, "")
		if err != nil {
			return false, fmt.Errorf("import %s: %w", window, err)
		}
		if r.beginning(page) != begins[i] {
			return true, nil
		}
	}
	return false, nil
}

// settle reads one window until a reading saw it stand still. Offset paging
// skips an entry when one before it goes away between two pages; that shows
// in a total that shrinks, in a page that is gone, or in a first page that has
// changed when it is read again at the end. What shifts without such a trace
// is found by the next run, which reads the same days again.
func (r *run) settle(ctx context.Context, window Window) (beginning, error) {
	for n := 1; ; n++ {
		t, begins, moved, err := r.read(ctx, window)
		if err != nil || !moved {
			r.settled.merge(t)
			return begins, err
		}
		if n == readings {
			return begins, neverSettles(window)
		}
		r.reread()
	}
}

func neverSettles(window Window) error {
	return fault.New(fault.Unavailable, "never_settles", "The entries of %s changed places in each of %d readings. What was read has landed; try again when the tracker is quieter.", window, readings)
}

func (r *run) reread() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Reread++
}

// read reads one window once, from its first page to its last, and waits for
// the verdicts on its rows: a second reading must not overtake the first.
func (r *run) read(ctx context.Context, window Window) (t *tally, begins beginning, moved bool, err error) {
	t = newTally()
	begins, moved, err = r.pages(ctx, window, t)
	if flushed := r.flush(ctx, t); err == nil {
		err = flushed
	}
	if drained := r.drain(ctx); err == nil {
		err = drained
	}
	return t, begins, moved, err
}

// pages reads the pages of one window and packs their rows.
func (r *run) pages(ctx context.Context, window Window, t *tally) (begins beginning, moved bool, err error) {
	var (
		total   int
		seen    = map[fingerprint]bool{}
		cursors = map[string]bool{"": true}
		cursor  = ""
	)
	for n := 1; ; n++ {
		page, err := r.page(ctx, window, cursor)
		if err != nil {
			return begins, false, err
		}
		t.page(page)
		print, err := r.pack(ctx, page.Rows, t)
		if err != nil {
			return begins, false, err
		}
		if n == 1 {
			begins = beginning{print, page.Total}
		}
		if len(page.Rows) > 0 && seen[print] {
			return begins, false, fault.New(fault.Unavailable, "repeated_page", "The tracker gave the same page of entries twice while %s was read. Nothing is lost; try again.", window)
		}
		seen[print] = true
		moved = moved || page.Moved || page.Total > 0 && page.Total < total
		total = max(total, page.Total)
		r.watch(func(*Progress) {})
		if page.Next == "" {
			if n == 1 || !r.tracker.Live() {
				return begins, moved, nil
			}
			break
		}
		if cursors[page.Next] {
			return begins, false, fault.New(fault.Unavailable, "page_loop", "The tracker's pages lead in a circle while %s is read. Nothing is lost; try again.", window)
		}
		cursors[page.Next] = true
		cursor = page.Next
	}
	again, err := r.page(ctx, window, "")
	if err != nil {
		return begins, false, err
	}
	return begins, moved || r.beginning(again).rows != begins.rows, nil
}

// page gets one page, patiently.
func (r *run) page(ctx context.Context, window Window, cursor string) (page Page, err error) {
	began := r.patience.Now()
	err = r.insist(ctx, pageTries, func() (err error) {
		page, err = r.tracker.Page(ctx, window, cursor)
		return err
	})
	r.mu.Lock()
	r.summary.Took.Tracker += r.patience.Now().Sub(began)
	r.summary.Pages++
	r.mu.Unlock()
	return page, err
}

// fingerprint tells pages apart by their rows.
type fingerprint [sha256.Size]byte

// beginning tells readings of a window apart by its first page.
type beginning struct {
	rows  fingerprint
	total int // as the tracker said; 0 when it did not
}

func (r *run) beginning(first Page) beginning {
	h := sha256.New()
	var buf []byte
	for _, row := range first.Rows {
		buf = r.timesheets.Encode(buf[:0], row.bounded())
		h.Write(buf)
	}
	return beginning{fingerprint(h.Sum(nil)), first.Total}
}

// waits counts a wait and shows it.
func (r *run) waits(d time.Duration, reason error) {
	r.mu.Lock()
	r.summary.Retries++
	r.mu.Unlock()
	r.watch(func(p *Progress) { p.Waiting, p.Reason = d, reason })
}
