package jobs

import (
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
)

// What `timew export` of Timewarrior 1.4.3 printed: first, after an end, a tag
// and an annotation had been changed, and after a start had been changed too.
const (
	exported  = "testdata/timew-1.4.3-export.json"
	edited    = "testdata/timew-1.4.3-export-edited.json"
	restarted = "testdata/timew-1.4.3-export-restarted.json"
)

func timewarrior(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	maps.Copy(w.env, map[string]string{
		"TRACKER": "timewarrior", "TRACKER_SOURCE": "timew-ann", "TRACKER_FILE": exported,
		"TRACKER_MACHINE": "laptop", "TRACKER_USER": "ann", "TRACKER_TIME_ZONE": "Europe/Berlin",
	})
	return w
}

func TestATimewarriorExportIsImportedWholeEachTime(t *testing.T) {
	t.Parallel()
	w := timewarrior(t)
	if o := w.run(t).is(t, 0); o.Created != 5 || o.Window != "everything" || o.Source != "timew-ann" {
		t.Errorf("the first time: %+v", o.said)
	}
	want := map[string]int{
		"laptop/20250327T080000Z": 12600, "laptop/20250327T121500Z": 13500, "laptop/20250328T073000Z": 5400,
		"laptop/20250329T233000Z": 10800, "laptop/20250331T070000Z": 9900,
	}
	if diff := cmp.Diff(want, w.held(t)); diff != "" {
		t.Error(diff)
	}
	// Over the night in which the clocks go forward: four hours by the clock on
	// the wall are three.
	if night := w.entry(t, "laptop/20250329T233000Z"); night.Date != "2025-03-30" || night.Hours != 3 || night.Project != "webshop" {
		t.Errorf("got %+v", night)
	}
	if o := w.run(t).is(t, 0); o.Unchanged != 5 || o.Read != 5 {
		t.Errorf("the second time: %+v", o.said)
	}
}

func TestAnIntervalIsTheSameEntryUntilItsStartChanges(t *testing.T) {
	t.Parallel()
	w := timewarrior(t)
	w.run(t).is(t, 0)
	w.env["TRACKER_FILE"] = edited
	if o := w.run(t).is(t, 0); o.Updated != 3 || o.Unchanged != 2 {
		t.Errorf("after an end, a tag and an annotation changed: %+v", o.said)
	}
	w.env["TRACKER_FILE"] = restarted
	if o := w.run(t).is(t, 0); o.Created != 1 || o.Unchanged != 4 || len(w.held(t)) != 6 {
		t.Errorf("after a start changed: %+v", o.said)
	}
	if o := w.run(t, "--mirror", "--from", "2025-03-01", "--to", "2025-03-31").is(t, 0); o.Deleted != 1 || o.Unchanged != 5 {
		t.Errorf("as a mirror: %+v", o.said)
	}
	held := w.held(t)
	if _, ok := held["laptop/20250327T121500Z"]; ok || len(held) != 5 || held["laptop/20250327T120000Z"] != 14400 {
		t.Errorf("got %v", held)
	}
}

// A mirror of one person's machine deletes nobody else's entries, whatever the
// source is called, nor those of days that are not in the export.
func TestAMirrorOfAnExportIsAboutItsPersonAndItsDays(t *testing.T) {
	t.Parallel()
	w := timewarrior(t)
	w.run(t).is(t, 0)
	days := []string{"--mirror", "--from", "2025-03-29", "--to", "2025-03-31"}
	empty := filepath.Join(t.TempDir(), "export.json")
	if err := os.WriteFile(empty, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env["TRACKER_MACHINE"], w.env["TRACKER_USER"] = "desktop", "bob"
	if o := w.run(t, days...).is(t, 0); o.Deleted != 0 {
		t.Errorf("with Bob's export: %+v", o.said)
	}
	w.env["TRACKER_MACHINE"], w.env["TRACKER_USER"], w.env["TRACKER_FILE"] = "laptop", "ann", empty
	w.run(t, "--mirror").is(t, 2)
	if o := w.run(t, append(days, "--allow-empty")...).is(t, 0); o.Deleted != 2 {
		t.Errorf("with Ann's empty one: %+v", o.said)
	}
	want := map[string]int{
		"laptop/20250327T080000Z": 12600, "laptop/20250327T121500Z": 13500, "laptop/20250328T073000Z": 5400,
		"desktop/20250329T233000Z": 10800, "desktop/20250331T070000Z": 9900,
	}
	if diff := cmp.Diff(want, w.held(t)); diff != "" {
		t.Error(diff)
	}
}

func TestAnExportComesThroughStandardInputToo(t *testing.T) {
	t.Parallel()
	w := timewarrior(t)
	text, err := os.ReadFile(exported)
	if err != nil {
		t.Fatal(err)
	}
	w.env["TRACKER_FILE"] = "-"
	march := []string{"run", "--mirror", "--from", "2025-03-01", "--to", "2025-03-31"}
	if o := start(t, w.env, string(text), march...).end(t).is(t, 0); o.Created != 5 {
		t.Errorf("got %+v", o.said)
	}
	if o := start(t, w.env, string(text[:len(text)/2]), march...).end(t).is(t, 2); o.Deleted != 0 || len(w.held(t)) != 5 {
		t.Errorf("of half an export: %+v", o.said)
	}
}

func TestAJobThatWaitsForAPipeEndsWhenItIsTold(t *testing.T) {
	t.Parallel()
	w := timewarrior(t)
	w.env["TRACKER_FILE"] = filepath.Join(t.TempDir(), "export")
	if err := syscall.Mkfifo(w.env["TRACKER_FILE"], 0o600); err != nil {
		t.Fatal(err)
	}
	job := w.start(t, "run")
	var writer *os.File
	awaited := func() bool { // it can be written to as soon as somebody reads
		var err error
		writer, err = os.OpenFile(w.env["TRACKER_FILE"], os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return err == nil
	}
	if !apitest.Eventually(t, patience, awaited) {
		t.Fatal("nobody reads the pipe")
	}
	defer writer.Close()
	job.terminate()
	job.end(t).is(t, 1)
	if state := query[string](t, w, `SELECT state FROM imports`); state != "aborted" {
		t.Errorf("the run is %s", state)
	}
	w.env["TRACKER_FILE"] = exported
	w.run(t).is(t, 0) // and nobody is in its way
}
