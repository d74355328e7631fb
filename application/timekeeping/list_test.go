package timekeeping_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"timesheets/application/intake"
	"timesheets/application/timekeeping"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// names shows a page by the descriptions of its entries.
func names(page []timesheet.Entry) string {
	var all []string
	for _, e := range page {
		all = append(all, e.Snapshot().Content.Description)
	}
	return strings.Join(all, " ")
}

// pages reads a list to its end, limit at a time.
func pages(t *testing.T, o *office.Office, by identity.Principal, filter timekeeping.Filter, limit int, between func()) []timesheet.Entry {
	t.Helper()
	var all []timesheet.Entry
	for place, more := (timekeeping.Place{}), true; more; {
		var page []timesheet.Entry
		var err error
		if page, more, err = o.Reviewer.List(t.Context(), by, filter, place, limit); err != nil {
			t.Fatal(err)
		}
		if len(page) > limit || more && len(page) < limit {
			t.Fatalf("a page of %d has %d entries, more: %v", limit, len(page), more)
		}
		if all = append(all, page...); len(page) > 0 {
			place = timekeeping.PlaceOf(page[len(page)-1])
		}
		between()
	}
	return all
}

func TestAListHasWhatTheFilterSelects(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	describe := func(name string) func(*timesheet.Content) {
		return func(c *timesheet.Content) { c.Description = name }
	}
	byHand := func(name, user, day, p string) timesheet.Entry {
		return record(t, o, content(describe(name), of(user), on(day), project(p), hours("1")))
	}
	byHand("a19", "ann", "2026-11-19", "Shop")
	a20 := byHand("a20", "ann", "2026-11-20", "Website")
	byHand("b18", "bob", "2026-11-18", "Shop")
	b20 := byHand("b20", "bob", "2026-11-20", "Shop")
	gone := byHand("gone", "ann", "2026-11-20", "Shop")
	byHand("old", "ann", "2000-01-01", "Shop")
	run := o.Receive(t, office.Row("i19", office.Of("ann"), office.On("2026-11-19"), office.Hours("1"), func(r *intake.Row) { r.Content.Description = "i19" }),
		office.Row("i20", office.Of("bob"), office.Hours("1"), func(r *intake.Row) { r.Content.Description = "i20" }))
	if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), gone.ID(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("carol"), a20.ID(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Decider.Reject(t.Context(), fixture.Approver("carol"), b20.ID(), "no", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Recorder.Record(t.Context(), fixture.Of("other", fixture.Person("ann")), content(describe("theirs")), nil); err != nil {
		t.Fatal(err)
	}
	ann, bob, carol := fixture.Person("ann"), fixture.Approver("bob"), fixture.Approver("carol")
	everyone := timekeeping.Filter{UserID: identity.Everyone}
	with := func(edit func(*timekeeping.Filter)) timekeeping.Filter {
		f := everyone
		edit(&f)
		return f
	}
	for _, tt := range []struct {
		name   string
		by     identity.Principal
		filter timekeeping.Filter
		want   string
	}{
		{"a person has their own", ann, timekeeping.Filter{}, "a20 i19 a19 old"},
		{"by name as well", ann, timekeeping.Filter{UserID: "ann"}, "a20 i19 a19 old"},
		{"an approver has their own", bob, timekeeping.Filter{}, "i20 b20 b18"},
		{"an approver without any", carol, timekeeping.Filter{}, ""},
		{"an approver asks for one", carol, timekeeping.Filter{UserID: "bob"}, "i20 b20 b18"},
		{"an approver asks for everyone", carol, everyone, "i20 b20 a20 i19 a19 b18 old"},
		{"a machine has everyone's", robot(), timekeeping.Filter{}, "i20 b20 a20 i19 a19 b18 old"},
		{"a machine asks for everyone", robot(), everyone, "i20 b20 a20 i19 a19 b18 old"},
		{"a machine asks for one", robot(), timekeeping.Filter{UserID: "ann"}, "a20 i19 a19 old"},
		{"a machine asks for nobody who is there", robot(), timekeeping.Filter{UserID: "nobody"}, ""},
		{"from, inclusive", carol, with(func(f *timekeeping.Filter) { f.From = fixture.Day("2026-11-19") }), "i20 b20 a20 i19 a19"},
		{"to, inclusive", carol, with(func(f *timekeeping.Filter) { f.To = fixture.Day("2026-11-19") }), "i19 a19 b18 old"},
		{"one day", carol, with(func(f *timekeeping.Filter) { f.From, f.To = fixture.Day("2026-11-19"), fixture.Day("2026-11-19") }), "i19 a19"},
		{"to before all", carol, with(func(f *timekeeping.Filter) { f.To = fixture.Day("1970-01-01") }), ""},
		{"from 1970", carol, with(func(f *timekeeping.Filter) { f.From = fixture.Day("1970-01-01") }), "i20 b20 a20 i19 a19 b18 old"},
		{"from after to", carol, with(func(f *timekeeping.Filter) { f.From, f.To = fixture.Day("2026-11-20"), fixture.Day("2026-11-18") }), ""},
		{"project", carol, with(func(f *timekeeping.Filter) { f.Project = "Shop" }), "b20 a19 b18 old"},
		{"a project in another spelling", carol, with(func(f *timekeeping.Filter) { f.Project = "shop" }), ""},
		{"pending", carol, with(func(f *timekeeping.Filter) { f.Status = timesheet.Pending }), "i20 i19 a19 b18 old"},
		{"approved", carol, with(func(f *timekeeping.Filter) { f.Status = timesheet.Approved }), "a20"},
		{"rejected", carol, with(func(f *timekeeping.Filter) { f.Status = timesheet.Rejected }), "b20"},
		{"source", carol, with(func(f *timekeeping.Filter) { f.Source = office.Source }), "i20 i19"},
		{"made by hand", carol, with(func(f *timekeeping.Filter) { f.Source = "api" }), "b20 a20 a19 b18 old"},
		{"import", carol, with(func(f *timekeeping.Filter) { f.ImportID = run.ImportID }), "i20 i19"},
		{"another import", carol, with(func(f *timekeeping.Filter) { f.ImportID = fixture.NewID() }), ""},
		{"everything at once", carol, timekeeping.Filter{UserID: "ann", From: fixture.Day("2026-11-18"), To: fixture.Day("2026-11-19"), Project: "Website",
			Status: timesheet.Pending, Source: office.Source, ImportID: run.ImportID}, "i19"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, limit := range []int{1, 2, 100} {
				if got := names(pages(t, o, tt.by, tt.filter, limit, func() {})); got != tt.want {
					t.Errorf("%d at a time: got %q, want %q", limit, got, tt.want)
				}
			}
		})
	}
	for _, user := range []string{"bob", identity.Everyone} {
		if _, _, err := o.Reviewer.List(t.Context(), ann, timekeeping.Filter{UserID: user}, timekeeping.Place{}, 10); codeOf(err) != "other_worker" {
			t.Errorf("a person asks for %s: %v", user, err)
		}
	}
}

func TestTextThatNoColumnHoldsIsTheCallersFault(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for _, text := range []string{"\x00", "a\x00b", "\xff", "\xed\xa0\x80"} {
		for name, filter := range map[string]timekeeping.Filter{"user id": {UserID: text}, "project": {Project: text}} {
			_, _, err := o.Reviewer.List(t.Context(), robot(), filter, timekeeping.Place{}, 10)
			if kind := fault.Of(err).Kind; err != nil && kind != fault.Invalid {
				t.Errorf("%s %q: %v", name, text, err)
			}
		}
	}
}

func TestAPageHasAtMost500Entries(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Rows(timekeeping.MaxPage+1, func(_ int, r *intake.Row) { office.Hours("0.01")(r) })...)
	for _, limit := range []int{timekeeping.MaxPage, timekeeping.MaxPage + 1, 1 << 30} {
		page, more, err := o.Reviewer.List(t.Context(), robot(), timekeeping.Filter{}, timekeeping.Place{}, limit)
		if err != nil || len(page) != timekeeping.MaxPage || !more {
			t.Errorf("of a page of %d come %d, more: %v, %v", limit, len(page), more, err)
		}
	}
	all := pages(t, o, robot(), timekeeping.Filter{}, timekeeping.MaxPage, func() {})
	if len(all) != timekeeping.MaxPage+1 {
		t.Errorf("%d entries", len(all))
	}
}

