// Package localissuer is an identity provider on a loopback address that
// behaves like Auth0: discovery, a JSON Web Key Set whose keys rotate, a token
// endpoint for programs and for people, access tokens in Auth0's profile and in
// RFC 9068's. The demo and the tests use it; no shipped program contains it.
//
// It signs with the standard library alone and shares no code with the adapter
// that checks tokens, so that the two cannot make the same mistake.
//
// For tests it can be broken on purpose: BreakKeys and BreakTokens put any
// handler in the place of an endpoint, and Sign puts a good signature under
// whatever header and claims it is given.
package localissuer
