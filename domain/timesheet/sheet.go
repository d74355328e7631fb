package timesheet

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// WorkerWeek names a week of one worker.
type WorkerWeek struct {
	UserID string
	Week   Week
}

// WeekOf gives the week in which a content lies.
func WeekOf(c Content) WorkerWeek { return WorkerWeek{c.UserID, c.Day.Week()} }

// WeekState is how far a week is on its way to being paid.
type WeekState string

// A week is open until its worker submits it; then somebody else approves or
// rejects it. A rejected one is changed and submitted again.
const (
	WeekOpen      WeekState = "open"
	WeekSubmitted WeekState = "submitted"
	WeekApproved  WeekState = "approved"
	WeekRejected  WeekState = "rejected"
)

// ParseWeekState reads a state by its name.
func ParseWeekState(s string) (WeekState, error) {
	switch st := WeekState(s); st {
	case WeekOpen, WeekSubmitted, WeekApproved, WeekRejected:
		return st, nil
	}
	return "", fault.New(fault.Invalid, "not_a_state", "A week is open, submitted, approved or rejected.")
}

// WeekMove is what happened to a week.
type WeekMove string

// What can happen to a week. WasAmended is an accepted correction in an
// approved one.
const (
	WasSubmitted    WeekMove = "submitted"
	WasWithdrawn    WeekMove = "withdrawn"
	WasWeekApproved WeekMove = "approved"
	WasWeekRejected WeekMove = "rejected"
	WasReopened     WeekMove = "reopened"
	WasAmended      WeekMove = "amended"
)

// Move is one thing that happened to a week: what, when, by whom and why.
type Move struct {
	Kind   WeekMove
	At     time.Time
	By     string
	Reason string // of rejections and reopenings
	Seal   Seal   // what was approved, then or by the amendment; else zero
}

// Seal says what was approved, so that it can be proved later.
type Seal struct {
	Entries int
	Seconds int64
	Digest  WeekDigest
}

// WeekDigest stands for everything that a week's entries say.
type WeekDigest [sha256.Size]byte

// String gives the digest in hexadecimal digits.
func (d WeekDigest) String() string { return hex.EncodeToString(d[:]) }

// MaxWeekEntries bounds how many entries a week may have to be shown, approved,
// reopened or sealed: each is read, and changed in one transaction.
const MaxWeekEntries = 20_000

// MaxMoves bounds how many of its last moves are known of a week.
const MaxMoves = 1000

// TooManyEntries is the fault for a week with more than MaxWeekEntries.
func TooManyEntries(w Week) error {
	return fault.New(fault.Conflict, "too_many_entries", "The week %s has more than %d entries: make fewer of them at their source.", w, MaxWeekEntries)
}

// Sheet is a worker's week with its state. Its zero state is an open week to
// which nothing has happened.
type Sheet struct {
	Of      WorkerWeek
	State   WeekState
	Version int    // one more with each move, and with what an import changes in a submitted week
	Amended bool   // a correction was accepted since it was approved
	Seal    Seal   // what is approved; zero unless it is
	Moves   []Move // the last MaxMoves, oldest first; before them the arrival if it is none of them
}

// NewSheet gives the week to which nothing has happened yet.
func NewSheet(of WorkerWeek) Sheet { return Sheet{Of: of, State: WeekOpen} }

// LastMove gives what happened last; the zero Move if nothing did.
func (s Sheet) LastMove() Move {
	if len(s.Moves) == 0 {
		return Move{}
	}
	return s.Moves[len(s.Moves)-1]
}

// Arrival gives the move that brought the week into its state, which amendments
// do not; the zero Move if none did.
func (s Sheet) Arrival() Move {
	for _, m := range slices.Backward(s.Moves) {
		if m.Kind != WasAmended {
			return m
		}
	}
	return Move{}
}

// Submit hands the week in: open or rejected to submitted.
func (s Sheet) Submit(by string, now time.Time) (Sheet, error) {
	switch s.State {
	case WeekSubmitted:
		return s, nil
	case WeekApproved:
		return s, s.conflict("week_approved", "It is approved already. Ask an approver to reopen it.")
	case WeekOpen, WeekRejected:
	}
	return s.moved(WeekSubmitted, Move{Kind: WasSubmitted, At: now, By: by}), nil
}

// Withdraw takes the week back before anybody decided: submitted to open.
func (s Sheet) Withdraw(by string, now time.Time) (Sheet, error) {
	switch s.State {
	case WeekOpen:
		return s, nil
	case WeekApproved:
		return s, s.conflict("week_approved", "It is approved already. Ask an approver to reopen it.")
	case WeekRejected:
		return s, s.conflict("week_not_submitted", "It is not submitted: its entries can be changed as they are.")
	case WeekSubmitted:
	}
	return s.moved(WeekOpen, Move{Kind: WasWithdrawn, At: now, By: by}), nil
}

