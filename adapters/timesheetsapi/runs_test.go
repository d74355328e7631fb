package timesheetsapi_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/test/uploadtest"
)

func TestARunIsDeclaredAsItIs(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	declared := importing.Declaration{Source: "harvest", Mode: importing.Mirror, Window: window("2026-09-01", "2026-09-02"), DryRun: true}
	if _, err := u.Start(t.Context(), declared, "second"); err != nil {
		t.Fatal(err)
	}
	want := []uploadtest.Run{
		{ID: first.ID, State: "open", Source: "kimai", Mode: "upsert", From: "2026-10-01", To: "2026-10-31"},
		{ID: "01a1fa02-09c0-7000-8000-000000000002", State: "open", Source: "harvest", Mode: "mirror", From: "2026-09-01", To: "2026-09-02", DryRun: true},
	}
	if diff := cmp.Diff(want, api.Runs()); diff != "" {
		t.Error(diff)
	}
}

func TestAStartIsRepeatedUnderItsKey(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	declared := october
	declared.Source = "harvest"
	api.MisbehaveAt(uploadtest.Start, uploadtest.LoseAnswer, uploadtest.LoseAnswer) // Go's client tries once more by itself
	if _, err := u.Start(t.Context(), declared, "second"); !errors.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	run, err := u.Start(t.Context(), declared, "second")
	if err != nil || run.Fence != 2 || len(api.Runs()) != 2 {
		t.Errorf("got %v, %v of %d runs", run, err, len(api.Runs()))
	}
	if _, err := u.Start(t.Context(), declared, "third"); !errors.Is(err, fault.Conflict) || fault.Of(err).Code != "import_running" {
		t.Errorf("under another key: got %v", err)
	}
}

func TestAStartWithoutAFenceIsNone(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	api.MisbehaveAt(uploadtest.Start, uploadtest.Answer(201, "application/json", `{"id":"01a1fa02-09c0-7000-8000-000000000001"}`))
	if _, err := u.Start(t.Context(), october, "second"); fault.Of(err).Code != "api_garbage" {
		t.Errorf("got %v", err)
	}
}

func TestACompletionSaysWhatItHasToSayAndNothingElse(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	if cursor, err := u.Cursor(t.Context(), "kimai"); err != nil || cursor != "" {
		t.Errorf("of a source without one: got %q, %v", cursor, err)
	}
	if _, err := u.Upload(t.Context(), batch(u, good)); err != nil {
		t.Fatal(err)
	}
	ending, err := u.Complete(t.Context(), first, importing.Completion{Cursor: "2026-11-02T08:00:00Z"})
	if err != nil || ending != (importing.Ending{Received: 1}) {
		t.Errorf("got %+v, %v", ending, err)
	}
	if got := api.Runs()[0]; got.State != "completed" || got.Cursor != "2026-11-02T08:00:00Z" {
		t.Errorf("got %+v", got)
	}
	if cursor, err := u.Cursor(t.Context(), "kimai"); err != nil || cursor != "2026-11-02T08:00:00Z" {
		t.Errorf("got %q, %v", cursor, err)
	}
	declared := october
	declared.Mode = importing.Mirror
	run, err := u.Start(t.Context(), declared, "second")
	if err != nil {
		t.Fatal(err)
	}
	none := 0
	if ending, err = u.Complete(t.Context(), run, importing.Completion{DistinctKeys: &none, Guards: importing.Guards{MaxDeleteCount: &none, MaxDeletePercent: &none, AllowEmpty: true}}); err != nil || ending.Deleted != 1 {
		t.Errorf("of a mirror: got %+v, %v", ending, err)
	}
	if cursor, _ := u.Cursor(t.Context(), "kimai"); cursor != "2026-11-02T08:00:00Z" {
		t.Errorf("without a cursor it is %q", cursor)
	}
}

func TestACompletionWhoseAnswerWasLostIsComplete(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	if _, err := u.Upload(t.Context(), batch(u, good)); err != nil {
		t.Fatal(err)
	}
	api.MisbehaveAt(uploadtest.Complete, uploadtest.LoseAnswer)
	if _, err := u.Complete(t.Context(), first, importing.Completion{}); !errors.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	api.MisbehaveAt(uploadtest.Look, uploadtest.Status(503, "overloaded", ""))
	if _, err := u.Complete(t.Context(), first, importing.Completion{}); !errors.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	if ending, err := u.Complete(t.Context(), first, importing.Completion{}); err != nil || ending.Received != 1 {
		t.Errorf("got %+v, %v", ending, err)
	}
}

func TestARunThatWasTakenOverCanDoNothing(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	if err := u.Renew(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	stale := first
	stale.Fence = 7
	if err := u.Renew(t.Context(), stale); fault.Of(err).Code != "stale_fence" {
		t.Errorf("with another fence: got %v", err)
	}
	api.Expire()
	_, uploaded := u.Upload(t.Context(), batch(u, good))
	_, completed := u.Complete(t.Context(), first, importing.Completion{Cursor: "x"})
	for name, err := range map[string]error{"upload": uploaded, "renew": u.Renew(t.Context(), first), "complete": completed, "abort": u.Abort(t.Context(), first)} {
		if !errors.Is(err, fault.Conflict) || fault.Of(err).Code != "import_not_open" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAnAbortedRunMakesRoom(t *testing.T) {
	t.Parallel()
	_, u, _ := serve(t)
	if err := u.Abort(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Start(t.Context(), october, "second"); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoRunIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	none := importing.Run{ID: "../sources", Fence: 1}
	_, uploaded := u.Upload(t.Context(), importing.Batch{Run: none, Part: 1})
	_, completed := u.Complete(t.Context(), none, importing.Completion{})
	for _, err := range []error{uploaded, completed, u.Renew(t.Context(), none), u.Abort(t.Context(), none)} {
		if fault.Of(err).Code != "not_an_id" {
			t.Errorf("got %v", err)
		}
	}
	if n := api.Calls(uploadtest.Upload) + api.Calls(uploadtest.Renew) + api.Calls(uploadtest.Complete) + api.Calls(uploadtest.Abort); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}
