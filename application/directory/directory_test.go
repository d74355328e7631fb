package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/directory"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

var plain = cmp.AllowUnexported(timesheet.Day{})

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

func employee() directory.Profile { return directory.Profile{Kind: worker.Employee} }

func put(t *testing.T, o *office.Office, userID string, p directory.Profile) worker.Worker {
	t.Helper()
	w, _, err := o.Directory.Put(t.Context(), fixture.Approver("boss"), userID, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAProfileIsKeptAsItWasPut(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	p := directory.Profile{
		Kind: worker.Contractor, Name: "Änn \"A\" O'Hara", Email: "Ann@Example.com", ActiveFrom: fixture.Day("1970-01-01"), ActiveTo: fixture.Day("2026-12-31"),
		Identities: []worker.Identity{{Source: "toggl", ID: "7 \\ \" é"}, {Source: "kimai", ID: "7"}},
	}
	want := worker.Worker{
		UserID: "ann", Kind: p.Kind, Name: p.Name, Email: "ann@example.com", ActiveFrom: p.ActiveFrom, ActiveTo: p.ActiveTo, Version: 1,
		Identities: []worker.Identity{{Source: "kimai", ID: "7"}, {Source: "toggl", ID: "7 \\ \" é"}}, CreatedAt: fixture.Now, UpdatedAt: fixture.Now,
	}
	answered, created, err := o.Directory.Put(t.Context(), fixture.Approver("boss"), "ann", p, nil)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	if !answered.Same(want) || answered.Version != 1 {
		t.Errorf("answered %+v", answered)
	}
	got, err := o.Directory.Get(t.Context(), fixture.Person("ann"), "ann")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, plain); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	o.Clock.Forward(1)
	if again, created, err := o.Directory.Put(t.Context(), fixture.Approver("boss"), "ann", p, nil); err != nil || created || again.Version != 1 || again.UpdatedAt != fixture.Now {
		t.Errorf("the same again: %+v, created %v, %v", again, created, err)
	}
	sparse := put(t, o, "ann", employee())
	if sparse.Version != 2 || sparse.Email != "" || sparse.Name != "" || len(sparse.Identities) > 0 || !sparse.ActiveFrom.IsZero() || !sparse.ActiveTo.IsZero() {
		t.Errorf("a profile replaces the one before: %+v", sparse)
	}
	if n := o.Count(t, `SELECT count(*) FROM worker_identities`); n != 0 {
		t.Errorf("%d identities are left", n)
	}
}

func TestWhoMaySeeAndKeepWorkers(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	put(t, o, "ann", employee())
	put(t, o, "bob", employee())
	reader := fixture.Machine(identity.ReadTimesheets)
	liar := fixture.Machine(identity.ReadTimesheets, identity.ApproveTimesheets)
	for _, tt := range []struct {
		name                string
		by                  identity.Principal
		own, another, write string
		list                string
	}{
		{"a person", fixture.Person("ann"), "", "not_found", "insufficient_scope", "ann"},
		{"an approver", fixture.Approver("ann"), "", "", "", "ann bob"},
		{"a person who is not known", fixture.Person("zoe"), "not_found", "not_found", "insufficient_scope", ""},
		{"a machine", reader, "", "", "insufficient_scope", "ann bob"},
		{"a machine that says it approves", liar, "", "", "persons_only", "ann bob"},
		{"the import job", fixture.Job(), "insufficient_scope", "insufficient_scope", "insufficient_scope", "insufficient_scope"},
		{"an approver of another organisation", fixture.Of("other", fixture.Approver("ann")), "not_found", "not_found", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, own := o.Directory.Get(t.Context(), tt.by, "ann")
			_, another := o.Directory.Get(t.Context(), tt.by, "bob")
			page, _, listed := o.Directory.List(t.Context(), tt.by, "", 10)
			list := codeOf(listed)
			for _, w := range page {
				list = strings.TrimSpace(list + " " + w.UserID)
			}
			_, _, written := o.Directory.Put(t.Context(), tt.by, "bob", employee(), nil)
			got := []string{codeOf(own), codeOf(another), codeOf(written), list}
			if tt.by.ID == "zoe" {
				got[0] = codeOf(another)
			}
			if want := []string{tt.own, tt.another, tt.write, tt.list}; !slices.Equal(got, want) {
				t.Errorf("own, another, write, list: got %q, want %q", got, want)
			}
		})
	}
}

