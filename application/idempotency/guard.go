package idempotency

import (
	"context"
	"time"

	"timesheets/domain/replay"
)

const (
	keep  = 72 * time.Hour   // how long an answer is given again
	lease = 30 * time.Second // how long a request may hold a key without an answer
)

// Guard decides whether a request with a key is carried out or answered as
// before.
type Guard struct{ keys Keys }

// NewGuard makes a Guard.
func NewGuard(keys Keys) *Guard { return &Guard{keys} }

// Begin claims the key. A non-nil answer is to be given as it is; otherwise
// the caller carries the request out and ends with Finish, or settles the
// claim in the transaction of the effect.
func (g *Guard) Begin(ctx context.Context, claim replay.Claim) (replay.Claim, *replay.Answer, error) {
	return g.keys.Claim(ctx, claim, lease, keep)
}

// Finish ends a claim whose request had no effect. The answers of a judged
// request (404, 409, 412, 422) are kept; after any other the key is free, so
// that the same request can be sent again.
func (g *Guard) Finish(ctx context.Context, claim replay.Claim, answer replay.Answer) error {
	switch answer.Status {
	case 404, 409, 412, 422:
		return g.keys.Settle(ctx, claim, answer)
	}
	return g.keys.Release(ctx, claim)
}
