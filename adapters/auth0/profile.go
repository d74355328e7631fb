package auth0

// Profile is how the issuer writes access tokens; Auth0 calls it the access
// token profile, or token dialect, of an API.
type Profile string

const (
	// Auth0Profile is Auth0's own and the default: typ JWT, the client in azp.
	// Tokens of the other profile pass too, since a tenant may be switched.
	Auth0Profile Profile = "auth0"
	// RFC9068Profile is the standard one: typ at+jwt, client_id and jti required.
	RFC9068Profile Profile = "rfc9068"
)

// accepts tells whether typ may stand in the header (RFC 9068, section 4): an
// access token, and nothing that says it is another kind of JWT.
func (p Profile) accepts(typ string) bool {
	switch mediaType(typ) {
	case "at+jwt":
		return true
	case "jwt":
		return p == Auth0Profile
	}
	return false
}

// acceptsUntyped tells whether the header may do without typ.
func (p Profile) acceptsUntyped() bool { return p == Auth0Profile }

// check holds decoded claims against what the profile requires besides exp,
// aud and iss (RFC 9068, section 2.2; Auth0's profile has no jti and may have
// no client).
func (p Profile) check(c *tokenClaims) error {
	switch {
	case c.issuedAt == nil || c.subject == "":
		return MissingClaim
	case p == RFC9068Profile && (c.clientID == "" || c.tokenID == ""):
		return MissingClaim
	case c.clientID != "" && c.authorizedParty != "" && c.clientID != c.authorizedParty:
		return ClientsDiffer
	case c.senderBound:
		return SenderBound
	}
	return nil
}
