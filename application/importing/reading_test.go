package importing_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/test/trackertest"
)

func TestATrackersPassingFailureIsSatOut(t *testing.T) {
	t.Parallel()
	for name, misdeed := range map[string]trackertest.Misdeed{
		"a defect":          trackertest.Status(500, ""),
		"a login page":      trackertest.LoginPage,
		"HTML called JSON":  trackertest.HTMLAsJSON,
		"200 with an error": trackertest.ErrorBody,
		"the wrong charset": trackertest.Latin1,
		"JSON that was cut": trackertest.CutJSON,
		"a cut answer":      trackertest.CutShort,
		"too many requests": trackertest.Status(429, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.kimai.Misbehave(misdeed, nil, misdeed) // on the first page and on the second
			s := w.mustRun(t, importing.Options{})
			if s.Created != len(w.api.Entries()) || s.Read != len(w.kimai.IDs())-1 || s.Retries != 2 {
				t.Errorf("got %+v", s)
			}
		})
	}
}

func TestWhatATrackerKeepsGettingWrongEndsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 50 {
		w.kimai.Misbehave(trackertest.CutJSON)
	}
	s, err := w.run(t.Context(), importing.Options{})
	if fault.Of(err).Code != "tracker_garbage" || importing.ExitCode(s, err) != importing.ExitAgain {
		t.Errorf("got %v", err)
	}
	if asked := len(w.kimai.Asked()); asked != 6 || len(w.api.Batches()) != 0 {
		t.Errorf("%d requests and %d uploads, want 6 and none", asked, len(w.api.Batches()))
	}
}

func TestARetryAfterOfTheTrackerIsHonoured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Misbehave(trackertest.Status(429, "7"), trackertest.Status(503, time.Now().Add(time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")))
	w.mustRun(t, importing.Options{})
	waits := w.patience.waited()
	if len(waits) != 2 || waits[0] != 7*time.Second || waits[1] < 59*time.Minute || waits[1] > time.Hour {
		t.Errorf("waited %v", waits)
	}
}

func TestHoweverOftenATrackerAsksToWaitItIsAskedOnceAWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 1000 {
		w.kimai.Misbehave(trackertest.Status(429, "60"))
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Hour)
	defer stop()
	s, err := w.run(ctx, importing.Options{})
	if fault.Of(err).Code != "out_of_time" || importing.ExitCode(s, err) != importing.ExitAgain {
		t.Errorf("got %v", err)
	}
	if asked := len(w.kimai.Asked()); asked < 30 || asked > 60 {
		t.Errorf("asked %d times in an hour", asked)
	}
}

func TestAnAbsurdWaitEndsTheRunWithoutOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Misbehave(trackertest.Status(429, "999999"))
	ctx, stop := context.WithTimeout(t.Context(), time.Hour)
	defer stop()
	s, err := w.run(ctx, importing.Options{})
	if fault.Of(err).Code != "out_of_time" || importing.ExitCode(s, err) != importing.ExitAgain || len(w.patience.waited()) != 0 || len(w.kimai.Asked()) != 1 {
		t.Errorf("got %v after waits of %v", err, w.patience.waited())
	}
}

func TestATrackersRefusalIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 410, 422} {
		w := newWorld(t)
		w.kimai.Misbehave(trackertest.Status(status, ""))
		s, err := w.run(t.Context(), importing.Options{})
		if importing.ExitCode(s, err) != importing.ExitMisconfigured || len(w.kimai.Asked()) != 1 {
			t.Errorf("%d: got %v after %d requests", status, err, len(w.kimai.Asked()))
		}
	}
}

func TestAPageThatComesTwiceEndsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Limit(100)
	w.kimai.Misbehave(nil, nil, trackertest.Page(2), trackertest.Page(2), trackertest.Page(2), trackertest.Page(2))
	s, err := w.run(t.Context(), importing.Options{})
	if fault.Of(err).Code != "repeated_page" || importing.ExitCode(s, err) != importing.ExitAgain {
		t.Errorf("got %v", err)
	}
	if len(w.kimai.Asked()) != 3 || len(w.api.Entries()) > 200 {
		t.Errorf("%d requests, %d entries", len(w.kimai.Asked()), len(w.api.Entries()))
	}
}

// circle is a tracker whose second page leads to itself, with new entries
// each time.
type circle struct{ flood }

func (c circle) Page(ctx context.Context, w importing.Window, cursor string) (importing.Page, error) {
	page, err := c.flood.Page(ctx, w, cursor)
	page.Next = "10"
	return page, err
}

func TestPagesThatLeadInACircleEndTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tracker = circle{flood{entries: 100, page: 10, live: true}}
	s, err := w.run(t.Context(), importing.Options{})
	if fault.Of(err).Code != "page_loop" || importing.ExitCode(s, err) != importing.ExitAgain || s.Pages != 2 {
		t.Errorf("got %v after %d pages", err, s.Pages)
	}
}

