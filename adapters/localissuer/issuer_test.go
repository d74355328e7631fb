package localissuer_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/adapters/localissuer"
)

const audience = "https://api.exampleco.com/timesheets"

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

var keyPairs = sync.OnceValue(func() []*rsa.PrivateKey {
	keys := make([]*rsa.PrivateKey, 3)
	for n := range keys {
		keys[n], _ = rsa.GenerateKey(rand.Reader, 2048)
	}
	return keys
})

func start(t *testing.T, change func(*localissuer.Options)) *localissuer.Issuer {
	t.Helper()
	options := localissuer.Options{
		Audience: audience, EmailClaim: "https://api.exampleco.com/email", Keys: keyPairs(), Now: func() time.Time { return noon },
		Clients: []localissuer.Client{
			{ID: "job", Secret: "s1", Scopes: []string{"batch:upload", "read:timesheets"}, Organizations: []string{"org_acme"}},
			{ID: "web", Secret: "s2"},
			{ID: "off", Secret: "s3", Scopes: []string{}, NoGrantType: true},
		},
		Users: []localissuer.User{{Subject: "auth0|ann", Email: "ann@example.org", Password: "pw", Scopes: []string{"read:timesheets", "approve:timesheets"}, Organization: "org_acme"}},
	}
	if change != nil {
		change(&options)
	}
	i, err := localissuer.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

// get answers the JSON object at an address.
func get(t *testing.T, address string) map[string]any {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, answer, http.StatusOK)
}

func decode(t *testing.T, answer *http.Response, status int) map[string]any {
	t.Helper()
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != status || !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") {
		t.Fatalf("status %d, want %d: %s", answer.StatusCode, status, text)
	}
	var body map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		t.Fatal(err)
	}
	return body
}

// open gives header and claims of a token whose signature the published key
// set bears out, checked with the standard library alone.
func open(t *testing.T, i *localissuer.Issuer, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	for n, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[n])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch header["alg"] {
	case "HS256":
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write([]byte(parts[0] + "." + parts[1]))
		if !hmac.Equal(mac.Sum(nil), signature) {
			t.Error("the secret did not sign this")
		}
	case "PS256":
		if err := rsa.VerifyPSS(published(t, i, header["kid"]), crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: 32}); err != nil {
			t.Error(err)
		}
	default:
		if err := rsa.VerifyPKCS1v15(published(t, i, header["kid"]), crypto.SHA256, digest[:], signature); err != nil {
			t.Error(err)
		}
	}
	return header, claims
}

// published finds a key in the key set and holds it against its certificate.
func published(t *testing.T, i *localissuer.Issuer, kid any) *rsa.PublicKey {
	t.Helper()
	for _, k := range get(t, i.URL()+".well-known/jwks.json")["keys"].([]any) {
		k := k.(map[string]any)
		if k["kid"] != kid {
			continue
		}
		n, err := base64.RawURLEncoding.DecodeString(k["n"].(string))
		if err != nil {
			t.Fatal(err)
		}
		key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
		der, err := base64.StdEncoding.DecodeString(k["x5c"].([]any)[0].(string))
		if err != nil {
			t.Fatal(err)
		}
		if certificate, err := x509.ParseCertificate(der); err != nil || !key.Equal(certificate.PublicKey) {
			t.Errorf("the certificate is of another key (%v)", err)
		}
		return key
	}
	t.Fatalf("no key %v is published", kid)
	return nil
}

func TestDiscoveryNamesTheIssuerAndItsEndpoints(t *testing.T) {
	t.Parallel()
	i := start(t, nil)
	d := get(t, i.URL()+".well-known/openid-configuration")
	if d["issuer"] != i.URL() || d["jwks_uri"] != i.URL()+".well-known/jwks.json" || d["token_endpoint"] != i.URL()+"oauth/token" {
		t.Errorf("got %v", d)
	}
	if !strings.HasPrefix(i.URL(), "http://127.0.0.1:") || !strings.HasSuffix(i.URL(), "/") {
		t.Errorf("the issuer is %s", i.URL())
	}
}

