package auth0_test

import (
	"errors"
	"regexp"
	"testing"

	"timesheets/adapters/auth0"
	"timesheets/application/access"
	"timesheets/domain/fault"
)

// hostile is a token that must be refused, and for what reason. Unless its
// name says otherwise it differs from a good token in one thing only, and its
// signature is good.
type hostile struct {
	name  string
	token forge
	want  auth0.Reason
}

// contradictory stands for a token whose claims are proven and say two things
// at once: it has no auth0.Reason, since package access refuses it.
const contradictory auth0.Reason = "contradictory"

// safeText is what RFC 6750, section 3, lets stand in an error_description.
var safeText = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]{10,}$`)

func refuseAll(t *testing.T, w *world, tokens []hostile) {
	t.Helper()
	authenticator, err := access.NewAuthenticator(w.verifier, access.Config{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, tt := range tokens {
		if seen[tt.name] {
			t.Errorf("two cases are called %q", tt.name)
		}
		seen[tt.name] = true
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			principal, err := authenticator.Authenticate(t.Context(), []byte(tt.token(w)))
			f := fault.Of(err)
			if f == nil {
				t.Fatalf("accepted, as %+v", principal)
			}
			if f.Kind != fault.Unauthenticated || f.Code != "invalid_token" {
				t.Errorf("want invalid_token, got: %v", err)
			}
			got, ok := errors.AsType[auth0.Reason](err)
			if !ok {
				got = contradictory
			}
			if got != tt.want {
				t.Errorf("refused for %q, want %q", got, tt.want)
			}
			if !safeText.MatchString(f.Text) {
				t.Errorf("the client would read %q", f.Text)
			}
		})
	}
}

func TestNoHostileFormIsAccepted(t *testing.T) {
	t.Parallel()
	refuseAll(t, newWorld(t), hostileForms())
}

func TestNoHostileHeaderIsAccepted(t *testing.T) {
	t.Parallel()
	refuseAll(t, newWorld(t), hostileHeaders())
}

func TestNoHostileSignatureIsAccepted(t *testing.T) {
	t.Parallel()
	refuseAll(t, newWorld(t), hostileSignatures())
}

func TestNoHostileJSONIsAcceptedAsClaims(t *testing.T) {
	t.Parallel()
	refuseAll(t, newWorld(t), hostileJSON())
}

func TestNoHostileTimeIsAccepted(t *testing.T) {
	t.Parallel()
	refuseAll(t, newWorld(t), hostileTimes())
}

func TestNoHostileClaimIsAccepted(t *testing.T) {
	t.Parallel()
	refuseAll(t, newWorld(t), hostileClaims())
}

func TestTheHostileTokensAreManyAndTheirNamesTellThemApart(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, table := range [][]hostile{
		hostileForms(), hostileHeaders(), hostileSignatures(), hostileJSON(), hostileTimes(), hostileClaims(),
		hostileInRFC9068(), hostileInPS256(), hostileInHS256(),
	} {
		for _, tt := range table {
			if names[tt.name] {
				t.Errorf("two cases are called %q", tt.name)
			}
			names[tt.name] = true
		}
	}
	if len(names) < 250 {
		t.Errorf("only %d cases", len(names))
	}
}
