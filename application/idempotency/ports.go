// Package idempotency keeps the promise of the header Idempotency-Key: of
// requests with the same key one is carried out, and all get its answer. It
// replays answers; that hours are taken in once does not hang on it.
package idempotency

import (
	"context"
	"time"

	"timesheets/domain/replay"
)

// Keys is where claims and answers are kept.
type Keys interface {
	// Claim takes the key until the lease ends, and gives the claim with its
	// fence. When the key has an answer it gives that instead. A key that is
	// held is a fault.Conflict with the code idempotency_in_progress; a key
	// that was used for another request is a fault.Invalid with the code
	// idempotency_key_reused. An ended lease is taken over, and what was claimed
	// longer ago than keep is forgotten: both by the one clock that all processes
	// share.
	Claim(ctx context.Context, claim replay.Claim, lease, keep time.Duration) (replay.Claim, *replay.Answer, error)
	// Settle keeps the answer under the claim, unless somebody took it over.
	Settle(ctx context.Context, claim replay.Claim, answer replay.Answer) error
	// Release gives the key up: the next request with it is carried out.
	Release(ctx context.Context, claim replay.Claim) error
}
