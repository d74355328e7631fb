package timewarrior_test

import (
	"bytes"
	"fmt"
	"maps"
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

// What timew 1.4.3 printed for a week in Berlin: without and with later
// changes, and for no intervals at all.
const (
	export = "testdata/timew-1.4.3-export.json"
	edited = "testdata/timew-1.4.3-export-edited.json"
	empty  = "testdata/timew-1.4.3-export-empty.json"
)

// open opens a file as Ann's laptop in Berlin; changes are further settings.
func open(t *testing.T, file string, changes settings.Values) *timewarrior.Tracker {
	t.Helper()
	values := settings.Values{
		"TRACKER_FILE": file, "TRACKER_MACHINE": "laptop", "TRACKER_USER": "ann@exampleco.com",
		"TRACKER_TIME_ZONE": "Europe/Berlin", "TRACKER_PROJECT_TAG": "project:",
	}
	maps.Copy(values, changes)
	tracker, err := timewarrior.Open(values, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

// page reads the one page of a short export.
func page(t *testing.T, tracker *timewarrior.Tracker, window importing.Window) importing.Page {
	t.Helper()
	p, err := tracker.Page(t.Context(), window, "")
	if err != nil {
		t.Fatal(err)
	}
	if p.Next != "" {
		t.Fatalf("there is a second page %q", p.Next)
	}
	return p
}

func TestARealExportIsReadAsItStands(t *testing.T) {
	t.Parallel()
	got := page(t, open(t, export, nil), importing.Window{})
	row := func(start, begin, project, description, seconds string, tags ...string) importing.Row {
		return importing.Row{
			ExternalID: "laptop/" + start, UserID: "ann@exampleco.com", Date: begin[:10], StartedAt: begin, TimeZone: "Europe/Berlin",
			Project: project, Description: description, Seconds: seconds, Tags: tags,
		}
	}
	want := importing.Page{
		Running: 1,
		Rows: []importing.Row{
			row("20261019T063000Z", "2026-10-19T08:30:00+02:00", "webshop", "", "5400", "checkout"),
			row("20261019T081500Z", "2026-10-19T10:15:00+02:00", "webshop", "Voucher code survives the login – see „#412“", "6300", "needs tests", "review"),
			row("20261019T110000Z", "2026-10-19T13:00:00+02:00", "Lumen Energy portal", "", "15600", "on-site", "workshop"),
			// Timewarrior takes \t and \r in an annotation for escapes itself.
			row("20261020T070000Z", "2026-10-20T09:00:00+02:00", "webshop", "Price rules: \"3 for 2\", C:\temp\rules.csv", "12600", "checkout"),
			row("20261020T203000Z", "2026-10-20T22:30:00+02:00", "webshop", "", "9900", "deployment"),
			row("20261021T080000Z", "2026-10-21T10:00:00+02:00", "", "", "3600"),
			row("20261022T070000Z", "2026-10-22T09:00:00+02:00", "", "", "2700", "reading"),
			row("20261023T060000Z", "2026-10-23T08:00:00+02:00", "webshop", "", "95400", "on-call"),
			// Over the night in which the clocks go back: three hours by the clock on
			// the wall are two, and these are three.
			row("20261024T233000Z", "2026-10-25T01:30:00+02:00", "webshop", "", "10800", "deployment"),
			row("20261025T233000Z", "2026-10-26T00:30:00+01:00", "webshop", "", "5400", "emoji 🚀", "Ünicode"),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAChangedEndTagOrAnnotationIsTheSameEntry(t *testing.T) {
	t.Parallel()
	before := page(t, open(t, export, nil), importing.Window{}).Rows
	after := page(t, open(t, edited, nil), importing.Window{}).Rows
	changed := map[string]bool{}
	for i, row := range before {
		if after[i].ExternalID != row.ExternalID {
			t.Fatalf("row %d was %s and is %s", i, row.ExternalID, after[i].ExternalID)
		}
		if !cmp.Equal(after[i], row) {
			changed[row.ExternalID] = true
		}
	}
	want := map[string]bool{"laptop/20261019T063000Z": true, "laptop/20261019T081500Z": true, "laptop/20261022T070000Z": true}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Error(diff)
	}
	if len(after) != len(before)+1 {
		t.Errorf("the timer that was stopped is not there: %d rows became %d", len(before), len(after))
	}
}

func TestTheProjectIsTheTagWithThePrefix(t *testing.T) {
	t.Parallel()
	const start = `"start":"20261019T063000Z","end":"20261019T080000Z"`
	for _, tt := range []struct {
		name    string
		tags    string
		changes settings.Values
		project string
		others  []string
	}{
		{"first", `["project:a","z"]`, nil, "a", []string{"z"}},
		{"last", `["b","project:a"]`, nil, "a", []string{"b"}},
		{"the first in the alphabet of two", `["project:a","project:b"]`, nil, "a", []string{"project:b"}},
		{"with nothing behind the prefix", `["project:"]`, nil, "", []string{"project:"}},
		{"none", `["a"]`, nil, "", []string{"a"}},
		{"none, and there is a default", `["a"]`, settings.Values{"TRACKER_DEFAULT_PROJECT": "Other"}, "Other", []string{"a"}},
		{"with a prefix of one's own", `["+a","project:b"]`, settings.Values{"TRACKER_PROJECT_TAG": "+"}, "a", []string{"project:b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "export.json")
			if err := os.WriteFile(file, fmt.Appendf(nil, `[{%s,"tags":%s}]`, start, tt.tags), 0o600); err != nil {
				t.Fatal(err)
			}
			row := page(t, open(t, file, tt.changes), importing.Window{}).Rows[0]
			if row.Project != tt.project {
				t.Errorf("got the project %q, want %q", row.Project, tt.project)
			}
			if diff := cmp.Diff(tt.others, row.Tags); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnIntervalCountsOnTheDateWhereItWasWorked(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{
		"UTC": "2026-10-24", "Europe/Berlin": "2026-10-25", "Pacific/Auckland": "2026-10-25", "America/Los_Angeles": "2026-10-24",
	} {
		rows := page(t, open(t, export, settings.Values{"TRACKER_TIME_ZONE": zone}), importing.Window{}).Rows
		for _, row := range rows {
			if row.ExternalID == "laptop/20261024T233000Z" && row.Date != want {
				t.Errorf("in %s it counts on %s, want %s", zone, row.Date, want)
			}
		}
	}
}

func TestAWindowTakesTheDatesInIt(t *testing.T) {
	t.Parallel()
	window, err := importing.ParseWindow("2026-10-20", "2026-10-21")
	if err != nil {
		t.Fatal(err)
	}
	var dates []string
	got := page(t, open(t, export, nil), window)
	for _, row := range got.Rows {
		dates = append(dates, row.Date)
	}
	if diff := cmp.Diff([]string{"2026-10-20", "2026-10-20", "2026-10-21"}, dates); diff != "" {
		t.Error(diff)
	}
	if got.Running != 0 {
		t.Error("a timer outside of the window was counted")
	}
}

func TestAnExportOfNothingIsNoMistake(t *testing.T) {
	t.Parallel()
	got := page(t, open(t, empty, nil), importing.Window{})
	if diff := cmp.Diff(importing.Page{}, got); diff != "" {
		t.Error(diff)
	}
}

// long writes an export of n intervals of a minute each.
func long(n int) []byte {
	var b bytes.Buffer
	b.WriteString("[\n")
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, `{"id":%d,"start":"202610%02dT%02d%02d00Z","end":"202610%02dT%02d%02d30Z","tags":["project:a"]}`,
			n-i, i/1440+1, i/60%24, i%60, i/1440+1, i/60%24, i%60)
	}
	b.WriteString("\n]\n")
	return b.Bytes()
}

func TestALongExportComesInPages(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "export.json")
	if err := os.WriteFile(file, long(2500), 0o600); err != nil {
		t.Fatal(err)
	}
	tracker := open(t, file, nil)
	for range 2 { // it can be read again from its beginning
		seen := map[string]bool{}
		var sizes []int
		for cursor, more := "", true; more; {
			p, err := tracker.Page(t.Context(), importing.Window{}, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range p.Rows {
				seen[row.ExternalID] = true
			}
			sizes = append(sizes, len(p.Rows))
			cursor, more = p.Next, p.Next != ""
		}
		if diff := cmp.Diff([]int{1000, 1000, 500}, sizes); diff != "" || len(seen) != 2500 {
			t.Errorf("%d different intervals, pages %s", len(seen), diff)
		}
	}
}

func TestPagesOutOfTurnAreRefused(t *testing.T) {
	t.Parallel()
	_, err := open(t, export, nil).Page(t.Context(), importing.Window{}, "1000")
	if fault.Of(err).Code != "bad_cursor" {
		t.Errorf("got %v, want bad_cursor", err)
	}
}

func TestStandardInputIsReadOnce(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	tracker, err := timewarrior.Open(settings.Values{
		"TRACKER_FILE": "-", "TRACKER_MACHINE": "laptop", "TRACKER_USER": "ann", "TRACKER_TIME_ZONE": "UTC", "TRACKER_PROJECT_TAG": "project:",
	}, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if about, err := tracker.Check(t.Context()); err != nil || !strings.Contains(about, "not read yet") {
		t.Fatalf("Check: %q, %v", about, err)
	}
	if got := page(t, tracker, importing.Window{}); len(got.Rows) != 10 {
		t.Errorf("got %d rows, want 10", len(got.Rows))
	}
	if _, err := tracker.Page(t.Context(), importing.Window{}, ""); fault.Of(err).Code != "stdin_read" {
		t.Errorf("got %v, want stdin_read", err)
	}
}