func TestTokensSayWhatTheProfileWants(t *testing.T) {
	t.Parallel()
	iat, exp := float64(noon.Unix()), float64(noon.Add(24*time.Hour).Unix())
	for _, tt := range []struct {
		name            string
		change          func(*localissuer.Options)
		typ, alg        string
		machine, person map[string]any
	}{
		{"Auth0's profile", nil, "JWT", "RS256",
			map[string]any{"sub": "job@clients", "azp": "job", "gty": "client-credentials", "scope": "batch:upload", "org_id": "org_acme"},
			map[string]any{"sub": "auth0|ann", "azp": "web-app", "scope": "read:timesheets create:timesheets"}},
		{"RFC 9068's profile", func(o *localissuer.Options) { o.Profile = localissuer.RFC9068Profile }, "at+jwt", "RS256",
			map[string]any{"sub": "job", "client_id": "job", "jti": "token-1", "scope": "batch:upload", "org_id": "org_acme"},
			map[string]any{"sub": "auth0|ann", "client_id": "web-app", "jti": "token-2", "scope": "read:timesheets create:timesheets"}},
		{"PS256", func(o *localissuer.Options) { o.Algorithm = localissuer.PS256 }, "JWT", "PS256",
			map[string]any{"sub": "job@clients", "azp": "job", "gty": "client-credentials", "scope": "batch:upload", "org_id": "org_acme"},
			map[string]any{"sub": "auth0|ann", "azp": "web-app", "scope": "read:timesheets create:timesheets"}},
		{"HS256", func(o *localissuer.Options) { o.Algorithm, o.Secret = localissuer.HS256, "secret" }, "JWT", "HS256",
			map[string]any{"sub": "job@clients", "azp": "job", "gty": "client-credentials", "scope": "batch:upload", "org_id": "org_acme"},
			map[string]any{"sub": "auth0|ann", "azp": "web-app", "scope": "read:timesheets create:timesheets"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := start(t, tt.change)
			machine := i.MachineToken(localissuer.Machine{Client: "job", Scopes: []string{"batch:upload"}, Organization: "org_acme"})
			person := i.PersonToken(localissuer.Person{Subject: "auth0|ann", Scopes: []string{"read:timesheets", "create:timesheets"}})
			for token, want := range map[string]map[string]any{machine: tt.machine, person: tt.person} {
				header, claims := open(t, i, token)
				if header["typ"] != tt.typ || header["alg"] != tt.alg || (header["kid"] == nil) != (tt.alg == "HS256") {
					t.Errorf("the header is %v", header)
				}
				want["iss"], want["aud"], want["iat"], want["exp"] = i.URL(), audience, iat, exp
				if diff := cmp.Diff(want, claims); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			}
		})
	}
}

func TestClaimsCanBeChangedAddedAndTakenAway(t *testing.T) {
	t.Parallel()
	i := start(t, nil)
	_, claims := open(t, i, i.PersonToken(localissuer.Person{Subject: "a", OpenID: true, Claims: map[string]any{"iss": "x", "exp": nil, "email": "y"}}))
	want := map[string]any{"iss": "x", "sub": "a", "azp": "web-app", "email": "y", "scope": "openid", "iat": float64(noon.Unix()), "aud": []any{audience, i.URL() + "userinfo"}}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestKeysRotateAsAtAuth0(t *testing.T) {
	t.Parallel()
	i := start(t, nil)
	ids := func() (all []string) {
		for _, k := range get(t, i.URL()+".well-known/jwks.json")["keys"].([]any) {
			all = append(all, k.(map[string]any)["kid"].(string))
		}
		return all
	}
	first := ids()
	if len(first) != 2 || first[0] != i.KeyID() {
		t.Fatalf("at first %v, current %s", first, i.KeyID())
	}
	old := i.MachineToken(localissuer.Machine{Client: "job"})
	i.RotateKeys()
	second := ids()
	if len(second) != 3 || i.KeyID() != first[1] || second[0] != first[1] || second[2] != first[0] {
		t.Errorf("after the rotation %v, before %v", second, first)
	}
	open(t, i, old) // still in the key set
	i.RevokePreviousKey()
	if third := ids(); len(third) != 2 || third[0] != second[0] || third[1] != second[1] {
		t.Errorf("after the revocation %v, before %v", third, second)
	}
	if i.KeyRequests() < 4 {
		t.Errorf("%d requests were counted", i.KeyRequests())
	}
}

func TestAnIssuerThatStartsAgainHasTheSameKeyIDs(t *testing.T) {
	t.Parallel()
	if a, b := start(t, nil).KeyID(), start(t, nil).KeyID(); a != b {
		t.Errorf("%s and %s", a, b)
	}
}

func TestItListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":0", "nonsense"} {
		if i, err := localissuer.Start(localissuer.Options{Address: address, Algorithm: localissuer.HS256}); err == nil {
			t.Errorf("%s: listening at %s", address, i.URL())
			i.Close()
		}
	}
}

