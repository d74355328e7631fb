package jobs

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
	"timesheets/test/trackertest"
)

func TestAMirrorFollowsWhatHappensInTheTracker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(40, 10)
	w.run(t).is(t, 0)
	gone := w.entry(t, "3")
	outside := w.entry(t, "10") // ten days ago
	w.kimai.Edit(1, func(r trackertest.Record) { r["duration"] = 120 })
	w.kimai.Edit(2, func(r trackertest.Record) { r["user"] = json.Number("4") })
	w.kimai.Edit(4, func(r trackertest.Record) { r["begin"], r["end"] = day(2)+"T09:00:00+0200", day(2)+"T09:01:00+0200" })
	w.kimai.Delete(3)
	w.kimai.Delete(10)

	upsert := w.run(t, "--tier", "nightly").is(t, 0)
	if upsert.Updated != 3 || upsert.Deleted != 0 || len(w.held(t)) != 40 {
		t.Errorf("without --mirror: %+v", upsert.said)
	}
	mirror := w.run(t, "--mirror", "--tier", "nightly").is(t, 0)
	if mirror.Deleted != 1 || mirror.Updated != 0 || mirror.Mode != "mirror" {
		t.Errorf("a mirror of a week: %+v", mirror.said)
	}
	if held := w.held(t); held["3"] != 0 || held["10"] != 60 || held["1"] != 120 || len(held) != 39 {
		t.Errorf("got %v", held)
	}
	if got := w.record(t, mirror.Import); got.Mode != "mirror" || got.Deleted != 1 || got.State != "completed" {
		t.Errorf("on record: %+v", got)
	}
	if moved := w.entry(t, "2"); moved.UserID != "ben.okafor@fjordline.example" || moved.Version != 2 {
		t.Errorf("the entry that another worker has now: %+v", moved)
	}
	if w.run(t, "--mirror", "--tier", "weekly").is(t, 0).Deleted != 1 {
		t.Errorf("the mirror of 45 days did not delete %s", outside.ID)
	}
	w.isAsInTheTracker(t)

	back := trackertest.Entry(3, gone.Date)
	back["duration"] = 60
	w.kimai.Add(back)
	if o := w.run(t, "--tier", "nightly").is(t, 0); o.Created != 1 || w.entry(t, "3").ID != gone.ID {
		t.Errorf("what came back has another id, or: %+v", o.said)
	}
	w.isAsInTheTracker(t)
}

func TestTheModeIsASettingToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["IMPORT_MODE"] = "mirror"
	w.fill(10, 1)
	w.run(t).is(t, 0)
	w.kimai.Delete(1)
	if o := w.run(t, "--no-mirror").is(t, 0); o.Deleted != 0 || o.Mode != "upsert" {
		t.Errorf("got %+v", o.said)
	}
	if o := w.run(t).is(t, 0); o.Deleted != 1 {
		t.Errorf("got %+v", o.said)
	}
	w.isAsInTheTracker(t)
}

func TestAMirrorThatLooksWrongDeletesNothingAndSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(40, 4)
	first := w.run(t).is(t, 0)
	for id := range 15 {
		w.kimai.Delete(1 + id)
	}
	o := w.run(t, "--mirror", "--tier", "nightly").is(t, 1)
	if !strings.Contains(o.Error, "too_many_deletions") || !strings.Contains(o.Error, "15 of 40") || o.Deleted != 0 || o.Cursor != first.Cursor {
		t.Errorf("got %+v", o.said)
	}
	if got := w.record(t, o.Import); got.State != "aborted" || got.Deleted != 0 || got.Unchanged != 25 {
		t.Errorf("on record: %+v", got)
	}
	if plan := w.start(t, "plan", "--mirror", "--tier", "nightly").end(t).is(t, 1); !strings.Contains(plan.stdout, "would delete 15 of 40 entries") {
		t.Errorf("got\n%s", plan.stdout)
	}
	if len(w.held(t)) != 40 {
		t.Errorf("%d entries are left", len(w.held(t)))
	}
	if o := w.run(t, "--mirror", "--tier", "nightly", "--max-delete-count", "15").is(t, 0); o.Deleted != 15 {
		t.Errorf("when it is meant: %+v", o.said)
	}
	w.isAsInTheTracker(t)

	w.kimai.Clear()
	if o := w.run(t, "--mirror", "--tier", "nightly", "--max-delete-percent", "100").is(t, 1); !strings.Contains(o.Error, "nothing_brought") {
		t.Errorf("of an empty tracker: %+v", o.said)
	}
	if o := w.run(t, "--mirror", "--tier", "nightly", "--max-delete-percent", "100", "--allow-empty").is(t, 0); o.Deleted != 25 {
		t.Errorf("when that is meant: %+v", o.said)
	}
	w.isAsInTheTracker(t)
}

