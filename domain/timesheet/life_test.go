package timesheet_test

import (
	"fmt"
	"time"

	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

// life is what is held under a key, and what can happen to it.
type life struct {
	held   timesheet.Held
	period timesheet.Period
}

// step is one thing that happens in a life.
type step func(*life)

// after gives the life in which the steps happened.
func after(steps ...step) *life {
	l := &life{period: timesheet.Period{Today: fixture.Friday}}
	for _, s := range steps {
		s(l)
	}
	return l
}

// stamp is the n-th of the instants at which a source changes something; the
// zero one is none.
func stamp(n int) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return fixture.Now.Add(time.Duration(n) * time.Minute)
}

// revision says so many hours, changed at the n-th instant.
func revision(hours string, n int, edits ...func(*timesheet.Content)) timesheet.Revision {
	c := fixture.Content()
	c.Duration = fixture.Hours(hours)
	for _, edit := range edits {
		edit(&c)
	}
	return timesheet.Revision{
		Origin: timesheet.Origin{Source: "kimai", ExternalID: "1"}, Content: c, Digest: c.Digest(), SourceUpdatedAt: stamp(n),
	}
}

func day(s string) func(*timesheet.Content) {
	return func(c *timesheet.Content) { c.Day = fixture.Day(s) }
}

var receipt = timesheet.Receipt{By: "import-job", Run: timesheet.ID{15: 1}, Now: fixture.Now, NewID: fixture.NewID}

func (l *life) judge(r timesheet.Revision) timesheet.Verdict {
	at := receipt
	at.Period = l.period
	return timesheet.Judge(l.held, r, at)
}

// store does what a verdict asks for.
func (l *life) store(v timesheet.Verdict) {
	if !v.Entry.ID().IsZero() {
		l.held.Entry, l.held.Exists = v.Entry, true
	}
	if v.Received != nil {
		l.restore(func(s *timesheet.Snapshot) { s.Received = *v.Received })
	}
	if v.Propose != nil {
		l.held.Open = v.Propose
	}
	if v.Obsolete {
		l.held.Open = nil
	}
}

func (l *life) restore(edit func(*timesheet.Snapshot)) {
	s := l.held.Entry.Snapshot()
	edit(&s)
	l.held.Entry = sure(timesheet.Restore(s))
}

func sure[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func sends(hours string, n int) step {
	return func(l *life) { l.store(l.judge(revision(hours, n))) }
}

func sendsOn(d, hours string, n int) step {
	return func(l *life) { l.store(l.judge(revision(hours, n, day(d)))) }
}

func edits(hours string) step {
	return func(l *life) {
		c := l.held.Entry.Snapshot().Content
		c.Duration = fixture.Hours(hours)
		l.held.Entry = sure(l.held.Entry.Amend(c, "ann", fixture.Now))
	}
}

func deletes(l *life)  { l.held.Entry = sure(l.held.Entry.Withdraw("ann", fixture.Now)) }
func approves(l *life) { l.held.Entry = sure(l.held.Entry.Approve("bob", fixture.Now)) }
func rejects(l *life)  { l.held.Entry = sure(l.held.Entry.Reject("bob", "why?", fixture.Now)) }

// removes deletes the entry as a mirror or a revert does.
func removes(how timesheet.Deletion) step {
	return func(l *life) {
		l.restore(func(s *timesheet.Snapshot) {
			s.Version, s.Deletion, s.DeletedAt, s.Received.Digest = s.Version+1, how, fixture.Now, timesheet.Digest{}
		})
	}
}

// locks closes everything before the day.
func locks(before string) step {
	return func(l *life) { l.period.LockBefore = fixture.Day(before) }
}

// String shows the life on one line.
func (l *life) String() string {
	if !l.held.Exists {
		return "nothing"
	}
	s := l.held.Entry.Snapshot()
	text := fmt.Sprintf("v%d %s %sh", s.Version, s.Status, s.Content.Duration.Hours())
	if s.Deletion != "" {
		text = fmt.Sprintf("v%d deleted by %s", s.Version, s.Deletion)
	}
	text += ", last " + said(s.Received.Digest) + at(s.Received.SourceUpdatedAt)
	if c := l.held.Open; c != nil {
		text += ", proposed " + said(c.Digest) + at(c.SourceUpdatedAt)
	}
	return text
}

// said gives the hours that a digest stands for.
func said(d timesheet.Digest) string {
	if d.IsZero() {
		return "none"
	}
	for _, on := range []string{"2026-11-20", "2026-11-10", "2026-10-31"} {
		for h := range 24 {
			if revision(fmt.Sprint(h+1), 0, day(on)).Digest == d {
				return fmt.Sprintf("%dh", h+1)
			}
		}
	}
	return "something else"
}

func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("@%d", t.Sub(fixture.Now)/time.Minute)
}

// told shows a verdict's outcome on one line.
func told(v timesheet.Verdict) string {
	text := string(v.Outcome)
	if v.Code != "" {
		text += " " + string(v.Code)
	}
	if v.Known {
		text += " known"
	}
	return text
}