// shifting has something happen between the first page and the second of the
// first so many readings.
func shifting(w *world, readings int, happens func(reading int)) {
	w.kimai.Limit(200) // three pages, and the first one again
	w.kimai.Before(func(n int) {
		if reading := (n - 1) / 4; (n-1)%4 == 1 && reading < readings {
			happens(reading)
		}
	})
}

func TestEntriesThatMoveBetweenPagesAreFound(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(w *world, reading int){
		"one goes away from a page that was read": func(w *world, _ int) { w.kimai.Delete(w.kimai.IDs()[10]) },
		"thirty go away": func(w *world, _ int) {
			for _, id := range w.kimai.IDs()[10:40] {
				w.kimai.Delete(id)
			}
		},
		"one goes away and another comes": func(w *world, reading int) {
			w.kimai.Delete(w.kimai.IDs()[10])
			w.kimai.Add(trackertest.Entry(90_000+reading, "2026-10-30"))
		},
		"thirty come at the head": func(w *world, reading int) {
			for i := range 30 {
				w.kimai.Add(trackertest.Entry(1000+30*reading+i, "2026-10-05"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			shifting(w, 1, func(reading int) { happens(w, reading) })
			s := w.mustRun(t, importing.Options{})
			if s.Reread != 1 {
				t.Errorf("read again %d times, want once", s.Reread)
			}
			kept := w.api.Entries()
			missing := 0
			for _, id := range w.kimai.IDs() {
				if _, ok := kept["kimai/"+strconv.Itoa(id)]; !ok {
					missing++
				}
			}
			if missing != 5 { // four refused ones and the timer that runs
				t.Errorf("%d entries are missing, want 5", missing)
			}
			seconds := 0
			for _, h := range s.Hours {
				seconds += h.Entries
			}
			if want := len(w.kimai.IDs()) - 5; seconds != want {
				t.Errorf("the hours are of %d entries, want %d: none twice", seconds, want)
			}
		})
	}
}

func TestWhatNeverSettlesIsLeftToALaterRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shifting(w, 100, func(int) { w.kimai.Delete(w.kimai.IDs()[10]) })
	s, err := w.run(t.Context(), importing.Options{})
	if fault.Of(err).Code != "never_settles" || importing.ExitCode(s, err) != importing.ExitAgain {
		t.Errorf("got %v", err)
	}
	if s.Unanswered() != 0 || s.Reread != 2 || len(w.api.Entries()) == 0 {
		t.Errorf("what was read has not landed: %+v", s)
	}
}

func TestNewEntriesAtTheEndAreNoReasonToReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shifting(w, 100, func(reading int) { w.kimai.Add(trackertest.Entry(90_000+reading, "2026-10-30")) })
	if s := w.mustRun(t, importing.Options{}); s.Reread != 0 {
		t.Errorf("read again %d times", s.Reread)
	}
}

func TestALiveTrackerIsReadMonthByMonthEachFromItsFirstPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Shift(-3) // across the end of September
	w.kimai.Limit(100)
	var parts []string
	s, err := importing.New(w.tracker, w.uploader, w.uploader, w.patience.policy()).Run(t.Context(), window("2026-08-20", "2026-10-10"),
		importing.Options{Source: "kimai", Watch: func(p importing.Progress) {
			if len(parts) == 0 || parts[len(parts)-1] != p.Window.String() {
				parts = append(parts, p.Window.String())
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2026-08-20 to 2026-08-31", "2026-09-01 to 2026-09-30", "2026-10-01 to 2026-10-10"}, parts); diff != "" {
		t.Error(diff)
	}
	if s.Read != len(w.kimai.IDs())-1 {
		t.Errorf("read %d of %d entries: a month's end takes none and doubles none", s.Read, len(w.kimai.IDs())-1)
	}
}

func TestWithoutAWindowTheLastWeeksAreReadAndAFileWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Shift(trackertest.WeeksTo(time.Now()))
	s, err := importing.New(w.tracker, w.uploader, w.uploader, w.patience.policy()).Run(t.Context(), importing.Window{}, importing.Options{Source: "kimai"})
	if err != nil || s.Read != len(w.kimai.IDs())-1 {
		t.Errorf("read %d of %d in %s: %v", s.Read, len(w.kimai.IDs())-1, s.Window, err)
	}
	s, err = importing.New(flood{entries: 10, page: 3}, w.uploader, w.uploader, w.patience.policy()).Run(t.Context(), importing.Window{}, importing.Options{Source: "flood"})
	if err != nil || s.Read != 10 || !s.Window.IsZero() || s.Pages != 4 {
		t.Errorf("of a file: %+v, %v", s, err)
	}
}