func TestWhatWasNotReadWholeIsNoMirror(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		misdeeds []trackertest.Misdeed
		code     int
	}{
		"an element that is no entry":     {[]trackertest.Misdeed{withNull}, 1},
		"a page that is refused":          {[]trackertest.Misdeed{nil, trackertest.Status(403, "")}, 2},
		"a page that comes twice":         {[]trackertest.Misdeed{nil, nil, trackertest.Page(2)}, 1},
		"a wait that is longer than time": {[]trackertest.Misdeed{nil, trackertest.Status(429, "3600")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.kimai.Limit(10)
			w.fill(40, 1)
			first := w.run(t).is(t, 0)
			w.kimai.Delete(40)
			w.kimai.Misbehave(tt.misdeeds...)
			o := w.run(t, "--mirror", "--from", day(1), "--to", day(1)).is(t, tt.code)
			if o.Deleted != 0 || len(w.held(t)) != 40 || w.cursor(t) != first.Cursor || w.record(t, o.Import).State != "aborted" {
				t.Errorf("got %+v", o.said)
			}
			if o := w.run(t, "--mirror", "--from", day(1), "--to", day(1)).is(t, 0); o.Deleted != 1 {
				t.Errorf("afterwards: %+v", o.said)
			}
		})
	}
}

// withNull is a proper answer with something in it that is no entry.
func withNull(w http.ResponseWriter, r *http.Request, proper http.Handler) {
	kept := httptest.NewRecorder()
	proper.ServeHTTP(kept, r)
	maps.Copy(w.Header(), kept.Header())
	_, _ = w.Write(bytes.Replace(kept.Body.Bytes(), []byte("["), []byte("[null,"), 1))
}

func TestAnEntryThatMovesWhileItIsMirroredIsNotTakenForDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Clear()
	// One entry in each of two months, which are read one after the other.
	w.kimai.Add(trackertest.Entry(1, "2025-03-10"), trackertest.Entry(2, "2025-04-10"))
	span := []string{"--from", "2025-03-01", "--to", "2025-04-30"}
	w.run(t, span...).is(t, 0)
	w.kimai.Before(func(n int) {
		if n == 4 { // two readings of the first import, and the second's of March
			w.kimai.Edit(2, func(r trackertest.Record) {
				r["begin"], r["end"] = "2025-03-20T09:00:00+0200", "2025-03-20T10:00:00+0200"
			})
		}
	})
	if o := w.run(t, append(span, "--mirror", "--max-delete-count", "100")...).is(t, 0); o.Deleted != 0 || o.Updated != 1 {
		t.Errorf("got %+v", o.said)
	}
	if got := w.entry(t, "2"); got.Date != "2025-03-20" || got.Version != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestARowWithoutAReadableIDSkipsDeletions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(20, 2)
	w.run(t).is(t, 0)
	w.kimai.Delete(1)
	for _, id := range []any{nil, "", "~1", "a\x00b", strings.Repeat("9", 300)} {
		nameless := trackertest.Entry(0, day(1))
		nameless["id"] = id
		w.kimai.Add(nameless)
	}
	for _, code := range []int{3, 0} {
		o := w.run(t, "--mirror", "--tier", "nightly").is(t, code)
		if o.Deleted != 0 || o.Skipped != "unreadable_key" || o.Rejected != 5 || len(w.held(t)) != 20 {
			t.Errorf("got %+v", o.said)
		}
	}
}

func TestADeletionByMirrorOfWhatPeopleDecidedIsProposed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(20, 2)
	w.run(t).is(t, 0)
	approved := w.entry(t, "1")
	w.api.Approver(t, "bob", "").Put(t, "/v1/approvals/"+approved.ID, nil).Is(t, http.StatusOK)
	w.kimai.Delete(1)
	w.kimai.Delete(2)
	if o := w.run(t, "--mirror", "--tier", "nightly").is(t, 0); o.Deleted != 1 {
		t.Errorf("got %+v", o.said)
	}
	var left apitest.Entry
	w.machine.Get(t, "/v1/timesheets/"+approved.ID).Is(t, http.StatusOK).Read(t, &left)
	if diff := cmp.Diff("approved", left.Status); diff != "" {
		t.Error(diff)
	}
}
