package importing_test

import (
	"context"
	"strings"
	"testing"

	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/test/trackertest"
	"timesheets/test/uploadtest"
)

// The stand-in for the API refuses a mirror whose number of keys is not the
// number that it got: that a run completes proves that the job counts right.

func TestAMirrorSaysHowManyKeysItSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Limit(50)
	w.mustRun(t, importing.Options{})
	ids := w.kimai.IDs()
	w.kimai.Delete(ids[3])
	w.kimai.Delete(ids[4])
	if plan := w.mustRun(t, importing.Options{Mode: importing.Mirror, DryRun: true}); plan.Deleted != 2 || len(w.api.Entries()) != 533 {
		t.Errorf("the plan: %+v, with %d entries", plan, len(w.api.Entries()))
	}
	if s := w.mustRun(t, importing.Options{Mode: importing.Mirror}); s.Deleted != 2 || len(w.api.Entries()) != 531 || s.Mode != importing.Mirror {
		t.Errorf("got %+v, with %d entries", s, len(w.api.Entries()))
	}
}

func TestAMirrorOfAFileMustBeToldItsDays(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	u := uploader(t, api)
	s, err := importing.New(flood{entries: 10, page: 3}, u, u, (&patience{}).policy()).Run(t.Context(), importing.Window{}, importing.Options{Source: "flood", Mode: importing.Mirror})
	if fault.Of(err).Code != "mirror_without_days" || importing.ExitCode(s, err) != importing.ExitMisconfigured || len(api.Runs()) != 0 {
		t.Errorf("got %v and the runs %+v", err, api.Runs())
	}
}

func TestAMirrorCountsAKeyOnceHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	t.Run("when the window is read again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		shifting(w, 1, func(int) { w.kimai.Delete(w.kimai.IDs()[10]) })
		if s := w.mustRun(t, importing.Options{Mode: importing.Mirror}); s.Reread != 1 {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("when a batch is halved", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.api.Misbehave(uploadtest.LoseAnswer, uploadtest.Status(413, "body_too_large", ""))
		w.mustRun(t, importing.Options{Mode: importing.Mirror})
	})
	t.Run("when the tracker lists an entry twice", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		twice := trackertest.Entry(w.kimai.IDs()[0], "2026-10-13")
		w.kimai.Add(twice)
		w.mustRun(t, importing.Options{Mode: importing.Mirror})
	})
	t.Run("and none that the API cannot read", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, id := range []any{nil, "", "~1", "a\x00b", strings.Repeat("9", 300)} {
			nameless := trackertest.Entry(0, "2026-10-13")
			nameless["id"] = id
			w.kimai.Add(nameless)
		}
		w.mustRun(t, importing.Options{Mode: importing.Mirror})
	})
}

func TestAWindowWithSomethingUnreadableIsNoMirror(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mustRun(t, importing.Options{})
	kept := len(w.api.Entries())
	w.kimai.Misbehave(trackertest.Body(`[null]`))
	s, err := w.run(t.Context(), importing.Options{Mode: importing.Mirror})
	if fault.Of(err).Code != "not_a_mirror" || importing.ExitCode(s, err) != importing.ExitAgain || s.Deleted != 0 {
		t.Errorf("got %+v, %v", s, err)
	}
	if run := w.api.Runs()[1]; run.State != "aborted" || len(w.api.Entries()) != kept {
		t.Errorf("%d of %d entries are left, and the run is %+v", len(w.api.Entries()), kept, run)
	}
}

