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
// was, or from one page to another: it is not to take that entry for deleted.
func (r *run) readAll(ctx context.Context, window Window) error {
	parts := []Window{window}
	if r.tracker.Live() {
		parts = window.Months()
	}
	for n := 1; ; n++ {
		r.settled = newTally()
		were := make([]outline, len(parts))
		for i, part := range parts {
			r.watch(func(p *Progress) { p.Window, p.Part, p.Parts = part, i+1, len(parts) })
			var err error
			if were[i], err = r.settle(ctx, part); err != nil {
				return fmt.Errorf("import %s: %w", part, err)
			}
		}
		moved, err := r.movedSince(ctx, parts, were)
		if err != nil || !moved {
			return err
		}
		if n == readings {
			return neverSettles(window)
		}
		r.reread()
	}
}

// movedSince tells a mirror whether any of the windows has other entries, or has
// them on other pages, than when it was read. When one goes away from a page in
// the middle and another comes at the end, neither the total nor the first page
// shows that one between them was skipped.
func (r *run) movedSince(ctx context.Context, windows []Window, were []outline) (bool, error) {
	if r.options.Mode != Mirror || !r.tracker.Live() {
		return false, nil
	}
	for i, window := range windows {
		same, err := r.stands(ctx, window, were[i], i < len(windows)-1)
		if err != nil {
			return false, fmt.Errorf("import %s: %w", window, err)
		}
		if !same {
			return true, nil
		}
	}
	return false, nil
}

// stands reads a window's pages again, and tells whether they have the keys that
// they had. If not the whole window has to stand, what came at its end may have:
// no entry moves from the last page to another, and of two the first was read
// again already.
func (r *run) stands(ctx context.Context, window Window, was outline, whole bool) (bool, error) {
	pages := was.pages
	if !whole {
		if pages = pages[:len(pages)-1]; len(pages) < 2 {
			return true, nil
		}
	}
	cursor := ""
	for n, keys := range pages {
		page, err := r.page(ctx, window, cursor)
		if err != nil {
			return false, err
		}
		ends := whole && n == len(pages)-1
		if page.Moved || keysOf(page.Rows) != keys || whole && page.Total != was.total || (page.Next == "") != ends {
			return false, nil
		}
		cursor = page.Next
	}
	return true, nil
}

// settle reads one window until a reading saw it stand still. Offset paging
// skips an entry when one before it goes away between two pages; that shows
// in a total that shrinks or that was not reached, in a page that is gone, or in
// a first page that has changed when it is read again at the end. What shifts
// without such a trace is found by the next run, which reads the same days
// again; a mirror looks for it itself (movedSince).
func (r *run) settle(ctx context.Context, window Window) (outline, error) {
	for n := 1; ; n++ {
		t, is, moved, err := r.read(ctx, window)
		if err != nil || !moved {
			r.settled.merge(t)
			return is, err
		}
		if n == readings {
			return is, neverSettles(window)
		}
		r.reread()
	}
}

func neverSettles(window Window) error {
	return fault.New(fault.Unavailable, "never_settles", "The entries of %s changed places, or were fewer than the tracker said, in each of %d readings. What was read has landed; try again when the tracker is quieter.", window, readings)
}

func (r *run) reread() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Reread++
}

// read reads one window once, from its first page to its last, and waits for
// the verdicts on its rows: a second reading must not overtake the first.
func (r *run) read(ctx context.Context, window Window) (t *tally, is outline, moved bool, err error) {
	t = newTally()
	is, moved, err = r.pages(ctx, window, t)
	if flushed := r.flush(ctx, t); err == nil {
		err = flushed
	}
	if drained := r.drain(ctx); err == nil {
		err = drained
	}
	return t, is, moved, err
}

// pages reads the pages of one window and packs their rows.
func (r *run) pages(ctx context.Context, window Window, t *tally) (is outline, moved bool, err error) {
	var (
		first   fingerprint
		entries int
		seen    = map[fingerprint]bool{}
		cursors = map[string]bool{"": true}
		cursor  = ""
	)
	for n := 1; ; n++ {
		page, err := r.page(ctx, window, cursor)
		if err != nil {
			return is, false, err
		}
		t.page(page)
		print, err := r.pack(ctx, page.Rows, t)
		if err != nil {
			return is, false, err
		}
		if n == 1 {
			first = print
		}
		is.pages = append(is.pages, keysOf(page.Rows))
		if len(page.Rows) > 0 && seen[print] {
			return is, false, fault.New(fault.Unavailable, "repeated_page", "The tracker gave the same page of entries twice while %s was read. Nothing is lost; try again.", window)
		}
		seen[print] = true
		moved = moved || page.Moved || page.Total > 0 && page.Total < is.total
		is.total = max(is.total, page.Total)
		entries += page.Entries
		r.watch(func(*Progress) {})
		if page.Next == "" {
			moved = moved || entries < page.Total
			if n == 1 || !r.tracker.Live() {
				return is, moved, nil
			}
			break
		}
		if cursors[page.Next] {
			return is, false, fault.New(fault.Unavailable, "page_loop", "The tracker's pages lead in a circle while %s is read. Nothing is lost; try again.", window)
		}
		cursors[page.Next] = true
		cursor = page.Next
	}
	again, err := r.page(ctx, window, "")
	if err != nil {
		return is, false, err
	}
	return is, moved || r.fingerprint(again.Rows) != first, nil
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

func (r *run) fingerprint(rows []Row) fingerprint {
	h := sha256.New()
	var buf []byte
	for _, row := range rows {
		buf = r.timesheets.Encode(buf[:0], row.bounded())
		h.Write(buf)
	}
	return fingerprint(h.Sum(nil))
}

// outline tells readings of a window apart.
type outline struct {
	pages []fingerprint // the keys of each
	total int           // as the tracker said; 0 when it did not
}

// keysOf tells pages apart by whose rows they have.
func keysOf(rows []Row) fingerprint {
	h := sha256.New()
	for _, row := range rows {
		fmt.Fprintf(h, "%q\n", row.ExternalID)
	}
	return fingerprint(h.Sum(nil))
}

// waits counts a wait and shows it.
func (r *run) waits(d time.Duration, reason error) {
	r.mu.Lock()
	r.summary.Retries++
	r.mu.Unlock()
	r.watch(func(p *Progress) { p.Waiting, p.Reason = d, reason })
}
