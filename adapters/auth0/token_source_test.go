package auth0_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"timesheets/adapters/auth0"
	"timesheets/adapters/localissuer"
	"timesheets/domain/fault"
)

const clientSecret = "job-secret-that-nobody-may-read"

// bank is an issuer with a registered job, and a source of its tokens.
type bank struct {
	*world
	source *auth0.TokenSource
}

func newBank(t *testing.T, lifetime time.Duration, changes ...func(*auth0.SourceConfig)) *bank {
	t.Helper()
	b := &bank{world: coldWorld(t, func(o *localissuer.Options, _ *auth0.Config) {
		o.Lifetime = lifetime
		o.Clients = []localissuer.Client{
			{ID: "job", Secret: clientSecret, Scopes: []string{"batch:upload"}, Organizations: []string{"org_acme"}},
			{ID: "reader", Secret: clientSecret, Scopes: []string{"read:timesheets"}},
			{ID: "stranger", Secret: clientSecret},
			{ID: "disabled", Secret: clientSecret, Scopes: []string{"batch:upload"}, NoGrantType: true},
		}
	})}
	config := auth0.SourceConfig{
		TokenURL: auth0.TokenURL(b.URL()), ClientID: "job", ClientSecret: clientSecret, Audience: audience,
		Scopes: []string{"batch:upload"}, Now: b.clock.Now,
	}
	for _, change := range changes {
		change(&config)
	}
	var err error
	if b.source, err = auth0.NewTokenSource(config); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bank) token(t *testing.T) string {
	t.Helper()
	token, err := b.source.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// answers makes the token endpoint answer 200 with a body, to any request.
func (b *bank) answers(body string) { b.BreakTokens(localissuer.Answer(200, body)) }

func TestTheTokenOfTheJobIsAcceptedByTheAPI(t *testing.T) {
	t.Parallel()
	b := newBank(t, time.Hour, func(c *auth0.SourceConfig) { c.Organization = "org_acme" })
	claims, err := b.verifier.Verify(t.Context(), []byte(b.token(t)))
	if err != nil || claims.Client != "job" || claims.Scope != "batch:upload" || claims.Organization != "org_acme" {
		t.Errorf("got %+v, %v", claims, err)
	}
}

func TestTheRequestIsAFormWithTheCredentialsInItAndIsMadeOnce(t *testing.T) {
	t.Parallel()
	b := newBank(t, time.Hour, func(c *auth0.SourceConfig) { c.Organization = "org_acme" })
	var got string
	var authorization []string
	b.BreakTokens(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, authorization = string(body), r.Header["Authorization"]
		w.WriteHeader(http.StatusUnauthorized)
	}))
	if _, err := b.source.Token(t.Context()); err == nil {
		t.Fatal("no error")
	}
	want := "audience=https%3A%2F%2Fapi.exampleco.com%2Ftimesheets&client_id=job&client_secret=" + clientSecret +
		"&grant_type=client_credentials&organization=org_acme&scope=batch%3Aupload"
	if got != want || authorization != nil {
		t.Errorf("sent %q, authorization %q", got, authorization)
	}
	if n := b.TokenRequests(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestOneTokenServesAllWhoAsk(t *testing.T) {
	t.Parallel()
	b := newBank(t, time.Hour)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { b.token(t) })
	}
	all.Wait()
	b.token(t)
	if got := b.TokenRequests(); got != 1 {
		t.Errorf("%d requests", got)
	}
}

func TestATokenIsRenewedAMinuteBeforeItsEndWhileTheOldOneServes(t *testing.T) {
	t.Parallel()
	b := newBank(t, time.Hour)
	first := b.token(t)
	b.clock.Advance(59*time.Minute - 1)
	if b.token(t) != first || b.TokenRequests() != 1 {
		t.Error("it was renewed too early")
	}
	b.clock.Advance(1)
	eventually(t, "it is renewed", func() bool { return b.token(t) != first })
	if got := b.TokenRequests(); got != 2 {
		t.Errorf("%d requests", got)
	}
}

func TestAFailedRenewalLeavesTheOldTokenInUseToItsEnd(t *testing.T) {
	t.Parallel()
	b := newBank(t, time.Hour)
	first := b.token(t)
	b.BreakTokens(localissuer.Answer(503, ``))
	b.clock.Advance(59 * time.Minute)
	for n := range 5 { // an attempt every ten seconds
		eventually(t, "the issuer is asked", func() bool {
			if b.token(t) != first {
				t.Fatal("another token")
			}
			return b.TokenRequests() == 2+n
		})
		for range 30 { // long enough for another request, were one made
			b.token(t)
			if err := b.verifier.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.TokenRequests(); got != 2+n {
			t.Fatalf("%d requests after %d attempts", got, 1+n)
		}
		b.clock.Advance(10 * time.Second)
	}
	b.clock.Advance(10 * time.Second) // its end
	if _, err := b.source.Token(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestATokenThatDoesNotSayHowLongItLivesIsShortLived(t *testing.T) {
	t.Parallel()
	for name, life := range map[string]string{
		"absent": ``, "null": `,"expires_in":null`, "zero": `,"expires_in":0`, "negative": `,"expires_in":-5`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t, time.Hour)
			b.answers(`{"access_token":"abc","token_type":"Bearer"` + life + `}`)
			b.token(t)
			b.token(t)
			if got := b.TokenRequests(); got != 1 {
				t.Errorf("%d requests at once", got)
			}
			b.clock.Advance(time.Minute)
			b.token(t)
			if got := b.TokenRequests(); got != 2 {
				t.Errorf("%d requests after a minute", got)
			}
		})
	}
}

