// Package access turns an access token into a principal: who calls, person or
// machine, in which organisation, with which scopes.
//
// Proving a token is the verifier's work, behind the port TokenVerifier. What
// the proven claims mean is decided here, by rules that hold whatever issued
// the token: a machine never passes for a person nor a person for a machine, a
// token at odds with itself is refused, and what is missing is never guessed.
package access

import (
	"context"
	"time"
)

// Claims is what a verified token says, decoded exactly: names compared byte
// for byte, no member twice, no value of another type. Nobody changes the maps
// in it: the same Claims may be handed out again.
type Claims struct {
	Issuer       string    // iss
	Subject      string    // sub, never empty
	Client       string    // azp or client_id, the application the token was issued to; "" when it names none
	Grant        string    // gty, Auth0's name of the grant; "" when absent
	Scope        string    // scope as written: scope tokens separated by spaces
	Organization string    // org_id; "" when absent
	ExpiresAt    time.Time // exp
	// Custom has every other claim by its exact name: strings as string,
	// booleans as bool, anything else as nil.
	Custom map[string]any
}

// TokenVerifier proves access tokens.
type TokenVerifier interface {
	// Verify proves that token was issued by our issuer, for this API, and holds
	// now. What proves nothing is a fault.Unauthenticated with the code
	// invalid_token; while nothing can be proven for want of signing keys it is a
	// fault.Unavailable with the code signing_keys_unavailable. Neither says
	// anything that stood in the token. token's memory is only read, and nothing
	// keeps it: it is a request's, and soon the next request's.
	Verify(ctx context.Context, token []byte) (Claims, error)
}
