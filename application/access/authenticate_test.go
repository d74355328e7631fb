package access_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"timesheets/application/access"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

const emailClaim = "https://api.exampleco.com/email"

// principal is what c stands for under config. The verifier is not asked.
func principal(t testing.TB, config access.Config, c access.Claims) (identity.Principal, error) {
	t.Helper()
	a, err := access.NewAuthenticator(nil, config)
	if err != nil {
		t.Fatal(err)
	}
	return a.Principal(c)
}

func isFault(t testing.TB, err error, kind fault.Kind, code string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Kind != kind || f.Code != code {
		t.Errorf("want %s %s, got: %v", kind, code, err)
	}
}

func TestAPrincipalIsWhatTheClaimsSay(t *testing.T) {
	t.Parallel()
	got, err := principal(t, access.Config{}, access.Claims{
		Issuer: "https://acme.eu.auth0.com/", Subject: "auth0|Ann", Client: "spa", Organization: "org_acme", Scope: "openid read:timesheets create:timesheets",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := identity.Principal{
		Kind: identity.Person, Issuer: "https://acme.eu.auth0.com/", Subject: "auth0|Ann", ID: "auth0|Ann",
		Organization: identity.DefaultOrganization, Scopes: []identity.Scope{identity.ReadTimesheets, identity.CreateTimesheets},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAMachineIsToldFromAPerson(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		claims access.Claims
		kind   identity.Kind
		id     string
	}{
		{"Auth0's machine", access.Claims{Subject: "job@clients", Client: "job", Grant: "client-credentials"}, identity.Machine, "job"},
		{"Auth0's machine without its grant", access.Claims{Subject: "job@clients", Client: "job"}, identity.Machine, "job"},
		{"Auth0's machine without its client", access.Claims{Subject: "job@clients", Grant: "client-credentials"}, identity.Machine, "job"},
		{"Auth0's machine without the suffix", access.Claims{Subject: "job", Client: "job", Grant: "client-credentials"}, identity.Machine, "job"},
		{"an agent", access.Claims{Subject: "agt_7", Client: "job", Grant: "client-credentials"}, identity.Machine, "job"},
		{"the machine of RFC 9068", access.Claims{Subject: "job", Client: "job"}, identity.Machine, "job"},
		{"a client with the suffix in its name", access.Claims{Subject: "x@clients", Client: "x@clients"}, identity.Machine, "x@clients"},
		{"a machine with a person's e-mail claim", access.Claims{Subject: "job@clients", Client: "job", Custom: map[string]any{emailClaim: "ann@x.org"}}, identity.Machine, "job"},
		{"Auth0's person", access.Claims{Subject: "auth0|ann", Client: "spa"}, identity.Person, "auth0|ann"},
		{"a person who gave a password", access.Claims{Subject: "auth0|ann", Client: "spa", Grant: "password"}, identity.Person, "auth0|ann"},
		{"a person whose token was refreshed", access.Claims{Subject: "auth0|ann", Client: "spa", Grant: "refresh_token"}, identity.Person, "auth0|ann"},
		{"a person of another issuer", access.Claims{Subject: "4711", Client: "spa"}, identity.Person, "4711"},
		{"a person without a client", access.Claims{Subject: "4711"}, identity.Person, "4711"},
		{"a person with the client's name as connection", access.Claims{Subject: "spa|spa", Client: "spa"}, identity.Person, "spa|spa"},
		{"a person with the grant of nobody", access.Claims{Subject: "ann", Client: "spa", Grant: "client_credentials"}, identity.Person, "ann"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := principal(t, access.Config{}, tt.claims)
			if err != nil || got.Kind != tt.kind || got.ID != tt.id || got.Subject != tt.claims.Subject {
				t.Errorf("got %+v, %v; want a %s with the id %q", got, err, tt.kind, tt.id)
			}
		})
	}
}

func TestATokenAtOddsWithItselfStandsForNobody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]access.Claims{
		"a person's grant, the client's subject":           {Subject: "job", Client: "job", Grant: "password"},
		"a refresh, the client's subject with its suffix":  {Subject: "job@clients", Client: "job", Grant: "refresh_token"},
		"the client credentials grant, a person's subject": {Subject: "auth0|ann", Client: "job", Grant: "client-credentials"},
		"the client credentials grant, another client":     {Subject: "admin@clients", Client: "job", Grant: "client-credentials"},
		"another client's subject":                         {Subject: "admin@clients", Client: "job"},
		"a client's subject without any other sign":        {Subject: "admin@clients"},
		"a client's subject with a person's grant":         {Subject: "admin@clients", Grant: "password"},
		"no subject":                           {Client: "job", Grant: "client-credentials"},
		"a subject with a zero byte":           {Subject: "a\x00b"},
		"a subject with the separator of keys": {Subject: "a\x1fb"},
		"a subject of 256 characters":          {Subject: strings.Repeat("\u00e4", 256)},
		"a subject that is not UTF-8":          {Subject: "\xff"},
		"a client with a line feed":            {Subject: "ann", Client: "a\nb"},
		"a client of 256 characters":           {Subject: "ann", Client: strings.Repeat("c", 256)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := principal(t, access.Config{}, c)
			isFault(t, err, fault.Unauthenticated, "invalid_token")
		})
	}
}

