// Package directory is what is known of workers: who they are, what trackers
// call them, since when and until when they are active.
package directory

import (
	"context"

	"timesheets/domain/identity"
	"timesheets/domain/worker"
)

// Workers is where workers are kept.
type Workers interface {
	// Get gives one worker; an unknown user id is a fault.NotFound.
	Get(ctx context.Context, org identity.Organization, userID string) (worker.Worker, error)
	// List gives at most limit workers by user id, of those whose user id comes
	// after the given one.
	List(ctx context.Context, org identity.Organization, after string, limit int) ([]worker.Worker, error)
	// Put stores what change makes of a worker (of the zero Worker when there
	// is none), all or nothing. change may run more than once and must have no
	// effects. An e-mail address or an identity that another worker has is a
	// fault.Conflict (email_taken, identity_taken).
	Put(ctx context.Context, org identity.Organization, userID string, change func(worker.Worker) (worker.Worker, error)) (worker.Worker, error)
}
