package auth0_test

import (
	"errors"
	"testing"

	"timesheets/adapters/auth0"
	"timesheets/domain/fault"
)

func TestAnIssuerIsMadeOfADomainOrAURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ given, want string }{
		{"acme.eu.auth0.com", "https://acme.eu.auth0.com/"},
		{"login.example.org:8443", "https://login.example.org:8443/"},
		{"https://acme.eu.auth0.com/", "https://acme.eu.auth0.com/"},
		{"https://id.example.org/realms/acme", "https://id.example.org/realms/acme"},
		{"http://127.0.0.1:4000/", "http://127.0.0.1:4000/"},
		{"http://localhost:4000/", "http://localhost:4000/"},
		{"http://[::1]:4000/", "http://[::1]:4000/"},
	} {
		got, err := auth0.IssuerURL(tt.given)
		if err != nil || got != tt.want {
			t.Errorf("%q gave %q, %v; want %q", tt.given, got, err, tt.want)
		}
	}
	for _, given := range []string{
		"", " ", "/", "https://", "https:///", "http://acme.eu.auth0.com/", "http://10.0.0.1/", "http://localhost.example.org/",
		"ftp://acme.eu.auth0.com/", "https://user@acme.eu.auth0.com/", "https://acme.eu.auth0.com/?x", "https://acme.eu.auth0.com/#x",
		"acme.eu.auth0.com/", "file:///etc/passwd", "https://acme\n.com/",
	} {
		if got, err := auth0.IssuerURL(given); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q gave %q, %v", given, got, err)
		}
	}
}

func TestTheEndpointsLieBelowTheIssuer(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string]string{
		"https://acme.eu.auth0.com/":         "https://acme.eu.auth0.com/oauth/token",
		"https://id.example.org/realms/acme": "https://id.example.org/realms/acme/oauth/token",
	} {
		if got := auth0.TokenURL(issuer); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAVerifierRefusesAConfigurationThatMakesNoSense(t *testing.T) {
	t.Parallel()
	good := auth0.Config{Issuer: "https://acme.eu.auth0.com/", Audience: audience, Now: newClock().Now}
	for code, change := range map[string]func(*auth0.Config){
		"auth0_audience":      func(c *auth0.Config) { c.Audience = "" },
		"auth0_signing_alg":   func(c *auth0.Config) { c.Algorithm = "none" },
		"auth0_token_profile": func(c *auth0.Config) { c.Profile = "Auth0" },
		"auth0_issuer":        func(c *auth0.Config) { c.Issuer = "http://acme.eu.auth0.com/" },
		"auth0_keys_url":      func(c *auth0.Config) { c.KeysURL = "http://acme.eu.auth0.com/keys" },
	} {
		config := good
		change(&config)
		_, err := auth0.NewVerifier(config)
		if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Code != code {
			t.Errorf("want %s, got: %v", code, err)
		}
	}
	if _, err := auth0.NewVerifier(good); err != nil {
		t.Error(err)
	}
}

func TestBeforeItRunsAVerifierIsNotReady(t *testing.T) {
	t.Parallel()
	isUnavailable(t, coldWorld(t).verifier.Ready())
}

func TestTheKeySetMayLieElsewhere(t *testing.T) {
	t.Parallel()
	w := coldWorld(t)
	config := w.config
	config.Issuer, config.KeysURL = "https://acme.eu.auth0.com/", w.URL()+".well-known/jwks.json"
	v, err := auth0.NewVerifier(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), []byte(claims(j{"iss": config.Issuer})(w))); err != nil {
		t.Error(err)
	}
	_, err = v.Verify(t.Context(), []byte(w.machineToken()))
	isRefused(t, err, auth0.WrongIssuer)
}
