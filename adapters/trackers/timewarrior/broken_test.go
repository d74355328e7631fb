package timewarrior_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/adapters/trackers/settings"
	"timesheets/adapters/trackers/timewarrior"
	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// written gives a tracker of a file with this text.
func written(t *testing.T, text string) *timewarrior.Tracker {
	t.Helper()
	file := filepath.Join(t.TempDir(), "export.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, file, nil)
}

func TestAFileThatIsNoExportIsNamedWithThePlaceWhereItBreaks(t *testing.T) {
	t.Parallel()
	good := `{"start":"20261019T063000Z","end":"20261019T080000Z"}`
	for _, tt := range []struct{ name, text, says string }{
		{"empty", "", "ends too early"},
		{"cut off", "[" + good + "," + good[:20], "element 2"},
		{"the report of timew summary", "Wk  Date       Day Tags", "byte 0"},
		{"an object", good, "no JSON array"},
		{"with text behind it", "[" + good + "] trailing", "after the end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := written(t, tt.text).Page(t.Context(), importing.Window{}, "")
			f := fault.Of(err)
			if f == nil || f.Kind != fault.Malformed || !strings.Contains(f.Text, tt.says) || !strings.Contains(f.Text, "export.json") {
				t.Errorf("got %v, want a fault.Malformed that names the file and says %q", err, tt.says)
			}
		})
	}
}

func TestAFileThatCannotBeReadIsAMistakeOfConfiguration(t *testing.T) {
	t.Parallel()
	missing := open(t, filepath.Join(t.TempDir(), "none.json"), nil)
	if _, err := missing.Page(t.Context(), importing.Window{}, ""); fault.Of(err).Kind != fault.NotFound {
		t.Errorf("a missing file: got %v", err)
	}
	if _, err := missing.Check(t.Context()); fault.Of(err).Kind != fault.NotFound {
		t.Errorf("a missing file, checked: got %v", err)
	}
	folder := open(t, t.TempDir(), nil)
	if _, err := folder.Page(t.Context(), importing.Window{}, ""); fault.Of(err).Code != "unreadable_file" {
		t.Errorf("a folder: got %v", err)
	}
}

func TestCheckLooksIntoTheFile(t *testing.T) {
	t.Parallel()
	if about, err := open(t, export, nil).Check(t.Context()); err != nil || !strings.Contains(about, export) {
		t.Errorf("got %q, %v", about, err)
	}
	if _, err := open(t, empty, nil).Check(t.Context()); err != nil {
		t.Errorf("an empty export: %v", err)
	}
	if _, err := written(t, "hello").Check(t.Context()); fault.Of(err).Kind != fault.Malformed {
		t.Errorf("no export: got %v", err)
	}
}

func TestWhatIsWrongInAnIntervalIsLeftForTheAPIToRefuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, interval string
		want           importing.Row
	}{
		{"no start", `{"end":"20261019T080000Z"}`, importing.Row{ExternalID: "laptop/"}},
		{"a start that is no instant", `{"start":"yesterday","end":"20261019T080000Z"}`, importing.Row{ExternalID: "laptop/yesterday", Date: "yesterday"}},
		{"an end that is no instant", `{"start":"20261019T063000Z","end":"later"}`, importing.Row{ExternalID: "laptop/20261019T063000Z", Date: "2026-10-19", StartedAt: "2026-10-19T08:30:00+02:00"}},
		{"an end before the start", `{"start":"20261019T063000Z","end":"20261019T060000Z"}`, importing.Row{ExternalID: "laptop/20261019T063000Z", Date: "2026-10-19", StartedAt: "2026-10-19T08:30:00+02:00", Seconds: "-1800"}},
		{"half a character", `{"start":"20261019T063000Z","end":"20261019T063010Z","annotation":"\ud800"}`, importing.Row{ExternalID: "laptop/20261019T063000Z", Date: "2026-10-19", StartedAt: "2026-10-19T08:30:00+02:00", Seconds: "10", Description: "\x00"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := page(t, written(t, "["+tt.interval+"]"), importing.Window{})
			tt.want.UserID, tt.want.TimeZone = "ann@exampleco.com", "Europe/Berlin"
			if diff := cmp.Diff(importing.Page{Rows: []importing.Row{tt.want}}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsNoIntervalIsCountedAndItsNeighboursAreRead(t *testing.T) {
	t.Parallel()
	good := `{"id":1,"start":"20261019T063000Z","end":"20261019T080000Z","something":{"new":[1]}}`
	got := page(t, written(t, "["+strings.Join([]string{
		good, `42`, `null`, `"text"`, `{"start":1}`, `{"tags":"a"}`, `{"start":"20261019T063000Z","start":"20261020T063000Z"}`, good,
	}, ",")+"]"), importing.Window{})
	if len(got.Rows) != 2 || len(got.Unreadable) != 6 {
		t.Errorf("got %d rows and %d unreadable %q, want 2 and 6", len(got.Rows), len(got.Unreadable), got.Unreadable)
	}
}

func TestEverySettingIsChecked(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"TRACKER_MACHINE":     "my laptop",
		"TRACKER_USER":        strings.Repeat("x", 256),
		"TRACKER_TIME_ZONE":   "Berlin",
		"TRACKER_PROJECT_TAG": "",
	} {
		values := settings.Values{"TRACKER_FILE": "x", "TRACKER_MACHINE": "laptop", "TRACKER_USER": "ann", "TRACKER_TIME_ZONE": "UTC", "TRACKER_PROJECT_TAG": "project:"}
		values[name] = value
		if _, err := timewarrior.Open(values, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%q: got %v, want an error that names it", name, value, err)
		}
	}
	_, err := timewarrior.Open(settings.Values{}, nil)
	for _, name := range []string{"TRACKER_MACHINE", "TRACKER_USER", "TRACKER_TIME_ZONE"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("of all mistakes at once %s is not named: %v", name, err)
		}
	}
	if _, err := timewarrior.Open(settings.Values{"TRACKER_MACHINE": "laptop", "TRACKER_USER": "ann", "TRACKER_TIME_ZONE": "Local", "TRACKER_PROJECT_TAG": "p"}, nil); err == nil {
		t.Error("the time zone of whatever machine this is was taken")
	}
}
