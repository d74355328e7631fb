package importing

import (
	"hash/maphash"

	"timesheets/domain/timesheet"
)

// keys counts the different keys that a mirror sends, in 16 bytes or so each:
// the API holds what it got against that. Should two keys ever have the same
// hash, the count is too small, and the API refuses to delete anything.
type keys struct {
	seed maphash.Seed
	seen map[uint64]struct{}
}

func newKeys() *keys { return &keys{maphash.MakeSeed(), map[uint64]struct{}{}} }

// add takes a key, unless it is none that the API can read.
func (k *keys) add(externalID string) {
	if timesheet.CheckExternalID(externalID) == nil {
		k.seen[maphash.String(k.seed, externalID)] = struct{}{}
	}
}

func (k *keys) distinct() int { return len(k.seen) }
