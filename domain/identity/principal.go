// Package identity says who calls and what they may do: the principal that a
// verified access token stands for, its organisation and its scopes.
package identity

import (
	"slices"
	"strings"

	"timesheets/domain/fault"
)

// Scope is a permission of the Timesheets API, as it stands in a token.
type Scope string

// The scopes of the API; there are no others.
const (
	BatchUpload       Scope = "batch:upload"
	ReadTimesheets    Scope = "read:timesheets"
	CreateTimesheets  Scope = "create:timesheets"
	DeleteTimesheets  Scope = "delete:timesheets"
	ApproveTimesheets Scope = "approve:timesheets"
)

// Scopes lists every scope, in the order in which documents name them.
func Scopes() []Scope {
	return []Scope{BatchUpload, ReadTimesheets, CreateTimesheets, DeleteTimesheets, ApproveTimesheets}
}

// Kind tells a machine from a person.
type Kind string

const (
	// Machine is a program with a token of its own (client credentials grant).
	Machine Kind = "machine"
	// Person is a human being who logged in.
	Person Kind = "person"
)

// Organization is the boundary between customers: nothing crosses it.
type Organization string

// DefaultOrganization is the only one while organisations are switched off.
const DefaultOrganization Organization = "default"

// Principal is who calls, by a verified access token. Its zero value may do
// nothing.
type Principal struct {
	Kind         Kind
	Issuer       string       // the token's issuer, byte for byte
	Subject      string       // the token's sub, byte for byte
	ID           string       // a person's user_id (by the configured claim), a machine's client id
	Organization Organization // in which everything the principal does happens
	Scopes       []Scope      // what the token grants of Scopes()
}

// IsPerson is true for a human being.
func (p Principal) IsPerson() bool { return p.Kind == Person }

// IsMachine is true for a program.
func (p Principal) IsMachine() bool { return p.Kind == Machine }

// Key tells principals apart for good: no person has a machine's key, and
// issuers do not share keys (RFC 9068, section 5). It is opaque.
func (p Principal) Key() string {
	return strings.Join([]string{string(p.Kind), p.Issuer, p.Subject}, "\x1f")
}

// Holds tells whether the principal may use s. BatchUpload counts for
// machines only and ApproveTimesheets for persons only, whatever the token
// says.
func (p Principal) Holds(s Scope) bool {
	switch {
	case s == BatchUpload && !p.IsMachine(), s == ApproveTimesheets && !p.IsPerson():
		return false
	case !p.IsMachine() && !p.IsPerson():
		return false
	}
	return slices.Contains(p.Scopes, s)
}

// Require is nil when the principal holds one of the scopes. Otherwise it is
// a fault.Forbidden with the code insufficient_scope, whose Extra["scope"]
// names what the operation needs (RFC 6750, section 3.1).
func (p Principal) Require(anyOf ...Scope) error {
	names := make([]string, len(anyOf))
	for i, s := range anyOf {
		if p.Holds(s) {
			return nil
		}
		names[i] = string(s)
	}
	for _, s := range anyOf {
		for _, held := range p.Scopes {
			if held == s && s == BatchUpload {
				return fault.New(fault.Forbidden, "machines_only", "The scope batch:upload counts for machines only: use a token of the client credentials grant.").With("scope", string(s))
			}
			if held == s && s == ApproveTimesheets {
				return fault.New(fault.Forbidden, "persons_only", "Approving is for persons only: use the token of a person who logged in.").With("scope", string(s))
			}
		}
	}
	needed := strings.Join(names, " or ")
	return fault.New(fault.Forbidden, "insufficient_scope", "This needs the scope %s. Ask for a token that has it.", needed).With("scope", strings.Join(names, " "))
}
