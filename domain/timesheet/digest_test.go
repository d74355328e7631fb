package timesheet_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

// Digests are kept in the database: another form would make every entry look
// changed.
func TestTheFormOfADigestIsForGood(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]timesheet.Content{
		"3311b260d8eb2978cd1cb167d2c2f1c0": fixture.Content(),
		"40a0c8ec60d77d828997c7f3182af48d": fixture.Full(),
	} {
		d := c.Digest()
		if got := hex.EncodeToString(d[:]); got != want {
			t.Errorf("the digest of %+v is %s, want %s", c, got, want)
		}
	}
	if (timesheet.Content{}).Digest().IsZero() {
		t.Error("the digest of nothing is none")
	}
}

func TestAnyMemberThatDiffersMakesAnotherDigest(t *testing.T) {
	t.Parallel()
	edits := map[string]func(*timesheet.Content){
		"nothing":                   func(*timesheet.Content) {},
		"the worker":                func(c *timesheet.Content) { c.UserID = "Ann" },
		"the day":                   func(c *timesheet.Content) { c.Day = c.Day.Add(1) },
		"the project":               func(c *timesheet.Content) { c.Project += " " },
		"the task":                  func(c *timesheet.Content) { c.Task += "s" },
		"no task":                   func(c *timesheet.Content) { c.Task = "" },
		"task and project change":   func(c *timesheet.Content) { c.Project, c.Task = c.Task, c.Project },
		"the description":           func(c *timesheet.Content) { c.Description = strings.ToUpper(c.Description) },
		"letters from one to other": func(c *timesheet.Content) { c.Task, c.Description = c.Task+c.Description[:1], c.Description[1:] },
		"not billable":              func(c *timesheet.Content) { c.Billable = false },
		"one second":                func(c *timesheet.Content) { c.Duration = fixture.Seconds(int64(c.Duration.Seconds()) + 1) },
		"the start":                 func(c *timesheet.Content) { c.StartedAt = c.StartedAt.Add(time.Microsecond) },
		"a start at 1970":           func(c *timesheet.Content) { c.StartedAt = time.Unix(0, 0).UTC() },
		"a start before 1970":       func(c *timesheet.Content) { c.StartedAt = time.Unix(-1, 0).UTC() },
		"no start":                  func(c *timesheet.Content) { c.StartedAt = time.Time{} },
		"the time zone":             func(c *timesheet.Content) { c.TimeZone = "Europe/Vienna" },
		"one tag more":              func(c *timesheet.Content) { c.Tags = append(slices.Clone(c.Tags), "red") },
		"one tag less":              func(c *timesheet.Content) { c.Tags = c.Tags[:1] },
		"no tags":                   func(c *timesheet.Content) { c.Tags = nil },
		"two tags as one":           func(c *timesheet.Content) { c.Tags = []string{strings.Join(c.Tags, "")} },
		"a composed letter":         func(c *timesheet.Content) { c.Project = "Caf\u00e9" },
		"the same, decomposed":      func(c *timesheet.Content) { c.Project = "Cafe\u0301" },
	}
	met := make(map[timesheet.Digest]string)
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		c := fixture.Full()
		edits[name](&c)
		if other, ok := met[c.Digest()]; ok {
			t.Errorf("%q and %q have the same digest", name, other)
		}
		met[c.Digest()] = name
	}
}

func TestTagsCountAsASet(t *testing.T) {
	t.Parallel()
	with := func(tags ...string) timesheet.Content {
		c := fixture.Content()
		c.Tags = tags
		return c
	}
	for name, pair := range map[string][2]timesheet.Content{
		"in any order":          {with("a", "b", "c"), with("c", "a", "b")},
		"however often":         {with("a", "b"), with("b", "a", "b", "a")},
		"none is none":          {with(), with([]string{}...)},
		"nil is none":           {{}, {Tags: []string{}}},
		"the start in any zone": {{StartedAt: fixture.Now}, {StartedAt: fixture.Now.In(time.FixedZone("", 3600))}},
	} {
		if !pair[0].Same(pair[1]) {
			t.Errorf("%s: %+v and %+v differ", name, pair[0], pair[1])
		}
	}
	if mixed := with("b", "a"); mixed.Digest() == with("a").Digest() || mixed.Tags[0] != "b" {
		t.Errorf("a digest looks at every tag, and leaves them as they are: %v", mixed.Tags)
	}
}

// The length of a text is one byte before it, as billable is: nothing may be
// read as the other.
func TestOneMemberIsNeverReadAsAnother(t *testing.T) {
	t.Parallel()
	tail := strings.Repeat("x", 49)
	one, other := fixture.Content(), fixture.Content()
	one.Billable, one.Tags = false, []string{"2", tail}
	other.Billable, other.Tags = true, []string{"1" + tail}
	if one.Same(other) {
		t.Errorf("%v, not billable, is the same as %v, billable", one.Tags, other.Tags)
	}
}

// All contents of a small alphabet, in which texts look like the lengths of
// others.
func TestNoTwoContentsHaveTheSameDigest(t *testing.T) {
	t.Parallel()
	texts := []string{"", "\x01", "\x02", "a", "\x00\x01", "\x01a", "\x02\x01", "aa"}
	met := make(map[timesheet.Digest]string)
	meet := func(c timesheet.Content) {
		tags := slices.Compact(slices.Sorted(slices.Values(c.Tags)))
		says := fmt.Sprintf("%q %q %q %q %v %q %s %q", c.UserID, c.Project, c.Task, c.Description, c.Billable, c.TimeZone, c.StartedAt, tags)
		if other, ok := met[c.Digest()]; ok && other != says {
			t.Errorf("%s and %s have the same digest", other, says)
		}
		met[c.Digest()] = says
	}
	for _, one := range texts {
		for _, two := range texts {
			for _, three := range texts {
				c := timesheet.Content{UserID: one, Project: two, Task: three}
				meet(c)
				c.Task, c.Description = "", three
				meet(c)
				for _, start := range []time.Time{{}, time.UnixMicro(-1), time.UnixMicro(0), time.UnixMicro(1)} {
					for _, billable := range []bool{true, false} {
						meet(timesheet.Content{TimeZone: one, Tags: []string{two, three}, Billable: billable, StartedAt: start})
						meet(timesheet.Content{TimeZone: one, Tags: []string{two}, Billable: billable, StartedAt: start})
						meet(timesheet.Content{TimeZone: one, Billable: billable, StartedAt: start})
					}
				}
			}
		}
	}
}