func TestARefusedTokenIsReplacedAndOnlyThatOne(t *testing.T) {
	t.Parallel()
	b := newBank(t, time.Hour)
	first := b.token(t)
	b.clock.Advance(time.Second)
	b.source.Invalidate(first)
	second := b.token(t)
	if second == first {
		t.Fatal("the same token")
	}
	b.source.Invalidate(first) // by another worker, later
	if b.token(t) != second || b.TokenRequests() != 2 {
		t.Error("the new token was thrown away")
	}
}

func TestARefusalSaysWhetherTryingAgainMakesSense(t *testing.T) {
	t.Parallel()
	as := func(id string) func(*auth0.SourceConfig) { return func(c *auth0.SourceConfig) { c.ClientID = id } }
	same := func(*auth0.SourceConfig) {}
	for _, tt := range []struct {
		name   string
		config func(*auth0.SourceConfig)
		answer http.Handler
		kind   fault.Kind
		code   string
	}{
		{"an unknown client", as("nobody"), nil, fault.Unauthenticated, "client_refused"},
		{"a wrong secret", func(c *auth0.SourceConfig) { c.ClientSecret = "wrong" }, nil, fault.Unauthenticated, "client_refused"},
		{"Auth0's other body for it", same, localissuer.Answer(401, `{"error":"invalid_client","error_description":"Client authentication failed"}`), fault.Unauthenticated, "client_refused"},
		{"the grant type is switched off", as("disabled"), nil, fault.Forbidden, "client_not_allowed"},
		{"no grant for the API", as("stranger"), nil, fault.Forbidden, "client_not_allowed"},
		{"an unknown audience", func(c *auth0.SourceConfig) { c.Audience = "https://other" }, nil, fault.Forbidden, "client_not_allowed"},
		{"an organization of others", func(c *auth0.SourceConfig) { c.Organization = "org_other" }, nil, fault.Forbidden, "client_not_allowed"},
		{"another scope was granted", as("reader"), nil, fault.Forbidden, "scope_not_granted"},
		{"a longer scope was granted", same, localissuer.Answer(200, `{"access_token":"abc","token_type":"Bearer","scope":"batch:uploads"}`), fault.Forbidden, "scope_not_granted"},
		{"no scope was granted", same, localissuer.Answer(200, `{"access_token":"abc","token_type":"Bearer","scope":""}`), fault.Forbidden, "scope_not_granted"},
		{"a denial by the tenant's code", same, localissuer.Answer(400, `{"error":"invalid_scope"}`), fault.Invalid, "token_request_refused"},
		{"not found", same, localissuer.Answer(404, `Not Found`), fault.Invalid, "token_request_refused"},
		{"a redirect", same, localissuer.Redirect("https://evil.example/"), fault.Invalid, "token_request_refused"},
		{"an error with status 200", same, localissuer.Answer(200, `{"error":"access_denied"}`), fault.Invalid, "token_request_refused"},
		{"out of order", same, localissuer.Answer(500, `{"error":"server_error"}`), fault.Unavailable, "issuer_unavailable"},
		{"a gateway's page", same, localissuer.Answer(502, `<html>`, "Content-Type", "text/html"), fault.Unavailable, "issuer_unavailable"},
		{"a page with status 200", same, localissuer.Answer(200, `<html>`, "Content-Type", "text/html"), fault.Unavailable, "issuer_unavailable"},
		{"an empty answer", same, localissuer.Answer(200, ``), fault.Unavailable, "issuer_unavailable"},
		{"no token", same, localissuer.Answer(200, `{"token_type":"Bearer"}`), fault.Unavailable, "issuer_unavailable"},
		{"a token with a line feed", same, localissuer.Answer(200, `{"access_token":"a\nb","token_type":"Bearer"}`), fault.Unavailable, "issuer_unavailable"},
		{"a token of another type", same, localissuer.Answer(200, `{"access_token":"abc","token_type":"DPoP"}`), fault.Unavailable, "issuer_unavailable"},
		{"a token that fits no header", same, localissuer.Answer(200, `{"access_token":"`+strings.Repeat("a", 13000)+`","token_type":"Bearer"}`), fault.Unavailable, "issuer_unavailable"},
		{"100 MB", same, localissuer.Huge(100 << 20), fault.Unavailable, "issuer_unavailable"},
		{"a token in 100 kB", same, localissuer.Answer(200, `{"access_token":"abc","token_type":"Bearer","padding":"`+strings.Repeat("x", 100_000)+`"}`), fault.Unavailable, "issuer_unavailable"},
		{"no answer", func(c *auth0.SourceConfig) { c.Timeout = 20 * time.Millisecond }, localissuer.Hang(), fault.Unavailable, "issuer_unavailable"},
		{"nobody listens", func(c *auth0.SourceConfig) { c.TokenURL = "http://127.0.0.1:1/" }, nil, fault.Unavailable, "issuer_unavailable"},
		{"the quota is used up", same, localissuer.RateLimited(3600), fault.Exhausted, "token_quota_exhausted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t, time.Hour, tt.config)
			b.BreakTokens(tt.answer)
			token, err := b.source.Token(t.Context())
			if token != "" {
				t.Errorf("got the token %q", token)
			}
			f := fault.Of(err)
			if f == nil || f.Kind != tt.kind || f.Code != tt.code {
				t.Fatalf("want %s %s, got: %v", tt.kind, tt.code, err)
			}
			if strings.Contains(err.Error(), clientSecret) {
				t.Errorf("it tells the secret: %v", err)
			}
		})
	}
}