// Others go on recording while somebody reads page after page: what was there
// at the start comes exactly once, newest first, whatever is added in front,
// between and behind.
func TestPagesCoverEverythingOnceWhileOthersWrite(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Rows(200, func(i int, r *intake.Row) {
		r.Content.Day, r.Content.Duration = r.Content.Day.Add(-i%7), fixture.Seconds(60)
	})...)
	first := map[timesheet.ID]int{}
	for _, e := range pages(t, o, robot(), timekeeping.Filter{}, 500, func() {}) {
		first[e.ID()] = 0
	}
	ctx, stop := context.WithCancel(t.Context())
	wrote := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			day := fixture.Friday.Add(2 - n%11).String()
			if _, err := o.Recorder.Record(t.Context(), fixture.Person("bob"), content(of("bob"), on(day), func(c *timesheet.Content) { c.Duration = fixture.Seconds(1) }), nil); err != nil {
				t.Error(err)
				break
			}
		}
		wrote <- n
	}()
	all := pages(t, o, robot(), timekeeping.Filter{}, 7, func() {})
	stop()
	t.Logf("%d entries were recorded meanwhile", <-wrote)
	for _, e := range all {
		if n, old := first[e.ID()]; old {
			first[e.ID()] = n + 1
		}
	}
	for id, n := range first {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
	if !slices.IsSortedFunc(all, func(a, b timesheet.Entry) int {
		p, q := timekeeping.PlaceOf(a), timekeeping.PlaceOf(b)
		if p.Day != q.Day {
			return q.Day.Unix() - p.Day.Unix()
		}
		return strings.Compare(q.ID.String(), p.ID.String())
	}) {
		t.Error("the pages are not in order")
	}
}

