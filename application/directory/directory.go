package directory

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Directory shows and keeps workers.
type Directory struct {
	workers Workers
	userIDs identity.UserIDs
	now     func() time.Time
}

// NewDirectory makes a Directory.
func NewDirectory(workers Workers, userIDs identity.UserIDs, now func() time.Time) *Directory {
	return &Directory{workers, userIDs, now}
}

// Limits of a worker's profile.
const (
	MaxPage       = 500 // workers a page
	MaxName       = 200 // characters
	MaxEmail      = 254 // characters (RFC 5321, section 4.5.3.1.3)
	MaxIdentities = 100
)

// Get gives one worker: oneself, or for approvers and machines anyone. Another
// is a fault.NotFound, as if there were none.
func (d *Directory) Get(ctx context.Context, by identity.Principal, userID string) (worker.Worker, error) {
	if err := by.Require(identity.ReadTimesheets); err != nil {
		return worker.Worker{}, err
	}
	userID = d.userIDs.Canonical(userID)
	if !by.Sees(userID) {
		return worker.Worker{}, fault.New(fault.NotFound, "not_found", "There is no such worker, or you may not see them.")
	}
	return d.workers.Get(ctx, by.Organization, userID)
}

// List gives at most limit workers by user id, after the given one, and
// whether there are more. People who are no approvers find only themselves.
func (d *Directory) List(ctx context.Context, by identity.Principal, after string, limit int) (page []worker.Worker, more bool, err error) {
	if err := by.Require(identity.ReadTimesheets); err != nil {
		return nil, false, err
	}
	if by.IsPerson() && !by.Holds(identity.ApproveTimesheets) {
		self, err := d.workers.Get(ctx, by.Organization, by.ID)
		switch {
		case errors.Is(err, fault.NotFound), err == nil && after >= by.ID:
			return nil, false, nil
		case err != nil:
			return nil, false, err
		}
		return []worker.Worker{self}, false, nil
	}
	limit = min(limit, MaxPage)
	page, err = d.workers.List(ctx, by.Organization, after, limit+1)
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}

// Profile is what approvers say of a worker. It replaces what was said before.
type Profile struct {
	Kind       worker.Kind
	Name       string
	Email      string
	Identities []worker.Identity
	ActiveFrom timesheet.Day
	ActiveTo   timesheet.Day
}

// Expect is nil when a worker's present version (0: there is none) is one that
// the caller means.
type Expect func(version int) error

// Put stores the profile of a worker, who need not exist yet, and tells whether
// it created them. The same profile again changes nothing.
func (d *Directory) Put(ctx context.Context, by identity.Principal, userID string, p Profile, expect Expect) (w worker.Worker, created bool, err error) {
	if err := by.Require(identity.ApproveTimesheets); err != nil {
		return worker.Worker{}, false, err
	}
	userID = d.userIDs.Canonical(userID)
	if err := identity.CheckUserID(userID); err != nil {
		return worker.Worker{}, false, err
	}
	p.Email = worker.CanonicalEmail(p.Email)
	if wrong := p.check(); len(wrong) > 0 {
		f := fault.New(fault.Invalid, "invalid_worker", "The worker breaks a rule: see errors.")
		f.Fields = wrong
		return worker.Worker{}, false, f
	}
	w, err = d.workers.Put(ctx, by.Organization, userID, func(w worker.Worker) (worker.Worker, error) {
		created = w.Version == 0
		if expect != nil {
			if err := expect(w.Version); err != nil {
				return w, err
			}
		}
		next := worker.Worker{
			UserID: userID, Kind: p.Kind, Name: p.Name, Email: p.Email, Identities: p.Identities, ActiveFrom: p.ActiveFrom, ActiveTo: p.ActiveTo,
			Version: w.Version, CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt,
		}
		if w.Version > 0 && next.Same(w) {
			return w, nil
		}
		now := d.now().UTC().Truncate(time.Microsecond)
		if w.Version == 0 {
			next.CreatedAt = now
		}
		next.UpdatedAt = now
		next.Version++
		return next, nil
	})
	return w, created, err
}

func (p Profile) check() []fault.Field {
	var wrong []fault.Field
	add := func(pointer, code, text string) {
		wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Text: text})
	}
	if p.Kind != worker.Employee && p.Kind != worker.Contractor {
		add("/kind", "not_a_kind", "A worker is an employee or a contractor.")
	}
	if utf8.RuneCountInString(p.Name) > MaxName || !printable(p.Name) {
		add("/name", "length", "A name has at most 200 characters, none of them control characters.")
	}
	if local, domain, ok := strings.Cut(p.Email, "@"); p.Email != "" && (!ok || local == "" || domain == "" || strings.ContainsAny(domain, "@ ") || utf8.RuneCountInString(p.Email) > MaxEmail || !printable(p.Email)) {
		add("/email", "not_an_email", "Write the e-mail address as name@example.com.")
	}
	if len(p.Identities) > MaxIdentities {
		add("/identities", "too_many", "A worker has at most 100 identities.")
	}
	met := make(map[worker.Identity]bool)
	for _, i := range p.Identities {
		if err := timesheet.CheckSource(i.Source); err != nil {
			add("/identities", fault.Of(err).Code, fault.Of(err).Text)
		} else if i.ID == "" || utf8.RuneCountInString(i.ID) > 255 || !printable(i.ID) {
			add("/identities", "length", "The id of an identity has 1 to 255 characters, none of them control characters.")
		} else if met[i] {
			add("/identities", "duplicate", "Name each identity once.")
		}
		met[i] = true
	}
	if !p.ActiveFrom.IsZero() && !p.ActiveTo.IsZero() && p.ActiveTo.Before(p.ActiveFrom) {
		add("/active_to", "out_of_range", "active_to must not be before active_from.")
	}
	return wrong
}

// printable tells whether s is valid text without control characters.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}
