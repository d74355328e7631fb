package timekeeping_test

import (
	"errors"
	"slices"
	"testing"

	"timesheets/application/timekeeping"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

func without(scope identity.Scope, p identity.Principal) identity.Principal {
	p.Scopes = slices.DeleteFunc(slices.Clone(p.Scopes), func(s identity.Scope) bool { return s == scope })
	return p
}

// Who may do what with an entry of ann's.
func TestWhoMaySeeAndChangeAnEntry(t *testing.T) {
	t.Parallel()
	const (
		ok      = ""
		unknown = "not_found"
		scope   = "insufficient_scope"
		other   = "other_worker"
	)
	for _, tt := range []struct {
		name                                         string
		by                                           identity.Principal
		record, get, history, amend, withdraw, named string
	}{
		{"its worker", fixture.Person("ann"), ok, ok, ok, ok, ok, ok},
		{"another person", fixture.Person("bob"), other, unknown, unknown, unknown, unknown, other},
		{"an approver", fixture.Approver("carol"), ok, ok, ok, ok, ok, ok},
		{"its worker, who approves others", fixture.Approver("ann"), ok, ok, ok, ok, ok, ok},
		{"a machine", robot(), ok, ok, ok, ok, ok, ok},
		{"the import job", fixture.Job(), scope, scope, scope, scope, scope, scope},
		{"a machine that says it approves", fixture.Machine(identity.ApproveTimesheets), scope, scope, scope, scope, scope, scope},
		{"its worker without create", without(identity.CreateTimesheets, fixture.Person("ann")), scope, ok, ok, scope, ok, ok},
		{"its worker without delete", without(identity.DeleteTimesheets, fixture.Person("ann")), ok, ok, ok, ok, scope, ok},
		{"its worker without read", without(identity.ReadTimesheets, fixture.Person("ann")), ok, scope, scope, ok, ok, scope},
		{"an approver with nothing else", identity.Principal{Kind: identity.Person, ID: "eve", Organization: identity.DefaultOrganization, Scopes: []identity.Scope{identity.ApproveTimesheets}},
			scope, scope, scope, scope, scope, scope},
		{"ann of another organisation", fixture.Of("other", fixture.Person("ann")), ok, unknown, unknown, unknown, unknown, ok},
		{"an approver of another organisation", fixture.Of("other", fixture.Approver("carol")), ok, unknown, unknown, unknown, unknown, ok},
		{"a machine of another organisation", fixture.Of("other", robot()), ok, unknown, unknown, unknown, unknown, ok},
		{"nobody", identity.Principal{Organization: identity.DefaultOrganization}, scope, scope, scope, scope, scope, scope},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			entry := record(t, o, content(hours("2")))
			_, recorded := o.Recorder.Record(t.Context(), tt.by, content(hours("2")), nil)
			_, got := o.Reviewer.Get(t.Context(), tt.by, entry.ID())
			_, _, history := o.Reviewer.History(t.Context(), tt.by, entry.ID(), 0, 10)
			_, amended := o.Recorder.Amend(t.Context(), tt.by, entry.ID(), nil, change(project("Shop")))
			withdrawn := o.Recorder.Withdraw(t.Context(), tt.by, entry.ID(), nil)
			_, _, named := o.Reviewer.List(t.Context(), tt.by, timekeeping.Filter{UserID: "ann"}, timekeeping.Place{}, 10)
			for _, d := range []struct {
				name, want string
				err        error
			}{
				{"record", tt.record, recorded}, {"get", tt.get, got}, {"history", tt.history, history}, {"amend", tt.amend, amended},
				{"withdraw", tt.withdraw, withdrawn}, {"list by name", tt.named, named},
			} {
				if got := codeOf(d.err); got != d.want {
					t.Errorf("%s: got %q, want %q", d.name, got, d.want)
				}
				kind := map[string]fault.Kind{unknown: fault.NotFound, scope: fault.Forbidden, other: fault.Forbidden}[d.want]
				if d.want != ok && !errors.Is(d.err, kind) {
					t.Errorf("%s: %v is not %v", d.name, d.err, kind)
				}
			}
			if s := get(t, o, entry.ID()); (s.Content.Project == "Shop") != (tt.amend == ok) || (s.Deletion == timesheet.ByHand) != (tt.withdraw == ok) {
				t.Errorf("the entry is %+v", s)
			}
		})
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	gone := record(t, o, content())
	if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), gone.ID(), nil); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]timesheet.ID{"unknown": fixture.NewID(), "none": {}, "deleted": gone.ID()} {
		for who, by := range map[string]identity.Principal{"ann": fixture.Person("ann"), "an approver": fixture.Approver("carol"), "a machine": robot()} {
			_, got := o.Reviewer.Get(t.Context(), by, id)
			_, amended := o.Recorder.Amend(t.Context(), by, id, version(1), change(project("Shop")))
			withdrawn := o.Recorder.Withdraw(t.Context(), by, id, version(1))
			for what, err := range map[string]error{"get": got, "amend": amended, "withdraw": withdrawn} {
				if !errors.Is(err, fault.NotFound) {
					t.Errorf("%s, %s by %s: %v", name, what, who, err)
				}
			}
		}
	}
}