func TestOnlyWholeScopesOfOursCount(t *testing.T) {
	t.Parallel()
	for claim, want := range map[string][]identity.Scope{
		"":                                             nil,
		"openid email":                                 nil,
		"batch:upload":                                 {identity.BatchUpload},
		"  read:timesheets   batch:upload ":            {identity.ReadTimesheets, identity.BatchUpload},
		"read:timesheets read:timesheets":              {identity.ReadTimesheets},
		"read:timesheetss xread:timesheets":            nil,
		"READ:TIMESHEETS":                              nil,
		"read:timesheets\tbatch:upload":                nil,
		"read:timesheets,batch:upload":                 nil,
		"read:timesheets\nbatch:upload":                nil,
		"read:timesheets\u00a0batch:upload":            nil,
		"read:* batch:* *":                             nil,
		"delete:timesheets approve:timesheets create:": {identity.DeleteTimesheets, identity.ApproveTimesheets},
	} {
		p, err := principal(t, access.Config{}, access.Claims{
			Subject: "auth0|ann", Scope: claim, Custom: map[string]any{"permissions": nil, "Scope": "batch:upload"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p.Scopes); diff != "" {
			t.Errorf("%q (-want +got)\n%s", claim, diff)
		}
	}
}

func TestTheOrganizationComesFromTheTokenWhenItIsRequired(t *testing.T) {
	t.Parallel()
	required := access.Config{OrganizationsRequired: true}
	for _, tt := range []struct {
		name   string
		config access.Config
		claim  string
		want   identity.Organization
	}{
		{"off, none in the token", access.Config{}, "", identity.DefaultOrganization},
		{"off, one in the token", access.Config{}, "org_acme", identity.DefaultOrganization},
		{"required, one in the token", required, "org_acme", "org_acme"},
		{"required, in capitals", required, "ORG_Acme", "ORG_Acme"},
		{"required, none in the token", required, "", ""},
		{"required, a zero byte in it", required, "org\x00", ""},
		{"required, far too long", required, strings.Repeat("o", 256), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range []access.Claims{{Subject: "auth0|ann"}, {Subject: "job@clients", Client: "job"}} {
				c.Organization = tt.claim
				p, err := principal(t, tt.config, c)
				if p.Organization != tt.want {
					t.Errorf("got %q, %v", p.Organization, err)
				}
				if tt.want == "" {
					isFault(t, err, fault.Forbidden, "organization_required")
				}
			}
		})
	}
}

// However claims are put together, no person and no machine share a key, and a
// principal that comes out can be stored.
func TestNoClaimsMakeAPersonAndAMachineOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		word := rapid.SampledFrom([]string{"", "job", "job@clients", "admin", "admin@clients", "auth0|ann", "auth0|job", "@clients", "|"})
		grant := rapid.SampledFrom([]string{"", "client-credentials", "password", "refresh_token", "Client-Credentials"})
		draw := func(name string) (access.Claims, identity.Principal, error) {
			c := access.Claims{Issuer: "https://a/", Subject: word.Draw(rt, name+" sub"), Client: word.Draw(rt, name+" client"), Grant: grant.Draw(rt, name+" grant")}
			p, err := principal(t, access.Config{}, c)
			return c, p, err
		}
		c, p, err := draw("one")
		_, q, other := draw("other")
		if err != nil {
			isFault(t, err, fault.Unauthenticated, "invalid_token")
			return
		}
		if p.ID == "" || p.Subject != c.Subject || p.IsPerson() == p.IsMachine() {
			rt.Fatalf("%+v became %+v", c, p)
		}
		if p.IsPerson() && (c.Grant == "client-credentials" || c.Subject == c.Client || strings.HasSuffix(c.Subject, "@clients")) {
			rt.Fatalf("%+v passes for a person", c)
		}
		if p.IsMachine() && c.Grant == "password" {
			rt.Fatalf("%+v passes for a machine", c)
		}
		if other == nil && p.Kind != q.Kind && p.Key() == q.Key() {
			rt.Fatalf("%+v and %+v have one key", p, q)
		}
	})
}
