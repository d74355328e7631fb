package faults

import (
	"net/http"
	"testing"
	"time"

	"timesheets/adapters/localissuer"
	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

// newIssuer starts an issuer that the test may break.
func newIssuer(t *testing.T) *localissuer.Issuer {
	t.Helper()
	issuer, err := localissuer.Start(apitest.IssuerOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	return issuer
}

func person(name string) localissuer.Person {
	return localissuer.Person{Subject: name, Scopes: []string{"read:timesheets"}}
}

func TestTokensAreAcceptedWhileTheIssuersKeysCannotBeHad(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	api := apitest.Start(t, pgtest.Database(t), apitest.Settings{"AUTH0_ISSUER_URL": issuer.URL()})
	known := api.As(issuer.PersonToken(person("ann")))
	known.Get(t, "/v1/timesheets").Is(t, 200)
	for name, trouble := range map[string]http.Handler{
		"an error": localissuer.Answer(500, "oops"), "no keys": localissuer.Answer(200, `{"keys":[]}`), "no JSON": localissuer.Answer(200, "<html>"),
		"a redirect": localissuer.Redirect("http://127.0.0.1:1/"), "too much": localissuer.Huge(64 << 20),
	} {
		issuer.BreakKeys(trouble)
		header := issuer.Header()
		header["kid"] = name // makes the API ask for the keys, once in a while
		if got := api.As(issuer.Sign(header, issuer.PersonClaims(person("ann")))).Get(t, "/v1/timesheets"); got.Status != 503 && got.Status != 401 {
			t.Errorf("%s: a token of an unknown key got %d %s", name, got.Status, got.Body)
		}
		known.Get(t, "/v1/timesheets").Is(t, 200)
		api.As(issuer.PersonToken(person("new since"))).Get(t, "/v1/timesheets").Is(t, 200)
		api.As("").Get(t, "/readyz").Is(t, 200)
	}
	if issuer.KeyRequests() > 3 {
		t.Errorf("the issuer was asked %d times", issuer.KeyRequests())
	}
}

func TestWithoutKeysNoTokenIsJudgedAndTheAPIIsNotReady(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]http.Handler{
		"an error": localissuer.Answer(503, "oops"), "no answer": localissuer.Hang(), "no keys": localissuer.Answer(200, `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := newIssuer(t)
			issuer.BreakKeys(trouble)
			api := apitest.Launch(t, pgtest.Database(t), apitest.Settings{"AUTH0_ISSUER_URL": issuer.URL()})
			api.As("").Get(t, "/healthz").Is(t, 200)
			if p := api.As("").Get(t, "/readyz").Is(t, 503).Problem(t); p.NotReady != "signing keys" {
				t.Errorf("not ready for want of %q", p.NotReady)
			}
			ann := api.As(issuer.PersonToken(person("ann")))
			ann.Get(t, "/v1/timesheets").IsProblem(t, 503, "signing_keys_unavailable")
			api.As("").Get(t, "/v1/timesheets").IsProblem(t, 401, "unauthenticated")
			said := func(message string) func() bool { return func() bool { return api.Said(message) == 1 } }
			if !apitest.Eventually(t, time.Minute, said("the signing keys cannot be renewed")) {
				t.Error("the log does not say once that there are no keys")
			}
			issuer.BreakKeys(nil)
			api.AwaitReady(t)
			ann.Get(t, "/v1/timesheets").Is(t, 200)
			if !apitest.Eventually(t, time.Minute, said("the signing keys can be renewed again")) {
				t.Error("the log does not say once that there are keys again")
			}
			if !said("the signing keys cannot be renewed")() {
				t.Error("the log says again and again that there are no keys")
			}
		})
	}
}
