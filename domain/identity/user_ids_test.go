package identity_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"timesheets/domain/identity"
)

const emailClaim = "https://api.exampleco.com/email"

func TestAUserIDHasOneSpelling(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, claim, given, want string }{
		{"a subject stays as it is", "", "auth0|Ann@Example.ORG", "auth0|Ann@Example.ORG"},
		{"also when sub is configured by name", "sub", "Ann@Example.ORG", "Ann@Example.ORG"},
		{"an e-mail address becomes small", emailClaim, "Ann@Example.ORG", "ann@example.org"},
		{"without @ it stays as it is", emailClaim, "Ann", "Ann"},
		{"with two @ it stays as it is", emailClaim, "Ann@Acme@Example.ORG", "Ann@Acme@Example.ORG"},
		{"blanks stay", emailClaim, " Ann@X ", " ann@x "},
		{"a Kelvin sign stays", emailClaim, "bac\u212a@x.org", "bac\u212a@x.org"},
		{"a dotted capital I stays", emailClaim, "\u0130pek@x.org", "\u0130pek@x.org"},
		{"a capital umlaut stays", emailClaim, "\u00c4@X", "\u00c4@x"},
		{"bytes that are no text stay", emailClaim, "\xffA@B", "\xffa@b"},
		{"nothing stays nothing", emailClaim, "", ""},
	} {
		if got := identity.UserIDsBy(tt.claim).Canonical(tt.given); got != tt.want {
			t.Errorf("%s: %q became %q, want %q", tt.name, tt.given, got, tt.want)
		}
	}
}

func TestTheClaimOfUserIDsIsSubUnlessConfigured(t *testing.T) {
	t.Parallel()
	for claim, want := range map[string]string{"": "sub", "sub": "sub", "Sub": "Sub", emailClaim: emailClaim} {
		rule := identity.UserIDsBy(claim)
		if rule.Claim() != want || rule.BySubject() != (want == "sub") {
			t.Errorf("%q: got %q, %t", claim, rule.Claim(), rule.BySubject())
		}
	}
	if (identity.UserIDs{}) != identity.UserIDsBy("sub") {
		t.Error("the zero value is another rule")
	}
}

func TestASpellingIsFinalAndChangesNoLength(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := identity.UserIDsBy(rapid.SampledFrom([]string{"", emailClaim}).Draw(t, "claim"))
		id := rapid.StringMatching(`[a-zA-Z@|.\x{212a}\x{0130}\x{00df}]{0,20}`).Draw(t, "id")
		once := rule.Canonical(id)
		if twice := rule.Canonical(once); twice != once {
			t.Fatalf("%q became %q, then %q", id, once, twice)
		}
		if len(once) != len(id) || utf8.RuneCountInString(once) != utf8.RuneCountInString(id) || !strings.EqualFold(once, id) {
			t.Fatalf("%q became %q", id, once)
		}
	})
}
