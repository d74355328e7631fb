package importing_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/test/trackertest"
	"timesheets/test/uploadtest"
)

func TestARunIsStartedUploadedIntoAndCompleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.patience.set(instant("2026-11-02T08:00:00Z"))
	w.api.SetCursor("kimai", "2026-10-09T08:00:00Z")
	s := w.mustRun(t, importing.Options{})
	want := uploadtest.Run{
		ID: s.Import, State: "completed", Source: "kimai", Mode: "upsert", From: "2026-10-01", To: "2026-10-31",
		Parts: 1, Received: s.Read, Cursor: "2026-10-31T00:00:00Z",
	}
	if diff := cmp.Diff([]uploadtest.Run{want}, w.api.Runs()); diff != "" || s.CursorBefore != "2026-10-09T08:00:00Z" || s.Cursor != want.Cursor {
		t.Errorf("%s: the source was read up to %s and is up to %s", diff, s.CursorBefore, s.Cursor)
	}
}

func TestAStartWhoseAnswerIsLostIsNoSecondRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api.MisbehaveAt(uploadtest.Start, uploadtest.LoseAnswer, uploadtest.LoseAnswer, uploadtest.Status(409, "idempotency_in_progress", "1"))
	if s := w.mustRun(t, importing.Options{}); len(w.api.Runs()) != 1 || s.Retries < 2 {
		t.Errorf("%d runs, %d waits", len(w.api.Runs()), s.Retries)
	}
}

func TestARunLivesWhileTheTrackerTakesItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.patience.beats = make(chan struct{})
	w.api.MisbehaveAt(uploadtest.Renew, uploadtest.Status(503, "overloaded", "1"))
	w.kimai.Before(func(n int) {
		if n == 1 {
			for range 3 {
				w.patience.beats <- struct{}{} // each is taken when the one before is done
			}
		}
	})
	w.mustRun(t, importing.Options{})
	if n := w.api.Calls(uploadtest.Renew); n < 3 || n > 4 {
		t.Errorf("renewed %d times, want three, the first of them twice", n)
	}
}

func TestARunThatWasTakenOverStopsWhereverItIs(t *testing.T) {
	t.Parallel()
	for name, taken := range map[string]func(w *world){
		"while the tracker is silent": func(w *world) {
			w.patience.beats = make(chan struct{}, 1)
			w.kimai.Before(func(int) { w.api.Expire(); w.patience.beats <- struct{}{} })
			w.kimai.Misbehave(trackertest.Silence(nil))
		},
		"before an upload":    func(w *world) { w.kimai.Before(func(int) { w.api.Expire() }) },
		"before its end":      func(w *world) { w.api.MisbehaveAt(uploadtest.Complete, expiring(w.api)) },
		"by a newer fence":    func(w *world) { w.api.Misbehave(uploadtest.Status(409, "stale_fence", "")) },
		"as if it never was":  func(w *world) { w.api.Misbehave(uploadtest.Status(404, "not_found", "")) },
		"with its end unsaid": func(w *world) { w.api.MisbehaveAt(uploadtest.Complete, uploadtest.Status(404, "not_found", "")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			taken(w)
			s, err := w.run(t.Context(), importing.Options{})
			if f := fault.Of(err); f.Kind != fault.Conflict || f.Code != "taken_over" && f.Code != "run_unknown" || importing.ExitCode(s, err) != importing.ExitAgain {
				t.Errorf("got %v", err)
			}
			if w.api.Calls(uploadtest.Abort) != 0 || len(w.patience.waited()) != 0 {
				t.Errorf("what is somebody else's was aborted %d times, after the waits %v", w.api.Calls(uploadtest.Abort), w.patience.waited())
			}
		})
	}
}

// expiring takes the run over just before the call.
func expiring(api *uploadtest.API) uploadtest.Misdeed {
	return func(w http.ResponseWriter, r *http.Request, proper http.Handler) {
		api.Expire()
		proper.ServeHTTP(w, r)
	}
}

func TestWhileAnotherRunIsLiveNothingIsReadOrWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.uploader.Start(t.Context(), importing.Declaration{Source: "kimai", Mode: importing.Upsert, Window: october}, "other"); err != nil {
		t.Fatal(err)
	}
	s, err := w.run(t.Context(), importing.Options{})
	if fault.Of(err).Code != "import_running" || importing.ExitCode(s, err) != importing.ExitAgain || len(w.kimai.Asked()) != 0 || len(w.patience.waited()) != 0 {
		t.Errorf("got %v after %d requests to the tracker", err, len(w.kimai.Asked()))
	}
	if plan := w.mustRun(t, importing.Options{DryRun: true}); plan.Read == 0 {
		t.Error("a plan waits for nobody")
	}
}