func TestTheTokenEndpointAnswersAsAuth0Does(t *testing.T) {
	t.Parallel()
	i := start(t, nil)
	full := url.Values{"grant_type": {"client_credentials"}, "client_id": {"job"}, "client_secret": {"s1"}, "audience": {audience}}
	person := url.Values{"grant_type": {"password"}, "client_id": {"web"}, "client_secret": {"s2"}, "audience": {audience}, "username": {"ann@example.org"}, "password": {"pw"}}
	for _, tt := range []struct {
		name   string
		form   url.Values
		change string // name=value of one parameter; without "=" it is left out
		status int
		code   string
	}{
		{"all is well", full, "x=y", 200, ""},
		{"in one's organization", full, "organization=org_acme", 200, ""},
		{"a narrower scope", full, "scope=batch:upload", 200, ""},
		{"a wrong secret", full, "client_secret=s2", 401, "access_denied"},
		{"no secret", full, "client_secret", 401, "access_denied"},
		{"an unknown client", full, "client_id=nobody", 401, "access_denied"},
		{"no grant type", full, "grant_type", 400, "invalid_request"},
		{"a grant type of others", full, "grant_type=authorization_code", 400, "unsupported_grant_type"},
		{"an unknown audience", full, "audience=https://other", 403, "access_denied"},
		{"no audience", full, "audience", 403, "access_denied"},
		{"an organization of others", full, "organization=org_other", 403, "access_denied"},
		{"a person", person, "x=y", 200, ""},
		{"a person with a wrong password", person, "password=x", 403, "invalid_grant"},
		{"an unknown person", person, "username=bob@example.org", 403, "invalid_grant"},
		{"a person for another API", person, "audience=https://other", 403, "access_denied"},
		{"a client without a grant for the API", url.Values{"grant_type": {"client_credentials"}, "client_id": {"web"}, "client_secret": {"s2"}, "audience": {audience}}, "x=y", 403, "access_denied"},
		{"a client without the grant type", url.Values{"grant_type": {"client_credentials"}, "client_id": {"off"}, "client_secret": {"s3"}, "audience": {audience}}, "x=y", 403, "unauthorized_client"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			form := maps.Clone(tt.form)
			if name, value, given := strings.Cut(tt.change, "="); given {
				form.Set(name, value)
			} else {
				form.Del(name)
			}
			answer, err := http.PostForm(i.URL()+"oauth/token", form)
			if err != nil {
				t.Fatal(err)
			}
			body := decode(t, answer, tt.status)
			if tt.code != "" {
				if body["error"] != tt.code || body["error_description"] == "" {
					t.Errorf("got %v", body)
				}
				return
			}
			if body["token_type"] != "Bearer" || body["expires_in"] != 86400.0 || body["scope"] == nil {
				t.Errorf("got %v", body)
			}
			open(t, i, body["access_token"].(string))
		})
	}
}

func TestAPersonGetsTheScopesAskedForThatTheyHave(t *testing.T) {
	t.Parallel()
	i := start(t, nil)
	for scope, want := range map[string]any{
		"": "read:timesheets approve:timesheets", "read:timesheets batch:upload": "read:timesheets", "batch:upload": nil,
	} {
		answer, err := http.PostForm(i.URL()+"oauth/token", url.Values{
			"grant_type": {"password"}, "client_id": {"web"}, "client_secret": {"s2"}, "audience": {audience}, "username": {"ann@example.org"}, "password": {"pw"}, "scope": {scope},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, claims := open(t, i, decode(t, answer, 200)["access_token"].(string))
		if claims["scope"] != want || claims["gty"] != "password" || claims["org_id"] != "org_acme" || claims["https://api.exampleco.com/email"] != "ann@example.org" {
			t.Errorf("%q: got %v", scope, claims)
		}
	}
}

func TestCredentialsMayAlsoComeInJSONOrTheHeader(t *testing.T) {
	t.Parallel()
	i := start(t, func(o *localissuer.Options) { o.HideScope = true })
	answer, err := http.Post(i.URL()+"oauth/token", "application/json",
		strings.NewReader(`{"grant_type":"client_credentials","client_id":"job","client_secret":"s1","audience":"`+audience+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	if body := decode(t, answer, 200); body["scope"] != nil {
		t.Errorf("it tells the scope: %v", body)
	}
	request, err := http.NewRequest(http.MethodPost, i.URL()+"oauth/token", strings.NewReader("grant_type=client_credentials&audience="+url.QueryEscape(audience)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("job", "s1")
	if answer, err = http.DefaultClient.Do(request); err != nil {
		t.Fatal(err)
	}
	decode(t, answer, 200)
	if answer, err = http.Post(i.URL()+"oauth/token", "application/json", strings.NewReader(`{`)); err != nil {
		t.Fatal(err)
	}
	decode(t, answer, 400)
	if i.TokenRequests() != 3 {
		t.Errorf("%d requests were counted", i.TokenRequests())
	}
}

func TestABrokenEndpointWorksAgainWhenItIsRepaired(t *testing.T) {
	t.Parallel()
	i := start(t, nil)
	i.BreakKeys(localissuer.Answer(500, `{"error":"server_error"}`))
	i.BreakTokens(localissuer.RateLimited(7))
	keys, err := http.Get(i.URL() + ".well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	decode(t, keys, 500)
	tokens, err := http.PostForm(i.URL()+"oauth/token", nil)
	if err != nil {
		t.Fatal(err)
	}
	if decode(t, tokens, 429)["error"] != "too_many_requests" || tokens.Header.Get("Retry-After") != "7" {
		t.Errorf("got %v", tokens.Header)
	}
	i.BreakKeys(nil)
	i.BreakTokens(nil)
	get(t, i.URL()+".well-known/jwks.json")
	if tokens, err = http.PostForm(i.URL()+"oauth/token", nil); err != nil {
		t.Fatal(err)
	}
	decode(t, tokens, 400)
}
