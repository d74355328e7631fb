// Package worker says what the directory knows of the people who log time.
package worker

import (
	"slices"
	"strings"
	"time"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Kind tells an employee from a contractor.
type Kind string

// The kinds of workers.
const (
	Employee   Kind = "employee"
	Contractor Kind = "contractor"
)

// Identity is what a tracker calls a worker.
type Identity struct {
	Source string
	ID     string // 1 to 255 characters, unique in the source
}

// Worker is a person who logs time, known by UserID.
type Worker struct {
	UserID     string
	Kind       Kind
	Name       string // "" when not known, at most 200 characters
	Email      string // "" when not known; unique in the organisation, see CanonicalEmail
	Identities []Identity
	ActiveFrom timesheet.Day // inclusive; zero for always
	ActiveTo   timesheet.Day // inclusive; zero for always
	Version    int
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// CanonicalEmail gives the one spelling under which an e-mail address is kept
// and looked up. It is the spelling of user ids that are addresses, see
// identity.UserIDs.Canonical: A to Z become small, everything else stays.
func CanonicalEmail(address string) string {
	return identity.UserIDsBy("email").Canonical(address)
}

// Same tells whether two workers say the same, whatever their versions.
// Identities count as a set.
func (w Worker) Same(v Worker) bool {
	return w.UserID == v.UserID && w.Kind == v.Kind && w.Name == v.Name && w.Email == v.Email &&
		w.ActiveFrom == v.ActiveFrom && w.ActiveTo == v.ActiveTo && slices.Equal(sorted(w.Identities), sorted(v.Identities))
}

func sorted(identities []Identity) []Identity {
	return slices.SortedFunc(slices.Values(identities), func(a, b Identity) int {
		if c := strings.Compare(a.Source, b.Source); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
}