// Approve approves the week with all its live entries: submitted or open to
// approved. Of each entry that was pending it gives the state after it, in the
// order of entries; the others stay as they are. A rejected entry must be
// changed or deleted first. Nobody approves a week with an entry that they last
// changed by hand, be it approved already. removed says that by has taken an entry
// out of the week by hand that did not come back: they have changed the week.
func (s Sheet) Approve(by string, entries []Entry, removed bool, now time.Time) (Sheet, []Entry, error) {
	if err := s.decidable(by); err != nil {
		return s, nil, err
	}
	switch s.State {
	case WeekApproved:
		return s, nil, nil
	case WeekRejected:
		return s, nil, s.conflict("week_rejected", "It was rejected. Once its worker submits it again, it can be approved.")
	case WeekOpen, WeekSubmitted:
	}
	if removed {
		return s, nil, s.decidable(by, by)
	}
	var rejected []string
	var approved []Entry
	for _, e := range entries {
		if e.s.Status == Rejected {
			rejected = append(rejected, e.ID().String())
			continue
		}
		after, err := e.Approve(by, now)
		if err != nil {
			f := fault.Of(err)
			return s, nil, fault.New(f.Kind, f.Code, "The entry %s: %s", e.ID(), f.Text).With("entry_id", e.ID().String())
		}
		if after.s.Version != e.s.Version {
			approved = append(approved, after)
		}
	}
	if len(rejected) > 0 {
		some, more := rejected[:min(len(rejected), 10)], ""
		if len(rejected) > len(some) {
			more = " and others"
		}
		return s, nil, fault.New(fault.Conflict, "entry_rejected", "It has rejected entries: %s%s. Their worker changes or deletes them first.", strings.Join(some, ", "), more).
			With("entry_id", rejected[0])
	}
	s = s.moved(WeekApproved, Move{Kind: WasWeekApproved, At: now, By: by, Seal: SealOf(s.Of, entries)})
	s.Seal, s.Amended = s.LastMove().Seal, false
	return s, approved, nil
}

// Reject sends the week back for a reason of 1 to MaxReason characters:
// submitted to rejected. Its entries stay as they are.
func (s Sheet) Reject(by, reason string, now time.Time) (Sheet, error) {
	if err := s.decidable(by); err != nil {
		return s, err
	}
	if err := checkReason(reason, "a rejection"); err != nil {
		return s, err
	}
	switch s.State {
	case WeekRejected:
		return s, nil
	case WeekApproved:
		return s, s.conflict("week_approved", "It is approved already. Reopen it first.")
	case WeekOpen:
		return s, s.conflict("week_not_submitted", "It is not submitted: there is nothing to reject. Reject single entries, or wait until it is.")
	case WeekSubmitted:
	}
	return s.moved(WeekRejected, Move{Kind: WasWeekRejected, At: now, By: by, Reason: reason}), nil
}

// Reopen takes the approval back, for a reason of 1 to MaxReason characters:
// approved to open. Of each approved entry it gives the state after it, which
// is pending, in the order of entries.
func (s Sheet) Reopen(by, reason string, entries []Entry, now time.Time) (Sheet, []Entry, error) {
	if err := s.decidable(by); err != nil {
		return s, nil, err
	}
	if err := checkReason(reason, "a reopening"); err != nil {
		return s, nil, err
	}
	switch s.State {
	case WeekOpen:
		return s, nil, nil
	case WeekSubmitted, WeekRejected:
		return s, nil, s.conflict("week_not_approved", "Only an approved week is reopened: approve it first, reject it, or let its worker withdraw it.")
	case WeekApproved:
	}
	var pending []Entry
	for _, e := range entries {
		if e.s.Status == Approved {
			pending = append(pending, e.reopened(by, now))
		}
	}
	s = s.moved(WeekOpen, Move{Kind: WasReopened, At: now, By: by, Reason: reason})
	s.Seal, s.Amended = Seal{}, false
	return s, pending, nil
}

// Amend gives the approved week with what it holds after an accepted
// correction: entries are all its live entries then.
func (s Sheet) Amend(by string, entries []Entry, now time.Time) Sheet {
	s = s.moved(WeekApproved, Move{Kind: WasAmended, At: now, By: by, Seal: SealOf(s.Of, entries)})
	s.Seal, s.Amended = s.LastMove().Seal, true
	return s
}

func (s Sheet) decidable(by string, changedBy ...string) error {
	return identity.MayDecide(by, identity.OwnWeek, []string{s.Of.UserID}, changedBy...)
}