func TestAnEntryHasItsWholeHistory(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := o.Receive(t, office.Row("1"))
	id := o.Held(t, "1").ID()
	second := o.Receive(t, office.Row("1", office.Hours("7")))
	if _, err := o.Recorder.Amend(t.Context(), fixture.Person("ann"), id, nil, change(project("Shop"))); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), id, "no", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Recorder.Amend(t.Context(), fixture.Approver("carol"), id, nil, change(of("dora"))); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), id, nil); err != nil {
		t.Fatal(err)
	}
	gone := record(t, o, content(on("2026-11-19")))
	if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), gone.ID(), nil); err != nil {
		t.Fatal(err)
	}
	read := func(by identity.Principal, id timesheet.ID, limit int) []string {
		t.Helper()
		var all []string
		last := int64(1 << 62)
		for before, more := 0, true; more; {
			var page []timekeeping.Change
			var err error
			if page, more, err = o.Reviewer.History(t.Context(), by, id, before, limit); err != nil {
				t.Fatal(err)
			}
			for _, c := range page {
				s, b := c.After.Snapshot(), c.Before.Snapshot()
				via := ""
				if !s.ImportID.IsZero() {
					via = map[timesheet.ID]string{run.ImportID: " first run", second.ImportID: " second run"}[s.ImportID]
				}
				all = append(all, fmt.Sprintf("%d %s by %s%s: %d %s/%s/%s %s -> %s/%s/%s %s", s.Version, s.Change, s.UpdatedBy, via,
					b.Version, b.Content.UserID, b.Content.Project, b.Content.Duration.Hours(), b.Status, s.Content.UserID, s.Content.Project, s.Content.Duration.Hours(), s.Status))
				if c.Number >= last {
					t.Errorf("version %d has the number %d, later than %d", s.Version, c.Number, last)
				}
				last, before = c.Number, s.Version
			}
		}
		return all
	}
	want := []string{
		"6 approved by bob: 5 dora/Shop/7 pending -> dora/Shop/7 approved",
		"5 updated by carol: 4 ann/Shop/7 rejected -> dora/Shop/7 pending",
		"4 rejected by bob: 3 ann/Shop/7 pending -> ann/Shop/7 rejected",
		"3 updated by ann: 2 ann/Website/7 pending -> ann/Shop/7 pending",
		"2 updated by import-job second run: 1 ann/Website/8 pending -> ann/Website/7 pending",
		"1 created by import-job first run: 0 //0  -> ann/Website/8 pending",
	}
	for _, limit := range []int{1, 2, 5, 6, 100} {
		if got := read(robot(), id, limit); !slices.Equal(got, want) {
			t.Errorf("%d at a time:\n%s\nwant\n%s", limit, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for _, limit := range []int{1, 2, 100} {
		if got, want := read(fixture.Person("dora"), id, limit), []string{want[0], "5 updated by carol: 0 //0  -> dora/Shop/7 pending"}; !slices.Equal(got, want) {
			t.Errorf("who has it now sees what was another's, %d at a time: %q", limit, got)
		}
	}
	if got, want := read(fixture.Person("ann"), gone.ID(), 10), []string{
		"2 deleted by ann: 1 ann/Website/8 pending -> ann/Website/8 pending", "1 created by ann: 0 //0  -> ann/Website/8 pending",
	}; !slices.Equal(got, want) {
		t.Errorf("of a deleted entry: %q", got)
	}
}