func TestAMirrorOfSeveralMonthsNoticesWhatMovesBetweenThem(t *testing.T) {
	t.Parallel()
	span := window("2026-09-01", "2026-10-31")
	mirrored := func(t *testing.T, w *world, mode importing.Mode) (importing.Summary, error) {
		t.Helper()
		return importing.New(w.tracker, w.uploader, w.uploader, w.patience.policy()).Run(t.Context(), span, importing.Options{Source: "kimai", Mode: mode})
	}
	back := func(w *world, id int) {
		w.kimai.Edit(id, func(r trackertest.Record) {
			r["begin"], r["end"] = "2026-09-15T09:00:00+0200", "2026-09-15T10:00:00+0200"
		})
	}
	t.Run("once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.kimai.IDs()[5]
		w.kimai.Before(func(n int) {
			if n == 2 { // September was read, October was not
				back(w, id)
			}
		})
		s, err := mirrored(t, w, importing.Mirror)
		if err != nil || s.Reread != 1 || s.Deleted != 0 {
			t.Fatalf("got %+v, %v", s, err)
		}
		entries := 0
		for _, h := range s.Hours {
			entries += h.Entries
		}
		if want := len(w.kimai.IDs()) - 5; entries != want || len(w.api.Entries()) != want {
			t.Errorf("the hours are of %d entries, and %d landed, want %d", entries, len(w.api.Entries()), want)
		}
	})
	t.Run("again and again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ids := w.kimai.IDs()
		w.kimai.Before(func(n int) { back(w, ids[n]) })
		if s, err := mirrored(t, w, importing.Mirror); fault.Of(err).Code != "never_settles" || importing.ExitCode(s, err) != importing.ExitAgain || s.Deleted != 0 {
			t.Errorf("got %+v, %v", s, err)
		}
	})
	t.Run("which is nothing to an upsert", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.kimai.IDs()[5]
		w.kimai.Before(func(n int) {
			if n == 2 {
				back(w, id)
			}
		})
		if s, err := mirrored(t, w, importing.Upsert); err != nil || s.Reread != 0 {
			t.Errorf("got %+v, %v", s, err)
		}
	})
}

// One goes away from a page in the middle and another comes at the end: the total
// is what it was, and so is the first page, but the third was not where it is now.
func TestAMirrorNoticesWhatMovesBetweenLaterPages(t *testing.T) {
	t.Parallel()
	shift := func(w *world, reading int) {
		w.kimai.Delete(w.kimai.IDs()[250])
		w.kimai.Add(trackertest.Entry(90_000+reading, "2026-10-30"))
	}
	t.Run("once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.mustRun(t, importing.Options{})
		w.kimai.Limit(200)
		requests := 0
		w.kimai.Before(func(int) {
			if requests++; requests == 3 { // two pages were read, the third was not
				shift(w, 0)
			}
		})
		s := w.mustRun(t, importing.Options{Mode: importing.Mirror})
		if s.Reread != 1 || s.Deleted != 0 {
			t.Errorf("got %+v", s)
		}
		// Its key was brought before it went away. The next mirror finds that it is gone.
		if s = w.mustRun(t, importing.Options{Mode: importing.Mirror}); s.Reread != 0 || s.Deleted != 1 {
			t.Errorf("the next: %+v", s)
		}
		if want := len(w.kimai.IDs()) - 5; len(w.api.Entries()) != want { // four refused ones and the timer that runs
			t.Errorf("%d entries are there, want %d", len(w.api.Entries()), want)
		}
	})
	t.Run("again and again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.kimai.Limit(200)
		requests := 0
		w.kimai.Before(func(int) {
			if requests++; requests%3 == 0 {
				shift(w, requests)
			}
		})
		if s, err := w.run(t.Context(), importing.Options{Mode: importing.Mirror}); fault.Of(err).Code != "never_settles" || importing.ExitCode(s, err) != importing.ExitAgain || s.Deleted != 0 {
			t.Errorf("got %+v, %v", s, err)
		}
	})
}

// stingy is a tracker that gives the first readings of its last page without
// entries, and says how many there are all the same.
type stingy struct {
	importing.Tracker

	readings int
}

func (s *stingy) Page(ctx context.Context, w importing.Window, cursor string) (importing.Page, error) {
	page, err := s.Tracker.Page(ctx, w, cursor)
	if page.Next == "" && s.readings > 0 {
		s.readings--
		page.Rows, page.Entries = nil, 0
	}
	return page, err
}

func TestATotalThatIsNotReachedIsNoWholeReading(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		readings, limit int
		code            string
	}{
		"the second of two, once":    {1, 500, ""},
		"an empty last page, once":   {1, 200, ""},
		"an empty last page, always": {1 << 30, 200, "never_settles"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.mustRun(t, importing.Options{})
			w.kimai.Limit(tt.limit)
			w.tracker = &stingy{w.tracker, tt.readings}
			s, err := w.run(t.Context(), importing.Options{Mode: importing.Mirror})
			if fault.Of(err) != nil && fault.Of(err).Code != tt.code || err == nil && tt.code != "" || s.Deleted != 0 || s.Reread == 0 {
				t.Errorf("got %+v, %v", s, err)
			}
		})
	}
}