func TestPeopleRecordTheirOwnUnlessTheySayOtherwise(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for _, tt := range []struct {
		name string
		by   identity.Principal
		user string
		want string
	}{
		{"a person who names nobody", fixture.Person("ann"), "", "ann"},
		{"an approver who names nobody", fixture.Approver("carol"), "", "carol"},
		{"an approver who names another", fixture.Approver("carol"), "dora", "dora"},
		{"a machine that names somebody", robot(), "eve", "eve"},
	} {
		entry, err := o.Recorder.Record(t.Context(), tt.by, content(of(tt.user), hours("1")), nil)
		if err != nil {
			t.Fatal(err)
		}
		if s := get(t, o, entry.ID()); s.Content.UserID != tt.want || s.CreatedBy != tt.by.ID || s.HandBy != tt.by.ID {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
	if _, err := o.Recorder.Record(t.Context(), robot(), content(of("")), nil); codeOf(err) != "/user_id required" {
		t.Errorf("a machine that names nobody: %v", err)
	}
	for user, want := range map[string]string{"ann": "employee", "carol": "employee", "dora": "contractor", "eve": "contractor"} {
		if n := o.Count(t, `SELECT count(*) FROM workers WHERE user_id = $1 AND kind = $2`, user, want); n != 1 {
			t.Errorf("%s is no %s", user, want)
		}
	}
}

func TestOnlyMachinesAndApproversGiveAnEntryToAnother(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{UserIDs: "email"})
	ann := "ann@example.com"
	for _, tt := range []struct {
		name string
		by   identity.Principal
		to   string
		want string
	}{
		{"its worker", fixture.Person(ann), "bob@example.com", "other_worker"},
		{"its worker, to herself in another spelling", fixture.Person(ann), "Ann@Example.com", ""},
		{"an approver", fixture.Approver("carol"), "bob@example.com", ""},
		{"an approver, to herself", fixture.Approver("carol"), "carol", ""},
		{"a machine", robot(), "nobody-yet", ""},
	} {
		entry := record(t, o, content(of(ann), hours("1")))
		_, err := o.Recorder.Amend(t.Context(), tt.by, entry.ID(), nil, change(of(tt.to)))
		if got := codeOf(err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if s := get(t, o, entry.ID()); err != nil && s.Content.UserID != ann || s.Origin.Source != "api" {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM workers WHERE user_id = 'nobody-yet' AND kind = 'contractor'`); n != 1 {
		t.Error("the new worker was not created")
	}
	if n := o.Count(t, `SELECT count(*) FROM history`); n != 3 {
		t.Errorf("%d changes; the same in another spelling is none", n)
	}
}