func TestWhatEndsARunMakesRoomForTheNext(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, stop func()){
		"a refusal of the tracker": func(w *world, _ func()) { w.kimai.Misbehave(trackertest.Status(403, "")) },
		"a refusal of the API":     func(w *world, _ func()) { w.api.Misbehave(uploadtest.Status(403, "insufficient_scope", "")) },
		"a suspicion of the API": func(w *world, _ func()) {
			w.api.MisbehaveAt(uploadtest.Complete, uploadtest.Status(409, "too_many_deletions", ""))
		},
		"no access to the cursor": func(w *world, _ func()) {
			w.api.MisbehaveAt(uploadtest.Cursor, uploadtest.Status(403, "insufficient_scope", ""))
		},
		"a signal": func(w *world, stop func()) { w.kimai.Before(func(int) { stop() }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			end(w, stop)
			s, err := w.run(ctx, importing.Options{})
			if err == nil || w.api.Runs()[0].State != "aborted" || s.Import != w.api.Runs()[0].ID || s.Cursor != "" {
				t.Errorf("got %v, %+v", err, w.api.Runs())
			}
			w.kimai.Before(nil)
			if _, err := w.run(t.Context(), importing.Options{}); err != nil {
				t.Errorf("the next one: %v", err)
			}
		})
	}
}

func TestAnAbortThatFailsHidesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Misbehave(trackertest.Status(403, ""))
	w.api.MisbehaveAt(uploadtest.Abort, uploadtest.Status(503, "overloaded", "3600"))
	if _, err := w.run(t.Context(), importing.Options{}); !errors.Is(err, fault.Forbidden) || len(w.patience.waited()) != 0 {
		t.Errorf("got %v after %v", err, w.patience.waited())
	}
}

func TestACompletionIsRepeatedUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.patience.set(instant("2026-10-20T08:00:00Z"))
	w.api.SetCursor("kimai", "2026-09-09T08:00:00Z")
	w.api.MisbehaveAt(uploadtest.Complete, uploadtest.Status(503, "overloaded", ""), uploadtest.LoseAnswer, uploadtest.Status(502, "", ""))
	s, err := importing.New(w.tracker, w.uploader, w.uploader, w.patience.policy()).Run(t.Context(), window("2026-09-01", "2026-10-31"), importing.Options{Source: "kimai"})
	if err != nil || s.Retries != 3 || !strings.HasPrefix(s.Cursor, "2026-10-20T08:00:0") || s.Cursor != w.api.Runs()[0].Cursor {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestAnAPIThatCountsFewerRowsThanItJudgedIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api.MisbehaveAt(uploadtest.Complete, uploadtest.Answer(200, "application/json", `{"received":1}`))
	if s, err := w.run(t.Context(), importing.Options{}); fault.Of(err).Code != "counts_do_not_balance" || importing.ExitCode(s, err) != importing.ExitAgain {
		t.Errorf("got %v", err)
	}
}

func TestWithoutAWindowTheDaysThatAreDueAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Shift(trackertest.WeeksTo(time.Now()))
	again := func(options importing.Options) importing.Summary {
		t.Helper()
		options.Source = "kimai"
		s, err := importing.New(w.tracker, w.uploader, w.uploader, w.patience.policy()).Run(t.Context(), importing.Window{}, options)
		if err != nil {
			t.Fatal(err)
		}
		if last := w.api.Runs()[len(w.api.Runs())-1]; last.From+" to "+last.To != s.Window.String() {
			t.Errorf("%s was read and %s to %s declared", s.Window, last.From, last.To)
		}
		return s
	}
	first := again(importing.Options{})
	second := again(importing.Options{})
	nightly := again(importing.Options{Tier: importing.Nightly})
	if first.Window != importing.Back(45, time.Now()) || second.Window != importing.Back(1, time.Now()) || nightly.Window != importing.Back(7, time.Now()) {
		t.Errorf("read %s, then %s, then %s", first.Window, second.Window, nightly.Window)
	}
	if second.CursorBefore != first.Cursor || first.Cursor == "" {
		t.Errorf("the cursor was %q, then %q", first.Cursor, second.CursorBefore)
	}
	if plan := again(importing.Options{DryRun: true}); plan.Cursor != plan.CursorBefore {
		t.Errorf("a plan moved the cursor to %s", plan.Cursor)
	}
}

func TestAFileIsDeclaredAsAllThatTheAPITakes(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	u := uploader(t, api)
	s, err := importing.New(flood{entries: 10, page: 3}, u, u, (&patience{}).policy()).Run(t.Context(), importing.Window{}, importing.Options{Source: "flood"})
	if err != nil || !s.Window.IsZero() {
		t.Fatalf("%+v, %v", s, err)
	}
	if run := api.Runs()[0]; run.From != "2000-01-01" || run.To != importing.Back(0, time.Now()).To.Add(31).String() || run.Mode != "upsert" {
		t.Errorf("got %+v", run)
	}
}