func TestTheIssuersWishToWaitIsReportedAndKept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		header []string
		want   time.Duration
	}{
		{"429 with seconds", 429, []string{"Retry-After", "120"}, 2 * time.Minute},
		{"429 with a date", 429, []string{"Retry-After", "Sat, 21 Nov 2026 09:10:00 GMT"}, 10 * time.Minute},
		{"429 with Auth0's reset", 429, []string{"X-RateLimit-Reset", "1795251630"}, 30 * time.Second},
		{"429 with nothing", 429, nil, 5 * time.Second},
		{"429 with nonsense", 429, []string{"Retry-After", "soon"}, 5 * time.Second},
		{"429 with the past", 429, []string{"Retry-After", "-7"}, 5 * time.Second},
		{"429 with a year", 429, []string{"Retry-After", "31536000"}, 24 * time.Hour},
		{"503 with seconds", 503, []string{"Retry-After", "7"}, 7 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t, time.Hour)
			b.BreakTokens(localissuer.Answer(tt.status, `{"error":"too_many_requests"}`, tt.header...))
			_, err := b.source.Token(t.Context())
			if f := fault.Of(err); f == nil || f.RetryAfter != tt.want {
				t.Fatalf("want %s, got %v", tt.want, err)
			}
			b.BreakTokens(nil)
			b.clock.Advance(tt.want - time.Second)
			_, err = b.source.Token(t.Context())
			if f := fault.Of(err); f == nil || f.RetryAfter != time.Second || b.TokenRequests() != 1 {
				t.Errorf("a second early: %v after %d requests", err, b.TokenRequests())
			}
			b.clock.Advance(time.Second)
			b.token(t)
		})
	}
}

func TestWhoGivesUpWaitingDoesNotSpoilTheRequestForOthers(t *testing.T) {
	t.Parallel()
	b := newBank(t, time.Hour)
	arrived, release := make(chan struct{}), make(chan struct{})
	b.BreakTokens(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"access_token":"abc","token_type":"Bearer","expires_in":60}`))
	}))
	impatient, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, err := b.source.Token(impatient)
		gaveUp <- err
	}()
	<-arrived
	cancel()
	if err := <-gaveUp; !errors.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	if b.token(t) != "abc" || b.TokenRequests() != 1 {
		t.Error("the request was not shared")
	}
}

func TestASourceRefusesAConfigurationThatMakesNoSense(t *testing.T) {
	t.Parallel()
	good := auth0.SourceConfig{TokenURL: "https://acme.eu.auth0.com/oauth/token", ClientID: "a", ClientSecret: "b", Audience: "c", Now: newClock().Now}
	for name, change := range map[string]func(*auth0.SourceConfig){
		"plain http":      func(c *auth0.SourceConfig) { c.TokenURL = "http://acme.eu.auth0.com/oauth/token" },
		"no client id":    func(c *auth0.SourceConfig) { c.ClientID = "" },
		"no secret":       func(c *auth0.SourceConfig) { c.ClientSecret = "" },
		"no audience":     func(c *auth0.SourceConfig) { c.Audience = "" },
		"user in the URL": func(c *auth0.SourceConfig) { c.TokenURL = "https://u:p@acme.eu.auth0.com/oauth/token" },
	} {
		config := good
		change(&config)
		if _, err := auth0.NewTokenSource(config); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := auth0.NewTokenSource(good); err != nil {
		t.Error(err)
	}
}
