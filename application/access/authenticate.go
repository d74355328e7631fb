package access

import (
	"context"
	"slices"
	"strings"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// Config says how this installation reads tokens. Its zero value names people
// by sub and knows one organisation.
type Config struct {
	UserIDs               identity.UserIDs // by which claim people are named
	OrganizationsRequired bool             // org_id decides, and a token without one is refused
}

// Authenticator makes principals of tokens. It is safe for concurrent use.
type Authenticator struct {
	verifier TokenVerifier
	config   Config
}

// NewAuthenticator fails, with the code user_id_claim_unusable, when the
// configured claim is one whose meaning is not to name a person.
func NewAuthenticator(verifier TokenVerifier, config Config) (*Authenticator, error) {
	switch claim := config.UserIDs.Claim(); claim {
	case "iss", "aud", "exp", "nbf", "iat", "jti", "azp", "client_id", "gty", "scope", "org_id", "cnf":
		return nil, fault.New(fault.Invalid, "user_id_claim_unusable",
			"The claim %s names no person. Use sub, or a claim that holds each person's own id.", claim)
	}
	return &Authenticator{verifier, config}, nil
}

// Authenticate proves token and says who calls. Like TokenVerifier.Verify it
// keeps nothing of token's memory; its faults are those of that and of Principal.
func (a *Authenticator) Authenticate(ctx context.Context, token []byte) (identity.Principal, error) {
	claims, err := a.verifier.Verify(ctx, token)
	if err != nil {
		return identity.Principal{}, err
	}
	return a.Principal(claims)
}

// Principal says whom verified claims stand for. A token at odds with itself is
// a fault.Unauthenticated (invalid_token); a known caller who cannot be given a
// user id or an organisation is a fault.Forbidden (user_id_claim_missing,
// user_id_claim_invalid, email_not_verified, organization_required).
func (a *Authenticator) Principal(c Claims) (identity.Principal, error) {
	if !plain(c.Subject) || c.Client != "" && !plain(c.Client) {
		return identity.Principal{}, unclear("a subject or client that is no plain text of 1 to 255 characters")
	}
	p := identity.Principal{Issuer: c.Issuer, Subject: c.Subject, Scopes: scopes(c.Scope)}
	var err error
	if p.Kind, err = kind(c); err != nil {
		return identity.Principal{}, err
	}
	if p.IsMachine() {
		p.ID = client(c)
	} else if p.ID, err = a.userID(c); err != nil {
		return identity.Principal{}, err
	}
	if p.Organization, err = a.organization(c); err != nil {
		return identity.Principal{}, err
	}
	return p, nil
}

// scopes gives those of our scopes that the scope claim grants, by whole
// tokens, case-sensitively (RFC 6749, section 3.3). The claim "permissions",
// which Auth0 adds with role-based access control, is not looked at: for a
// person it lists all that was ever assigned, not what this application asked
// for, and for a machine it repeats scope.
func scopes(claim string) []identity.Scope {
	var held []identity.Scope
	for token := range strings.SplitSeq(claim, " ") {
		if s := identity.Scope(token); slices.Contains(identity.Scopes(), s) && !slices.Contains(held, s) {
			held = append(held, s)
		}
	}
	return held
}

func (a *Authenticator) organization(c Claims) (identity.Organization, error) {
	if !a.config.OrganizationsRequired {
		return identity.DefaultOrganization, nil
	}
	if !plain(c.Organization) {
		return "", fault.New(fault.Forbidden, "organization_required",
			"The access token names no organization. Log in to an organization, or ask for the token with the parameter organization.")
	}
	return identity.Organization(c.Organization), nil
}
