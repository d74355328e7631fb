package trackers_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"timesheets/adapters/trackers"
	"timesheets/adapters/trackers/settings"
	"timesheets/domain/timesheet"
)

func TestEveryKindSaysWhatItIsAndNeeds(t *testing.T) {
	t.Parallel()
	var names []string
	for _, kind := range trackers.Kinds() {
		names = append(names, kind.Name)
		if err := timesheet.CheckUploadSource(kind.Name); err != nil {
			t.Errorf("%q cannot be the source of its entries: %v", kind.Name, err)
		}
		if kind.Help == "" || strings.Contains(kind.Help, "\n") {
			t.Errorf("%s has no help of one line: %q", kind.Name, kind.Help)
		}
		seen := map[string]bool{}
		for _, s := range kind.Settings {
			if seen[s.Name] {
				t.Errorf("%s has %s twice", kind.Name, s.Name)
			}
			seen[s.Name] = true
			if !strings.HasPrefix(s.Name, "TRACKER_") || s.Help == "" || strings.Contains(s.Help, "\n") {
				t.Errorf("%s: %+v", kind.Name, s)
			}
			if s.Required && s.Default != "" || s.OneOf != nil && !slices.Contains(s.OneOf, s.Default) {
				t.Errorf("%s: the default of %s makes no sense", kind.Name, s.Name)
			}
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("not in the order of the alphabet: %q", names)
	}
}

func TestATrackerIsOpenedByItsName(t *testing.T) {
	t.Parallel()
	for name, environment := range map[string]map[string]string{
		"kimai":       {"TRACKER_URL": "https://kimai.example.com", "TRACKER_TOKEN": "t"},
		"timewarrior": {"TRACKER_FILE": "x.json", "TRACKER_MACHINE": "laptop", "TRACKER_USER": "ann", "TRACKER_TIME_ZONE": "UTC"},
	} {
		kind, err := trackers.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		values, err := settings.Read(kind.Settings, func(name string) string { return environment[name] }, nil)
		if err != nil {
			t.Fatal(err)
		}
		tracker, err := kind.Open(values, trackers.Surroundings{Source: name, Now: time.Now})
		if err != nil || tracker == nil {
			t.Errorf("%s: got %v, %v", name, tracker, err)
		}
	}
}

func TestWhatCannotBeOpenedIsNoTracker(t *testing.T) {
	t.Parallel()
	for _, kind := range trackers.Kinds() {
		tracker, err := kind.Open(settings.Values{}, trackers.Surroundings{Now: time.Now})
		if err == nil || tracker != nil {
			t.Errorf("%s: without settings there is %v, %v", kind.Name, tracker, err)
		}
	}
	if _, err := trackers.ByName("stopwatch"); err == nil || !strings.Contains(err.Error(), "kimai, timewarrior") {
		t.Errorf("got %v, want an error that names those there are", err)
	}
}
