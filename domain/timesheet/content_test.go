package timesheet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

func TestAContentWithinAllLimitsMayBeStored(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*timesheet.Content){
		"as little as possible":         func(c *timesheet.Content) { *c = fixture.Content() },
		"every member":                  func(*timesheet.Content) {},
		"a user id of 255 characters":   func(c *timesheet.Content) { c.UserID = strings.Repeat("ü", 255) },
		"a project of 200 characters":   func(c *timesheet.Content) { c.Project = strings.Repeat("😀", 200) },
		"a task of 200 characters":      func(c *timesheet.Content) { c.Task = strings.Repeat("ß", 200) },
		"a description of 2000":         func(c *timesheet.Content) { c.Description = strings.Repeat("字", 2000) },
		"20 tags of 50 characters":      func(c *timesheet.Content) { c.Tags = slices.Repeat([]string{strings.Repeat("é", 50)}, 20) },
		"a time zone of 64 characters":  func(c *timesheet.Content) { c.TimeZone = strings.Repeat("A", 64) },
		"a zone with all there can be":  func(c *timesheet.Content) { c.TimeZone = "Etc/GMT+12_a-Z" },
		"a day that no period holds":    func(c *timesheet.Content) { c.Day = fixture.Day("1970-01-01") },
		"a start in the year 1":         func(c *timesheet.Content) { c.StartedAt = time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC) },
		"a start in the year 9999":      func(c *timesheet.Content) { c.StartedAt = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) },
		"one second":                    func(c *timesheet.Content) { c.Duration = fixture.Seconds(1) },
		"24 hours":                      func(c *timesheet.Content) { c.Duration = fixture.Hours("24") },
		"blanks around a project":       func(c *timesheet.Content) { c.Project = " a " },
		"lines, tabs and right-to-left": func(c *timesheet.Content) { c.Description = "a\r\n\tb \u202eכן" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := fixture.Full()
			edit(&c)
			if wrong := c.Check(); len(wrong) > 0 {
				t.Errorf("refused: %v", wrong)
			}
		})
	}
}

func TestEachLimitOfAContentIsNamedWithItsMember(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		edit func(*timesheet.Content)
		want string
	}{
		{"no user id", func(c *timesheet.Content) { c.UserID = "" }, "/user_id required"},
		{"a user id of 256 characters", func(c *timesheet.Content) { c.UserID = strings.Repeat("ü", 256) }, "/user_id length"},
		{"a user id that is no text", func(c *timesheet.Content) { c.UserID = "a\xffb" }, "/user_id not_utf8"},
		{"a user id with NUL", func(c *timesheet.Content) { c.UserID = "a\x00b" }, "/user_id nul"},
		{"no date", func(c *timesheet.Content) { c.Day = timesheet.Day{} }, "/date required"},
		{"no project", func(c *timesheet.Content) { c.Project = "" }, "/project required"},
		{"a blank project", func(c *timesheet.Content) { c.Project = " \t\u00a0\u2003" }, "/project required"},
		{"a project of 201 characters", func(c *timesheet.Content) { c.Project = strings.Repeat("😀", 201) }, "/project length"},
		{"a project that is no text", func(c *timesheet.Content) { c.Project = "\xc3\x28" }, "/project not_utf8"},
		{"a project with NUL", func(c *timesheet.Content) { c.Project = "a\x00" }, "/project nul"},
		{"a task of 201 characters", func(c *timesheet.Content) { c.Task = strings.Repeat("ß", 201) }, "/task length"},
		{"a task with NUL", func(c *timesheet.Content) { c.Task = "\x00" }, "/task nul"},
		{"a description of 2001", func(c *timesheet.Content) { c.Description = strings.Repeat("字", 2001) }, "/description length"},
		{"half of a surrogate pair", func(c *timesheet.Content) { c.Description = "\xed\xa0\x80" }, "/description not_utf8"},
		{"no hours", func(c *timesheet.Content) { c.Duration = timesheet.Duration{} }, "/hours required"},
		{"a start after the year 9999", func(c *timesheet.Content) { c.StartedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "/started_at out_of_range"},
		{"a start before the year 1", func(c *timesheet.Content) { c.StartedAt = time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC) }, "/started_at out_of_range"},
		{"a time zone of 65 characters", func(c *timesheet.Content) { c.TimeZone = strings.Repeat("A", 65) }, "/time_zone length"},
		{"a time zone that is a name of a file", func(c *timesheet.Content) { c.TimeZone = "../../etc/passwd" }, "/time_zone not_a_time_zone"},
		{"a time zone with a blank", func(c *timesheet.Content) { c.TimeZone = "Europe/New York" }, "/time_zone not_a_time_zone"},
		{"a time zone that is no text", func(c *timesheet.Content) { c.TimeZone = "\xff" }, "/time_zone not_a_time_zone"},
		{"21 tags", func(c *timesheet.Content) { c.Tags = slices.Repeat([]string{"a"}, 21) }, "/tags too_many"},
		{"a tag of 51 characters", func(c *timesheet.Content) { c.Tags = []string{"a", strings.Repeat("é", 51)} }, "/tags length"},
		{"an empty tag", func(c *timesheet.Content) { c.Tags = []string{"a", ""} }, "/tags length"},
		{"a tag with NUL", func(c *timesheet.Content) { c.Tags = []string{"a\x00"} }, "/tags nul"},
		{"several members at once", func(c *timesheet.Content) { c.UserID, c.Project, c.TimeZone = "", strings.Repeat("x", 201), "?" },
			"/user_id required, /project length, /time_zone not_a_time_zone"},
		{"nothing at all", func(c *timesheet.Content) { *c = timesheet.Content{} },
			"/user_id required, /date required, /project required, /hours required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := fixture.Full()
			tt.edit(&c)
			var got []string
			for _, f := range c.Check() {
				if f.Text == "" {
					t.Errorf("%s is refused without a word", f.Pointer)
				}
				got = append(got, f.Pointer+" "+f.Code)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
