package access_test

import (
	"strings"
	"testing"

	"timesheets/application/access"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

func by(claim string) access.Config { return access.Config{UserIDs: identity.UserIDsBy(claim)} }

func TestAPersonIsNamedByTheConfiguredClaim(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		claim  string
		custom map[string]any
		want   string
	}{
		{"sub", "sub", map[string]any{emailClaim: "other@x.org", "email_verified": false}, "auth0|Ann"},
		{"an e-mail address", emailClaim, map[string]any{emailClaim: "Ann@Example.ORG"}, "ann@example.org"},
		{"a verified e-mail address", emailClaim, map[string]any{emailClaim: "ann@x.org", "email_verified": true}, "ann@x.org"},
		{"one that is verified in words", emailClaim, map[string]any{emailClaim: "ann@x.org", emailClaim + "_verified": "true"}, "ann@x.org"},
		{"a number of the personnel office, as text", "https://x/staff", map[string]any{"https://x/staff": "A-4711"}, "A-4711"},
		{"such a number beside an address that is not verified", "https://x/staff", map[string]any{"https://x/staff": "A-4711", "email_verified": false}, "A-4711"},
		{"255 characters", "n", map[string]any{"n": strings.Repeat("\u00e4", 255)}, strings.Repeat("\u00e4", 255)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := principal(t, by(tt.claim), access.Claims{Subject: "auth0|Ann", Client: "spa", Custom: tt.custom})
			if err != nil || p.ID != tt.want || p.Subject != "auth0|Ann" {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
}

func TestAPersonWithoutAGoodUserIDIsForbidden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		claim  string
		custom map[string]any
		code   string
	}{
		{"no claims", emailClaim, nil, "user_id_claim_missing"},
		{"other claims", emailClaim, map[string]any{"email": "ann@x.org"}, "user_id_claim_missing"},
		{"in other letters", "email", map[string]any{"Email": "ann@x.org"}, "user_id_claim_missing"},
		{"empty", emailClaim, map[string]any{emailClaim: ""}, "user_id_claim_missing"},
		{"not text", emailClaim, map[string]any{emailClaim: nil}, "user_id_claim_invalid"},
		{"true", emailClaim, map[string]any{emailClaim: true}, "user_id_claim_invalid"},
		{"256 characters", "n", map[string]any{"n": strings.Repeat("x", 256)}, "user_id_claim_invalid"},
		{"a zero byte", "n", map[string]any{"n": "a\x00b"}, "user_id_claim_invalid"},
		{"a line feed", "n", map[string]any{"n": "a\nb"}, "user_id_claim_invalid"},
		{"not verified", emailClaim, map[string]any{emailClaim: "ann@x.org", "email_verified": false}, "email_not_verified"},
		{"not verified, by the same namespace", emailClaim, map[string]any{emailClaim: "ann@x.org", emailClaim + "_verified": false}, "email_not_verified"},
		{"verified once and once not", emailClaim, map[string]any{emailClaim: "ann@x.org", emailClaim + "_verified": true, "email_verified": false}, "email_not_verified"},
		{"not verified, in words", "email", map[string]any{"email": "ann@x.org", "email_verified": "false"}, "email_not_verified"},
		{"not verified, in a claim for addresses that holds none", "email", map[string]any{"email": "Ann", "email_verified": false}, "email_not_verified"},
		{"verified by a number", "email", map[string]any{"email": "ann@x.org", "email_verified": nil}, "email_not_verified"},
		{"an address that is not verified under another name", "n", map[string]any{"n": "ann@x.org", "email_verified": false}, "email_not_verified"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := principal(t, by(tt.claim), access.Claims{Subject: "auth0|ann", Client: "spa", Custom: tt.custom})
			isFault(t, err, fault.Forbidden, tt.code)
			for _, value := range tt.custom {
				if s, ok := value.(string); ok && len(s) > 1 && err != nil && s != "false" && strings.Contains(err.Error(), s) {
					t.Errorf("the error repeats what stood in the token: %v", err)
				}
			}
		})
	}
}

func TestAMachineNeedsNoUserIDClaim(t *testing.T) {
	t.Parallel()
	p, err := principal(t, by(emailClaim), access.Claims{Subject: "Job@clients", Client: "Job", Grant: "client-credentials"})
	if err != nil || p.ID != "Job" || !p.IsMachine() {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestAClaimThatNamesNobodyIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	for _, claim := range []string{"iss", "aud", "exp", "nbf", "iat", "jti", "azp", "client_id", "gty", "scope", "org_id", "cnf"} {
		_, err := access.NewAuthenticator(nil, by(claim))
		isFault(t, err, fault.Invalid, "user_id_claim_unusable")
	}
}