// CheckHand is nil when the week's entries may be changed by hand.
func (s WeekState) CheckHand(w Week) error {
	switch s {
	case WeekApproved:
		return fault.New(fault.Conflict, "week_approved", "The week %s is approved: nothing in it changes. Ask an approver to reopen it.", w)
	case WeekSubmitted:
		return fault.New(fault.Conflict, "withdraw_first", "The week %s is submitted. Withdraw it first, then change it.", w)
	case WeekOpen, WeekRejected:
	}
	return nil
}

// moved gives the week in its next state.
func (s Sheet) moved(to WeekState, m Move) Sheet {
	m.At = stamp(m.At)
	s.State, s.Version = to, s.Version+1
	s.Moves = append(slices.Clone(s.Moves), m)
	return s
}

// conflict says why a move cannot be made, and who brought the week into its
// state.
func (s Sheet) conflict(code, text string) error {
	f := fault.New(fault.Conflict, code, "The week %s is %s. %s", s.Of.Week, s.State, text)
	if m := s.Arrival(); m.Kind != "" {
		f.Text = "The week " + s.Of.Week.String() + " was " + string(m.Kind) + " by " + m.By + " at " + m.At.Format(time.RFC3339) + ". " + text
		f = f.With("by", m.By).With("at", m.At.Format(time.RFC3339Nano))
	}
	return f.With("state", string(s.State))
}

// Overtaken is the fault for who wanted to bring the week into the state that
// somebody else has brought it into meanwhile.
func (s Sheet) Overtaken() error {
	return s.conflict("overtaken", "Look at it again.")
}

// Tag tells apart any two states of the week that differ in a move or in an
// entry. entries are its live entries, in any order.
func (s Sheet) Tag(entries []Entry) string {
	var sum [8]byte
	for _, e := range entries {
		one := sha256.Sum256([]byte(e.ID().String() + " " + strconv.Itoa(e.s.Version)))
		for i := range sum {
			sum[i] ^= one[i]
		}
	}
	return strconv.Itoa(s.Version) + "-" + hex.EncodeToString(sum[:])
}

// checkReason is nil for a reason of 1 to MaxReason characters that can be kept.
func checkReason(reason, of string) error {
	if strings.TrimSpace(reason) == "" {
		return fault.InField("/reason", "required", "Say why: %s needs a reason.", of)
	}
	return CheckNote(reason)
}

// CheckNote is nil for a reason that may be empty, of at most MaxReason
// characters that can be kept.
func CheckNote(reason string) error {
	if utf8.RuneCountInString(reason) > MaxReason {
		return fault.InField("/reason", "length", "A reason has at most %d characters.", MaxReason)
	}
	if err := checkText(reason); err != nil {
		return fault.InField("/reason", fault.Of(err).Code, "%s", fault.Of(err).Text)
	}
	return nil
}

// SealOf gives the seal of a week whose live entries are given, in any order;
// those that do not count are no part of it.
//
// The digest is the SHA-256 of netstrings (D. J. Bernstein, 1997:
// "5:hello,"): "timesheets week 1", the user id, the week; then for each entry,
// by id in the order of its text: id, source, external id, date, seconds,
// project, task, description, billable ("true" or "false"), started_at (RFC
// 3339 in UTC with six decimals, or empty), time zone, the number of tags, and
// the tags in the order of their bytes. Everybody can compute it who has read
// the entries.
func SealOf(of WorkerWeek, entries []Entry) Seal {
	counted := slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return e.Counted() == 0 })
	slices.SortFunc(counted, func(a, b Entry) int { return strings.Compare(a.ID().String(), b.ID().String()) })
	var seal Seal
	sum := sha256.New()
	buf := make([]byte, 0, 512)
	write := func(fields ...string) {
		buf = buf[:0]
		for _, f := range fields {
			buf = strconv.AppendInt(buf, int64(len(f)), 10)
			buf = append(append(append(buf, ':'), f...), ',')
		}
		sum.Write(buf)
	}
	write("timesheets week 1", of.UserID, of.Week.String())
	for _, e := range counted {
		c := e.s.Content
		started := ""
		if !c.StartedAt.IsZero() {
			started = c.StartedAt.UTC().Format("2006-01-02T15:04:05.000000Z")
		}
		tags := slices.Compact(slices.Sorted(slices.Values(c.Tags)))
		write(e.ID().String(), e.s.Origin.Source, e.s.Origin.ExternalID, c.Day.String(), strconv.Itoa(c.Duration.Seconds()), c.Project, c.Task,
			c.Description, strconv.FormatBool(c.Billable), started, c.TimeZone, strconv.Itoa(len(tags)))
		write(tags...)
		seal.Entries++
		seal.Seconds += int64(c.Duration.Seconds())
	}
	sum.Sum(seal.Digest[:0])
	return seal
}
