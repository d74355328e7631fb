package identity_test

import (
	"errors"
	"testing"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// Each kind of caller, by what they may do with their own hours and with
// another's. Whether a scope lets them at all is asked before.
func TestThePolicy(t *testing.T) {
	t.Parallel()
	person := identity.Principal{Kind: identity.Person, ID: "ann"}
	approver := identity.Principal{Kind: identity.Person, ID: "ann", Scopes: []identity.Scope{identity.ApproveTimesheets}}
	machine := identity.Principal{Kind: identity.Machine, ID: "ann", Scopes: identity.Scopes()}
	for _, tt := range []struct {
		name         string
		may          func(userID string) error
		own, another string // the codes of the faults, "" for none
	}{
		{name: "a person records", may: person.MayRecord, another: "other_worker"},
		{name: "an approver records", may: approver.MayRecord},
		{name: "a machine records", may: machine.MayRecord},
		{name: "a person gives", may: func(to string) error { return person.MayGive("ann", to) }, another: "other_worker"},
		{name: "an approver gives", may: func(to string) error { return approver.MayGive("ann", to) }},
		{name: "a machine gives", may: func(to string) error { return machine.MayGive("ann", to) }},
		{name: "a person hands in", may: person.MayHandIn, another: "other_worker"},
		{name: "an approver hands in", may: approver.MayHandIn, another: "other_worker"},
		{name: "a machine hands in", may: machine.MayHandIn, own: "other_worker", another: "other_worker"},
		{name: "an approver decides about an entry", may: func(of string) error { return identity.MayDecide("ann", identity.OwnEntry, []string{of}) }, own: "own_entry"},
		{name: "an approver decides about a move", may: func(of string) error { return identity.MayDecide("ann", identity.OwnCorrection, []string{"bob", of}) }, own: "own_correction"},
		{name: "who changed it decides", may: func(of string) error { return identity.MayDecide("ann", identity.OwnWeek, []string{of}, "ann") }, own: "own_week", another: "changed_by_you"},
		{name: "who did not change it decides", may: func(of string) error { return identity.MayDecide("ann", identity.OwnWeek, []string{of}, "cid", "") }, own: "own_week"},
	} {
		for userID, want := range map[string]string{"ann": tt.own, "bob": tt.another} {
			err := tt.may(userID)
			if got := fault.Of(err); (got == nil) != (want == "") || got != nil && (got.Code != want || !errors.Is(err, fault.Forbidden)) {
				t.Errorf("%s for %s: %v, want %q", tt.name, userID, err, want)
			}
		}
	}
}

func TestWhoseThingsAListHas(t *testing.T) {
	t.Parallel()
	person := identity.Principal{Kind: identity.Person, ID: "ann"}
	approver := identity.Principal{Kind: identity.Person, ID: "bob", Scopes: []identity.Scope{identity.ApproveTimesheets}}
	machine := identity.Principal{Kind: identity.Machine, ID: "robot", Scopes: []identity.Scope{identity.ApproveTimesheets}}
	for _, tt := range []struct {
		name, asks string
		by         identity.Principal
		want       string
		refused    bool
	}{
		{name: "a person", by: person, want: "ann"},
		{name: "a person by their name", by: person, asks: "ann", want: "ann"},
		{name: "a person for another", by: person, asks: "bob", refused: true},
		{name: "a person for everyone", by: person, asks: identity.Everyone, refused: true},
		{name: "an approver", by: approver, want: "bob"},
		{name: "an approver for another", by: approver, asks: "ann", want: "ann"},
		{name: "an approver for everyone", by: approver, asks: identity.Everyone},
		{name: "a machine", by: machine},
		{name: "a machine for somebody", by: machine, asks: "ann", want: "ann"},
		{name: "a machine for everyone", by: machine, asks: identity.Everyone},
		{name: "nobody", refused: true},
		{name: "nobody for somebody", asks: "ann", refused: true},
		{name: "nobody for everyone", asks: identity.Everyone, refused: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.by.Selects(tt.asks)
			if got != tt.want || errors.Is(err, fault.Forbidden) != tt.refused {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
