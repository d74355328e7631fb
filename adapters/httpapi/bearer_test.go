package httpapi

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

const (
	where  = `resource_metadata="https://api.exampleco.com/.well-known/oauth-protected-resource/timesheets"`
	wanted = `scope="read:timesheets"`
)

func TestTokensAreReadAsRFC6750Says(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), things()...)
	const (
		bare      = `Bearer realm="timesheets", ` + wanted + `, ` + where
		malformed = `Bearer realm="timesheets", error="invalid_request", ` + `error_description="The header field Authorization is `
		refused   = `Bearer realm="timesheets", error="invalid_token", error_description="The token is expired.", ` + wanted + `, ` + where
	)
	for _, tt := range []struct {
		name      string
		path      string
		fields    []string
		status    int
		code      string
		challenge string
	}{
		{"no credentials", "", nil, 401, "unauthenticated", bare},
		{"an empty field", "", []string{""}, 401, "unauthenticated", bare},
		{"another scheme", "", []string{"Basic YTpi"}, 401, "unauthenticated", bare},
		{"a scheme that only begins like ours", "", []string{"Bearers ann"}, 401, "unauthenticated", bare},
		{"a token without a scheme", "", []string{"ann"}, 401, "unauthenticated", bare},
		{"a token in the query", "?access_token=ann", nil, 401, "unauthenticated", bare},
		{"no token", "", []string{"Bearer"}, 400, "invalid_request", malformed},
		{"blanks for a token", "", []string{"Bearer   "}, 400, "invalid_request", malformed},
		{"two tokens", "", []string{"Bearer ann ann"}, 400, "invalid_request", malformed},
		{"a list of tokens", "", []string{"Bearer ann, Bearer ann"}, 400, "invalid_request", malformed},
		{"a comma", "", []string{"Bearer ann,"}, 400, "invalid_request", malformed},
		{"a tab before the token", "", []string{"Bearer \tann"}, 400, "invalid_request", malformed},
		{"quotes", "", []string{`Bearer "ann"`}, 400, "invalid_request", malformed},
		{"equals signs alone", "", []string{"Bearer =="}, 400, "invalid_request", malformed},
		{"an equals sign in the middle", "", []string{"Bearer a=b"}, 400, "invalid_request", malformed},
		{"bytes above ASCII", "", []string{"Bearer \xff\xfe"}, 400, "invalid_request", malformed},
		{"two fields", "", []string{"Bearer ann", "Bearer ann"}, 400, "invalid_request", malformed},
		{"two fields, the second of another scheme", "", []string{"Bearer ann", "Basic YTpi"}, 400, "invalid_request", malformed},
		{"every kind of character that a token may have", "", []string{"Bearer azAZ09-._~+/=="}, 401, "invalid_token", refused},
		{"a token that proves nothing", "", []string{"Bearer expired"}, 401, "invalid_token", refused},
		{"a token that no longer proves anything, in the query too", "?access_token=ann", []string{"Bearer expired"}, 401, "invalid_token", refused},
		{"keys that cannot be had", "", []string{"Bearer outage"}, 503, "signing_keys_unavailable", ""},
		{"ours", "", []string{"Bearer ann"}, 204, "", ""},
		{"the scheme in other letters", "", []string{"bEARER ann"}, 204, "", ""},
		{"more blanks", "", []string{"Bearer    ann"}, 204, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			request := "GET /v1/things" + tt.path + " HTTP/1.1\r\nHost: a\r\n"
			for _, field := range tt.fields {
				request += "Authorization: " + field + "\r\n"
			}
			got, _ := r.raw(t, request+"\r\n", false)
			if got.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", got.StatusCode, tt.status, got.body)
			}
			if challenge := got.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, tt.challenge) || tt.challenge == "" && challenge != "" {
				t.Errorf("challenge %q, want %q", challenge, tt.challenge)
			}
			if got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", got.Header.Get("Cache-Control"))
			}
			if tt.code != "" {
				if p := got.problem(t); p.Code != tt.code {
					t.Errorf("code %s, want %s", p.Code, tt.code)
				}
			}
		})
	}
}

