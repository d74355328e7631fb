package auth0

import (
	"github.com/golang-jwt/jwt/v5"

	"timesheets/application/access"
)

// tokenClaims is the claims set of one token while it is being proven. golang-jwt
// reads it through jwt.Claims. Its zero value lacks everything, and so is refused.
type tokenClaims struct {
	profile Profile

	issuer, subject, tokenID       string
	authorizedParty, clientID      string
	grant, scope, organization     string
	audience                       jwt.ClaimStrings
	expiresAt, notBefore, issuedAt *jwt.NumericDate
	senderBound                    bool
	custom                         map[string]any
}

// readClaims decodes the claims part of a token exactly: a claim counts under
// its very name and with its very type, null is no value, and a number in
// quotes no number.
func readClaims(part string, profile Profile) (*tokenClaims, error) {
	text, err := decode(part)
	if err != nil {
		return nil, err
	}
	c := tokenClaims{profile: profile}
	if walkObject(text, c.take) != nil {
		return nil, BadClaims
	}
	return &c, nil
}

// take reads one claim.
func (c *tokenClaims) take(name string, o object) (err error) {
	switch name {
	case "iss":
		c.issuer, err = o.text()
	case "sub":
		c.subject, err = o.text()
	case "aud":
		c.audience, err = o.texts()
	case "exp":
		c.expiresAt, err = o.date()
	case "nbf":
		c.notBefore, err = o.date()
	case "iat":
		c.issuedAt, err = o.date()
	case "jti":
		c.tokenID, err = o.text()
	case "azp":
		c.authorizedParty, err = o.text()
	case "client_id":
		c.clientID, err = o.text()
	case "gty":
		c.grant, err = o.text()
	case "scope":
		c.scope, err = o.text()
	case "org_id":
		c.organization, err = o.text()
	case "cnf": // RFC 7800: whoever shows the token must prove more than having it
		c.senderBound = true
		_, err = o.other()
	default:
		var value any
		value, err = o.other()
		if c.custom == nil {
			c.custom = map[string]any{}
		}
		c.custom[name] = value
	}
	return err
}

// date reads a NumericDate.
func (o object) date() (*jwt.NumericDate, error) {
	written, err := o.number()
	if err != nil {
		return nil, err
	}
	return numericDate(written)
}

// Validate is what golang-jwt calls after its own checks.
func (c *tokenClaims) Validate() error { return c.profile.check(c) }

// verified gives the claims as the rest of the program knows them.
func (c *tokenClaims) verified() access.Claims {
	client := c.authorizedParty
	if client == "" {
		client = c.clientID
	}
	return access.Claims{
		Issuer:       c.issuer,
		Subject:      c.subject,
		Client:       client,
		Grant:        c.grant,
		Scope:        c.scope,
		Organization: c.organization,
		ExpiresAt:    c.expiresAt.Time,
		Custom:       c.custom,
	}
}

// The methods of jwt.Claims.

func (c *tokenClaims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expiresAt, nil }
func (c *tokenClaims) GetNotBefore() (*jwt.NumericDate, error)      { return c.notBefore, nil }
func (c *tokenClaims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.issuedAt, nil }
func (c *tokenClaims) GetAudience() (jwt.ClaimStrings, error)       { return c.audience, nil }
func (c *tokenClaims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *tokenClaims) GetSubject() (string, error)                  { return c.subject, nil }