func TestWorkersComeInPagesByUserID(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	ids := []string{"ann", "Bob", "bob", "carol@example.com", "d e", "é", "zoe"}
	for _, id := range ids {
		put(t, o, id, employee())
	}
	var got []string
	for after, more := "", true; more; {
		var page []worker.Worker
		var err error
		if page, more, err = o.Directory.List(t.Context(), fixture.Approver("boss"), after, 2); err != nil || len(page) > 2 {
			t.Fatal(page, err)
		}
		for _, w := range page {
			got, after = append(got, w.UserID), w.UserID
		}
	}
	if sorted := slices.Sorted(slices.Values(got)); len(got) != len(ids) || !slices.Equal(slices.Sorted(slices.Values(ids)), sorted) {
		t.Errorf("got %q, want each of %q once", got, ids)
	}
	for after, want := range map[string]int{"": 1, "am": 1, "ann": 0, "z": 0} {
		if page, more, err := o.Directory.List(t.Context(), fixture.Person("ann"), after, 10); err != nil || more || len(page) != want {
			t.Errorf("ann sees %d after %q, more: %v, %v", len(page), after, more, err)
		}
	}
}

func TestWhatIsNoProfileIsRefused(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	identities := func(n int) []worker.Identity {
		var all []worker.Identity
		for i := range n {
			all = append(all, worker.Identity{Source: "kimai", ID: fmt.Sprint(i)})
		}
		return all
	}
	for _, tt := range []struct {
		name string
		edit func(*directory.Profile)
		want string
	}{
		{"no kind", func(p *directory.Profile) { p.Kind = "" }, "/kind not_a_kind"},
		{"another kind", func(p *directory.Profile) { p.Kind = "Employee" }, "/kind not_a_kind"},
		{"200 characters", func(p *directory.Profile) { p.Name = strings.Repeat("é", 200) }, ""},
		{"201 characters", func(p *directory.Profile) { p.Name = strings.Repeat("é", 201) }, "/name length"},
		{"a name of two lines", func(p *directory.Profile) { p.Name = "a\nb" }, "/name length"},
		{"a name with NUL", func(p *directory.Profile) { p.Name = "a\x00" }, "/name length"},
		{"a name that is no text", func(p *directory.Profile) { p.Name = "\xff" }, "/name length"},
		{"an address", func(p *directory.Profile) { p.Email = "a@b" }, ""},
		{"an address of 254 characters", func(p *directory.Profile) { p.Email = strings.Repeat("a", 252) + "@b" }, ""},
		{"an address of 255 characters", func(p *directory.Profile) { p.Email = strings.Repeat("a", 253) + "@b" }, "/email not_an_email"},
		{"no address", func(p *directory.Profile) { p.Email = "ann" }, "/email not_an_email"},
		{"an address of nobody", func(p *directory.Profile) { p.Email = "@b" }, "/email not_an_email"},
		{"an address of nowhere", func(p *directory.Profile) { p.Email = "a@" }, "/email not_an_email"},
		{"two addresses", func(p *directory.Profile) { p.Email = "a@b@c" }, "/email not_an_email"},
		{"an address with NUL", func(p *directory.Profile) { p.Email = "a\x00@b" }, "/email not_an_email"},
		{"100 identities", func(p *directory.Profile) { p.Identities = identities(100) }, ""},
		{"101 identities", func(p *directory.Profile) { p.Identities = identities(101) }, "/identities too_many"},
		{"an identity in no source", func(p *directory.Profile) { p.Identities = []worker.Identity{{Source: "K", ID: "1"}} }, "/identities not_a_source"},
		{"an identity without an id", func(p *directory.Profile) { p.Identities = []worker.Identity{{Source: "k"}} }, "/identities length"},
		{"an id of 255 characters", func(p *directory.Profile) {
			p.Identities = []worker.Identity{{Source: "k", ID: strings.Repeat("é", 255)}}
		}, ""},
		{"an id of 256 characters", func(p *directory.Profile) {
			p.Identities = []worker.Identity{{Source: "k", ID: strings.Repeat("é", 256)}}
		}, "/identities length"},
		{"an identity twice", func(p *directory.Profile) { p.Identities = append(identities(2), identities(1)...) }, "/identities duplicate"},
		{"active for a day", func(p *directory.Profile) { p.ActiveFrom, p.ActiveTo = fixture.Friday, fixture.Friday }, ""},
		{"active until before it begins", func(p *directory.Profile) { p.ActiveFrom, p.ActiveTo = fixture.Friday, fixture.Friday.Add(-1) }, "/active_to out_of_range"},
		{"active until 1970", func(p *directory.Profile) { p.ActiveFrom, p.ActiveTo = fixture.Friday, fixture.Day("1970-01-01") }, "/active_to out_of_range"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := employee()
			tt.edit(&p)
			_, _, err := o.Directory.Put(t.Context(), fixture.Approver("boss"), "ann", p, nil)
			got := ""
			if err != nil {
				f := fault.Of(err)
				if f.Code != "invalid_worker" || len(f.Fields) != 1 {
					t.Fatalf("got %v with %v", err, f.Fields)
				}
				got = f.Fields[0].Pointer + " " + f.Fields[0].Code
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for id, want := range map[string]string{"": "required", "\x00": "nul", "\xff": "not_utf8", strings.Repeat("x", 256): "length"} {
		if _, _, err := o.Directory.Put(t.Context(), fixture.Approver("boss"), id, employee(), nil); codeOf(err) != want {
			t.Errorf("the user id %.10q: %v, want %s", id, err, want)
		}
		if _, err := o.Directory.Get(t.Context(), fixture.Approver("boss"), id); !errors.Is(err, fault.NotFound) && !errors.Is(err, fault.Invalid) {
			t.Errorf("the user id %.10q: %v", id, err)
		}
	}
}

func TestAnAddressAndAnIdentityBelongToOneWorker(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	mine := directory.Profile{Kind: worker.Employee, Email: "ann@example.com", Identities: []worker.Identity{{Source: "kimai", ID: "7"}}}
	put(t, o, "ann", mine)
	put(t, o, "bob", employee())
	before := o.Footprint(t)
	for _, tt := range []struct {
		name, want string
		p          directory.Profile
	}{
		{"the address in another spelling", "email_taken", directory.Profile{Kind: worker.Employee, Email: "ANN@example.com"}},
		{"the identity", "identity_taken", directory.Profile{Kind: worker.Employee, Name: "Bob", Identities: []worker.Identity{{Source: "toggl", ID: "1"}, {Source: "kimai", ID: "7"}}}},
	} {
		for _, user := range []string{"bob", "new"} {
			if _, _, err := o.Directory.Put(t.Context(), fixture.Approver("boss"), user, tt.p, nil); !errors.Is(err, fault.Conflict) || codeOf(err) != tt.want {
				t.Errorf("%s for %s: %v", tt.name, user, err)
			}
		}
	}
	if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
		t.Errorf("a part was written (-before +after)\n%s", diff)
	}
	if w, err := o.Directory.Get(t.Context(), fixture.Person("bob"), "bob"); err != nil || w.Version != 1 || w.Name != "" {
		t.Errorf("%+v, %v", w, err)
	}
	if _, _, err := o.Directory.Put(t.Context(), fixture.Of("other", fixture.Approver("boss")), "bob", mine, nil); err != nil {
		t.Errorf("in another organisation: %v", err)
	}
	put(t, o, "ann", employee())
	put(t, o, "bob", mine) // once they are given up
}

func TestAWorkerIsChangedInTheVersionThatIsMeant(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	expect := func(want int) directory.Expect {
		return func(got int) error {
			if got != want {
				return fault.New(fault.Stale, "stale_version", "It is version %d.", got)
			}
			return nil
		}
	}
	save := func(name string, version int) error {
		p := employee()
		p.Name = name
		_, _, err := o.Directory.Put(t.Context(), fixture.Approver("boss"), "ann", p, expect(version))
		return err
	}
	for _, step := range []struct {
		name string
		err  error
		want string
	}{
		{"there is none yet", save("A", 1), "stale_version"},
		{"none is expected", save("A", 0), ""},
		{"one is there", save("B", 0), "stale_version"},
		{"its version", save("B", 1), ""},
		{"an older version", save("C", 1), "stale_version"},
		{"an older version of what it is", save("B", 1), "stale_version"},
	} {
		if got := codeOf(step.err); got != step.want {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
}

// Ten people put the same new worker at once, and uploads bring their hours:
// there is one worker, and every change of the profile is a version.
func TestProfilesPutAtOnceFollowOneAnother(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	var all sync.WaitGroup
	for n := range 10 {
		all.Go(func() {
			p := employee()
			p.Name, p.Identities = fmt.Sprint(n), []worker.Identity{{Source: "kimai", ID: fmt.Sprint("a", n%3)}, {Source: "kimai", ID: fmt.Sprint("b", n)}}
			if _, _, err := o.Directory.Put(t.Context(), fixture.Approver("boss"), "ann", p, nil); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() { o.Receive(t, office.Row(fmt.Sprint(n), office.Hours("1"))) })
	}
	all.Wait()
	w, err := o.Directory.Get(t.Context(), fixture.Person("ann"), "ann")
	if err != nil || w.Version < 10 || w.Version > 11 || len(w.Identities) != 2 || w.Identities[1].ID != "b"+w.Name {
		t.Errorf("%+v, %v", w, err)
	}
}
