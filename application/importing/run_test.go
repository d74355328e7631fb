package importing_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/importing"
	"timesheets/test/fixture"
	"timesheets/test/trackertest"
)

// What is wrong in the recorded month: a timer of zero seconds, one of more
// than a day, a log for a description, a user without an address.
var recordedProblems = map[string]int{"out_of_range": 2, "length": 1, "required": 1}

func TestAMonthIsImportedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := len(w.kimai.IDs()) - 1 // but for the timer that runs
	first := w.mustRun(t, importing.Options{})
	want := importing.Counts{Created: all - 4, Rejected: 4}
	if diff := cmp.Diff(want, first.Counts); diff != "" || first.Read != all || first.Unanswered() != 0 {
		t.Errorf("read %d of %d: %s", first.Read, all, diff)
	}
	if diff := cmp.Diff(recordedProblems, first.Codes); diff != "" || first.NewProblems != 4 || len(first.Problems) != 4 {
		t.Errorf("%d new problems: %s", first.NewProblems, diff)
	}
	if code := importing.ExitCode(first, nil); code != importing.ExitProblems {
		t.Errorf("exit %d with new problems", code)
	}
	second := w.mustRun(t, importing.Options{})
	if diff := cmp.Diff(importing.Counts{Unchanged: all - 4, Rejected: 4}, second.Counts); diff != "" {
		t.Error(diff)
	}
	if second.NewProblems != 0 || second.KnownProblems != 4 || len(second.Problems) != 0 || importing.ExitCode(second, nil) != importing.ExitDone {
		t.Errorf("the second time: %d new, %d known problems, exit %d", second.NewProblems, second.KnownProblems, importing.ExitCode(second, nil))
	}
	if len(w.api.Entries()) != all-4 {
		t.Errorf("%d entries are kept, want %d", len(w.api.Entries()), all-4)
	}
}

func TestWhatChangedIsUpdatedAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mustRun(t, importing.Options{})
	ids := w.kimai.IDs()
	w.kimai.Edit(ids[10], func(r trackertest.Record) { r["duration"] = 600 })
	w.kimai.Edit(ids[20], func(r trackertest.Record) { r["description"] = "told better" })
	w.kimai.Add(trackertest.Entry(99_999, "2026-10-30"))
	s := w.mustRun(t, importing.Options{})
	if s.Created != 1 || s.Updated != 2 || s.Conflicts != 0 || s.KnownProblems != 4 {
		t.Errorf("got %+v", s.Counts)
	}
}

func TestHoursAreSummedByWorkerAndWeekOverWhatLanded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.mustRun(t, importing.Options{})
	seconds := map[string]int{}
	for _, text := range w.api.Entries() {
		var row struct {
			UserID  string `json:"user_id"`
			Seconds int    `json:"seconds"`
		}
		if err := json.Unmarshal([]byte(text), &row); err != nil {
			t.Fatal(err)
		}
		seconds[row.UserID] += row.Seconds
	}
	got, weeks := map[string]int{}, map[string]bool{}
	previous := importing.WorkerWeek{}
	for _, h := range s.Hours {
		got[h.Worker] += h.Seconds
		weeks[h.Week.String()] = true
		if h.Worker < previous.Worker || h.Worker == previous.Worker && !h.Week.Monday().After(previous.Week.Monday()) {
			t.Errorf("%v comes after %v", h, previous)
		}
		previous = h
	}
	if diff := cmp.Diff(seconds, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]bool{"2026-W41": true, "2026-W42": true, "2026-W43": true, "2026-W44": true}, weeks); diff != "" {
		t.Error(diff)
	}
}

func TestAPlanSaysWhatWouldChangeAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mustRun(t, importing.Options{})
	before, refused := w.api.Entries(), w.api.Refused()
	ids := w.kimai.IDs()
	w.kimai.Edit(ids[3], func(r trackertest.Record) { r["duration"] = 1 })
	w.kimai.Add(trackertest.Entry(99_999, "2026-10-30"))
	w.kimai.Add(trackertest.Record{"id": 100_000, "begin": "2026-10-30T10:00:00+0000", "end": "x", "duration": -5})
	s := w.mustRun(t, importing.Options{DryRun: true})
	outcomes := map[importing.Outcome]int{}
	for _, c := range append(s.Changes, s.Problems...) {
		outcomes[c.Outcome]++
		if c.ExternalID == "99999" {
			want := importing.Change{ExternalID: "99999", Worker: "ana.ruiz@fjordline.example", Date: "2026-10-30", Project: "Webshop relaunch", Seconds: 3600, Outcome: importing.Created}
			if diff := cmp.Diff(want, c); diff != "" {
				t.Error(diff)
			}
		}
	}
	if diff := cmp.Diff(map[importing.Outcome]int{importing.Created: 1, importing.Updated: 1, importing.Rejected: 5}, outcomes); diff != "" {
		t.Error(diff)
	}
	if s.NewProblems != 1 || s.KnownProblems != 4 {
		t.Errorf("%d new and %d known problems, want 1 and 4", s.NewProblems, s.KnownProblems)
	}
	if !cmp.Equal(before, w.api.Entries()) || w.api.Refused() != refused {
		t.Error("the plan changed something")
	}
}

// TestPoisonIsRefusedAndEveryGoodRowLands has one entry for everything that
// broke an import once.
func TestPoisonIsRefusedAndEveryGoodRowLands(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	w := newWorld(t)
	w.kimai.Clear()
	for id := range 20 {
		w.kimai.Add(trackertest.Entry(id+1, "2026-10-13"))
	}
	poison := []func(trackertest.Record){
		func(r trackertest.Record) { r["description"] = "a\x00b" },
		func(r trackertest.Record) { r["description"] = strings.Repeat("x", 10<<20) },
		func(r trackertest.Record) { r["description"] = json.RawMessage(`"\ud800"`) },
		func(r trackertest.Record) { r["begin"] = "0001-01-01T00:00:00+0000" },
		func(r trackertest.Record) { r["begin"] = "9999-12-31T23:59:59+0000" },
		func(r trackertest.Record) { r["begin"] = nil },
		func(r trackertest.Record) { r["begin"] = "soon" },
		func(r trackertest.Record) { r["duration"] = -1 },
		func(r trackertest.Record) { r["duration"] = json.RawMessage(`1e309`) },
		func(r trackertest.Record) { r["duration"] = "NaN" },
		func(r trackertest.Record) { r["duration"] = 86_401 },
		func(r trackertest.Record) { delete(r, "id") },
		func(r trackertest.Record) { delete(r, "user") },
		func(r trackertest.Record) { delete(r, "project") },
		func(r trackertest.Record) { r["tags"] = strings.Split(strings.Repeat("t ", 5000), " ") },
	}
	outside := 0
	for i, spoil := range poison {
		entry := trackertest.Entry(1000+i, "2026-10-13")
		spoil(entry)
		if begin, _ := entry["begin"].(string); strings.HasPrefix(begin, "0001") || strings.HasPrefix(begin, "9999") {
			outside++ // no tracker has it in October
		}
		w.kimai.Add(entry)
	}
	bad := len(poison) - outside
	first := w.mustRun(t, importing.Options{})
	if diff := cmp.Diff(importing.Counts{Created: 20, Rejected: bad}, first.Counts); diff != "" || first.NewProblems != bad {
		t.Errorf("%d new problems, want %d: %s", first.NewProblems, bad, diff)
	}
	second := w.mustRun(t, importing.Options{})
	if diff := cmp.Diff(importing.Counts{Unchanged: 20, Rejected: bad}, second.Counts); diff != "" || second.NewProblems != 0 {
		t.Errorf("the second time %d new problems: %s", second.NewProblems, diff)
	}
	if importing.ExitCode(first, nil) != importing.ExitProblems || importing.ExitCode(second, nil) != importing.ExitDone {
		t.Error("the exit codes are not 3, then 0")
	}
}

func TestWhatIsNoEntryAtAllIsCountedByTheJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Clear()
	w.kimai.Misbehave(trackertest.Body(`[null,{"id":1,"id":2},{"id":3,"begin":"2026-10-13T09:00:00+0200","end":"x","duration":60,"user":{"email":"a@x"},"project":{"name":"p"}}]`))
	s := w.mustRun(t, importing.Options{})
	if s.Unreadable != 2 || len(s.UnreadableTexts) != 2 || s.Created != 1 || importing.ExitCode(s, nil) != importing.ExitProblems {
		t.Errorf("got %+v", s)
	}
}