func TestAForbiddenRequestIsToldWhichScopeWouldHelpIfOneWould(t *testing.T) {
	t.Parallel()
	rule := fault.New(fault.Forbidden, "own_entry", "Nobody decides about their own hours.")
	r := serving(t, configured(),
		route{"POST", "/approve", []identity.Scope{identity.ApproveTimesheets}, jsonOnly, nothing},
		route{"POST", "/either", []identity.Scope{identity.BatchUpload, identity.ApproveTimesheets}, jsonOnly, nothing},
		readable("/rule", func(context.Context, identity.Principal, *fiber.Ctx) error { return fmt.Errorf("decide: %w", rule) }))
	for _, tt := range []struct{ method, path, token, code, challenge string }{
		{"POST", "/v1/approve", "ann", "insufficient_scope", `Bearer realm="timesheets", error="insufficient_scope", error_description="This needs the scope approve:timesheets. Ask for a token that has it.", scope="approve:timesheets", ` + where},
		{"POST", "/v1/approve", "machine", "persons_only", `Bearer realm="timesheets", error="insufficient_scope", error_description="Approving is for persons only: use the token of a person who logged in.", scope="approve:timesheets", ` + where},
		{"POST", "/v1/either", "ann", "insufficient_scope", `Bearer realm="timesheets", error="insufficient_scope", error_description="This needs the scope batch:upload or approve:timesheets. Ask for a token that has it.", scope="batch:upload approve:timesheets", ` + where},
		{"GET", "/v1/rule", "ann", "own_entry", `Bearer realm="timesheets", ` + where},
		{"GET", "/v1/rule", "unnamed", "user_id_claim_missing", `Bearer realm="timesheets", ` + where},
	} {
		got := r.call(t, tt.method, tt.path, tt.token, "")
		if p := got.problem(t); got.StatusCode != 403 || p.Code != tt.code {
			t.Errorf("%s as %s: %d, %+v", tt.path, tt.token, got.StatusCode, p)
		}
		if challenge := got.Header.Get("WWW-Authenticate"); challenge != tt.challenge {
			t.Errorf("%s as %s: challenge\n%s, want\n%s", tt.path, tt.token, challenge, tt.challenge)
		}
	}
}

func TestTheTokenComesBeforeScopeAndScopeBeforeContent(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), uploads())
	for _, tt := range []struct {
		name, token, body string
		header            []string
		status            int
	}{
		{"all is wrong", "", "{", []string{"Content-Type", "text/plain", "Accept", "image/png"}, 401},
		{"but for the token", "ann", "{", []string{"Content-Type", "text/plain", "Accept", "image/png"}, 403},
		{"but for the scope", "machine", "{", []string{"Content-Type", "text/plain", "Accept", "image/png"}, 406},
		{"but for Accept", "machine", "{", []string{"Content-Type", "text/plain"}, 415},
	} {
		if got := r.call(t, "POST", "/v1/timesheets/upload", tt.token, tt.body, tt.header...); got.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, got.StatusCode, tt.status)
		}
	}
}

func TestThePrincipalOfARequestIsThatOfItsToken(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), readable("/me", func(_ context.Context, by identity.Principal, c *fiber.Ctx) error {
		return answer(c, fiber.StatusOK, by.ID)
	}))
	conn := r.dial(t)
	for _, tt := range [][2]string{{"ann", `"ann@exampleco.com"`}, {"machine", `"job"`}, {"ann", `"ann@exampleco.com"`}} {
		got, _ := sendOn(t, conn, "GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "+tt[0]+"\r\n\r\n")
		if string(got.body) != tt[1] {
			t.Errorf("%s is %s", tt[0], got.body)
		}
	}
}
