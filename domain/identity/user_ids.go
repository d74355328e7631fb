package identity

import (
	"strings"
	"unicode/utf8"

	"timesheets/domain/fault"
)

// SubjectClaim is the claim that names a person unless configured otherwise.
const SubjectClaim = "sub"

// MaxUserIDLength is the longest user id, in characters (not bytes).
const MaxUserIDLength = 255

// UserIDs is how one installation writes the user ids of people. Its zero
// value is UserIDsBy("").
type UserIDs struct{ claim string }

// UserIDsBy makes the rule for the claim that names people in tokens, byte for
// byte; "" is SubjectClaim.
func UserIDsBy(claim string) UserIDs {
	if claim == SubjectClaim {
		claim = ""
	}
	return UserIDs{claim}
}

// Claim is the name of the claim that holds a person's user id.
func (u UserIDs) Claim() string {
	if u.claim == "" {
		return SubjectClaim
	}
	return u.claim
}

// BySubject is true when people are named by SubjectClaim.
func (u UserIDs) BySubject() bool { return u.claim == "" }

// Canonical gives the one spelling of id under which it is stored and
// compared, wherever it comes from: a token, a request, an uploaded row. By
// another claim than the subject, what has exactly one "@" is an e-mail address
// and its letters A to Z become small; everything else stays byte for byte.
// Only those 26 letters fold: Unicode's rules would make two people one
// ("\u212aim@x.org", written with the Kelvin sign, would become kim@x.org).
// Canonical(Canonical(id)) is Canonical(id).
func (u UserIDs) Canonical(id string) string {
	if u.BySubject() || strings.Count(id, "@") != 1 {
		return id
	}
	folded := []byte(id)
	for i, c := range folded {
		if 'A' <= c && c <= 'Z' {
			folded[i] = c + ('a' - 'A')
		}
	}
	return string(folded)
}

// CheckUserID is nil for 1 to MaxUserIDLength characters of valid text.
func CheckUserID(id string) error {
	switch {
	case id == "":
		return fault.New(fault.Invalid, "required", "Name the worker by user_id.")
	case !utf8.ValidString(id):
		return fault.New(fault.Invalid, "not_utf8", "This is not valid UTF-8.")
	case utf8.RuneCountInString(id) > MaxUserIDLength:
		return fault.New(fault.Invalid, "length", "A user_id has at most %d characters.", MaxUserIDLength)
	case strings.ContainsRune(id, 0):
		return fault.New(fault.Invalid, "nul", "Text may not contain the NUL character.")
	}
	return nil
}
