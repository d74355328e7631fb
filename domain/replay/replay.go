// Package replay is about requests that carry an Idempotency-Key: the answer
// that was given once is given again, and the effect happens once.
package replay

import "timesheets/domain/identity"

// Claim is one request's hold on a key, while it is being worked on.
type Claim struct {
	Organization identity.Organization
	Principal    string   // identity.Principal.Key
	Route        string   // method and path pattern
	Key          string   // 1 to 255 visible ASCII characters
	Request      [32]byte // digest of what makes it the same request: body, query, If-Match
	Fence        int64    // of this hold; an older one can no longer settle
}

// Answer is what is given again: an HTTP answer in plain form.
type Answer struct {
	Status  int
	Headers map[string]string
	Body    []byte
}
