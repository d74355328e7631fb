package identity_test

import (
	"errors"
	"testing"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

func TestUploadingIsForMachinesAndApprovingForPersonsWhateverTheTokenSays(t *testing.T) {
	t.Parallel()
	for kind, want := range map[identity.Kind]map[identity.Scope]bool{
		identity.Machine: {identity.BatchUpload: true, identity.ReadTimesheets: true, identity.CreateTimesheets: true, identity.DeleteTimesheets: true},
		identity.Person:  {identity.ApproveTimesheets: true, identity.ReadTimesheets: true, identity.CreateTimesheets: true, identity.DeleteTimesheets: true},
		"":               {},
		"robot":          {},
	} {
		p := identity.Principal{Kind: kind, Scopes: identity.Scopes()}
		for _, s := range identity.Scopes() {
			if got := p.Holds(s); got != want[s] {
				t.Errorf("a %q with every scope holds %s: %t", kind, s, got)
			}
			if got := p.Require(s) == nil; got != want[s] {
				t.Errorf("a %q with every scope passes %s: %t", kind, s, got)
			}
		}
	}
}

func TestAScopeIsHeldOnlyUnderItsVeryName(t *testing.T) {
	t.Parallel()
	p := identity.Principal{Kind: identity.Machine, Scopes: []identity.Scope{"batch:uploads", "batch", "Batch:Upload", ""}}
	for _, s := range identity.Scopes() {
		if p.Holds(s) {
			t.Errorf("holds %s", s)
		}
	}
}

func TestARefusalNamesTheScopesThatWouldDo(t *testing.T) {
	t.Parallel()
	person := identity.Principal{Kind: identity.Person, Scopes: []identity.Scope{identity.BatchUpload}}
	machine := identity.Principal{Kind: identity.Machine, Scopes: []identity.Scope{identity.ApproveTimesheets}}
	for _, tt := range []struct {
		name        string
		err         error
		code, scope string
	}{
		{"one of two is missing", machine.Require(identity.ReadTimesheets, identity.CreateTimesheets), "insufficient_scope", "read:timesheets create:timesheets"},
		{"a person may not upload", person.Require(identity.BatchUpload), "machines_only", "batch:upload"},
		{"a machine may not approve", machine.Require(identity.ApproveTimesheets), "persons_only", "approve:timesheets"},
		{"nobody may do nothing", identity.Principal{}.Require(identity.ReadTimesheets), "insufficient_scope", "read:timesheets"},
	} {
		f := fault.Of(tt.err)
		if f == nil || !errors.Is(tt.err, fault.Forbidden) || f.Code != tt.code || f.Extra["scope"] != tt.scope {
			t.Errorf("%s: got %v, %v", tt.name, tt.err, f.Extra)
		}
	}
	if err := person.Require(identity.ApproveTimesheets, identity.BatchUpload); err == nil {
		t.Error("a scope that does not count for persons was enough")
	}
}

func TestNobodyHasTheKeyOfAnother(t *testing.T) {
	t.Parallel()
	seen := map[string]identity.Principal{}
	for _, p := range []identity.Principal{
		{Kind: identity.Person, Issuer: "https://a/", Subject: "x"},
		{Kind: identity.Machine, Issuer: "https://a/", Subject: "x"},
		{Kind: identity.Person, Issuer: "https://b/", Subject: "x"},
		{Kind: identity.Person, Issuer: "https://a/", Subject: "y"},
		{Kind: identity.Person, Issuer: "https://a", Subject: "/x"},
	} {
		if other, taken := seen[p.Key()]; taken {
			t.Errorf("%+v has the key of %+v", p, other)
		}
		seen[p.Key()] = p
	}
	p := identity.Principal{Kind: identity.Person, Issuer: "https://a/", Subject: "x"}
	q := p
	q.ID, q.Organization, q.Scopes = "other", "org_b", identity.Scopes()
	if p.Key() != q.Key() {
		t.Error("the key depends on more than kind, issuer and subject")
	}
}
