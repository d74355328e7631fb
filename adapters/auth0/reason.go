package auth0

import (
	"errors"

	"github.com/golang-jwt/jwt/v5"

	"timesheets/domain/fault"
)

// Reason is why a token was refused, in one word for the log and for metrics.
// There are no others than these constants.
type Reason string

const (
	TooLong        Reason = "too_long"        // longer than MaxTokenLength
	Malformed      Reason = "malformed"       // not three base64url parts
	Encrypted      Reason = "encrypted"       // a JWE
	BadHeader      Reason = "bad_header"      // not strict JSON, or a member of the wrong type
	WrongAlgorithm Reason = "wrong_algorithm" // alg is not the configured one
	WrongType      Reason = "wrong_type"      // typ says that it is not an access token
	CriticalHeader Reason = "critical_header" // an extension that must be understood and is not
	NoKeyID        Reason = "no_key_id"       // kid missing, empty or too long
	UnknownKey     Reason = "unknown_key"     // kid names no key of the issuer
	BadSignature   Reason = "bad_signature"   // the key did not sign this
	BadClaims      Reason = "bad_claims"      // not strict JSON, or a claim of the wrong type or out of range
	MissingClaim   Reason = "missing_claim"   // the profile requires it
	WrongIssuer    Reason = "wrong_issuer"    // iss is not the configured one
	WrongAudience  Reason = "wrong_audience"  // aud does not contain the configured one
	Expired        Reason = "expired"         // exp has passed
	NotYetValid    Reason = "not_yet_valid"   // nbf lies ahead
	IssuedAhead    Reason = "issued_ahead"    // iat lies ahead
	ClientsDiffer  Reason = "clients_differ"  // azp and client_id name two clients
	SenderBound    Reason = "sender_bound"    // cnf: not to be shown as a plain bearer token
	unclassified   Reason = "unclassified"    // golang-jwt refused for a reason of its own
)

// Error makes a Reason usable as a cause.
func (r Reason) Error() string { return string(r) }

// text is what the client reads: nothing from the token, and only characters
// that may stand in an error_description (RFC 6750, section 3).
func (r Reason) text() string {
	switch r {
	case Expired:
		return "The access token has expired. Get a new one."
	case WrongAudience:
		return "The access token is for another API. Ask for one whose audience is the identifier of this API."
	case WrongIssuer:
		return "The access token was issued by somebody else. Get one from the issuer of this API."
	case TooLong:
		return "The access token is too long. Get one with fewer claims."
	case SenderBound:
		return "The access token is bound to its sender and cannot be used as a bearer token. Get a plain one."
	default:
		return "The access token is not valid here. Get a new one."
	}
}

// refusal is the fault for a token that golang-jwt or one of our own checks
// turned down. Trouble with the keys comes back as the fault that it is.
func refusal(err error) *fault.Error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	r := reasonOf(err)
	return fault.Wrap(r, fault.Unauthenticated, "invalid_token", "%s", r.text())
}

// reasonOf finds the Reason in err, ours before golang-jwt's. Of several
// broken claims the one counts that a new token would not mend.
func reasonOf(err error) Reason {
	if r, ok := errors.AsType[Reason](err); ok {
		return r
	}
	for _, known := range []struct {
		err    error
		reason Reason
	}{
		{jwt.ErrTokenRequiredClaimMissing, MissingClaim},
		{jwt.ErrTokenInvalidAudience, WrongAudience},
		{jwt.ErrTokenUsedBeforeIssued, IssuedAhead},
		{jwt.ErrTokenNotValidYet, NotYetValid},
		{jwt.ErrTokenExpired, Expired},
	} {
		if errors.Is(err, known.err) {
			return known.reason
		}
	}
	return unclassified
}
