// Package auth0 speaks with the identity provider: it proves the access tokens
// that callers show (Verifier) and gets the one that the import job shows
// (TokenSource). It is written for Auth0 and for any issuer of RFC 9068 access
// tokens.
//
// Proving goes in four steps, each of which may only refuse:
//
//  1. form.go: three base64url parts, no longer than a header may be;
//  2. header.go: the JOSE header, decoded exactly; algorithm, type, key id;
//  3. claims.go, numeric_date.go: the claims, decoded exactly;
//  4. golang-jwt checks the signature, with a key of that issuer alone
//     (keyring.go, secrets.go), and times and audience; profile.go adds what the
//     token profile requires.
//
// golang-jwt and keyfunc do the cryptography and the bookkeeping. What stands
// around them is there because their defaults believe too much: duplicate
// members, quoted numbers, critical extensions, a key set that an error page
// has emptied. golang-jwt's own parser is not asked: it would decode once more,
// leniently, what was decoded exactly.
//
// Keys come from the issuer's JSON Web Key Set, in the background. A request
// waits for them at most a second, and only when it shows a key id that nobody
// has seen. An outage of the issuer is our trouble, not the caller's: what
// cannot be judged is Unavailable, never Unauthenticated, because a client that
// is told 401 throws away a good token and asks for another.
package auth0
