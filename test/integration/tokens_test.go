package integration

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"timesheets/adapters/localissuer"
	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

// The rules of tokens have tests beside their adapter; here it is that the
// program follows its configuration.
func TestTheProgramTakesTheTokensThatItIsConfiguredFor(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	secrets := filepath.Join(folder, "secrets")
	const secret, newer = "a secret of more than thirty-two bytes", "another secret, of more than 32 bytes"
	if err := os.WriteFile(secrets, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		change   func(*localissuer.Options)
		settings apitest.Settings
	}{
		{"PS256", func(o *localissuer.Options) { o.Algorithm = localissuer.PS256 }, apitest.Settings{"AUTH0_SIGNING_ALG": "PS256"}},
		{"HS256", func(o *localissuer.Options) { o.Algorithm, o.Secret = localissuer.HS256, secret },
			apitest.Settings{"AUTH0_SIGNING_ALG": "HS256", "AUTH0_SIGNING_SECRET_FILE": secrets}},
		{"RFC 9068", func(o *localissuer.Options) { o.Profile = localissuer.RFC9068Profile }, apitest.Settings{"AUTH0_TOKEN_PROFILE": "rfc9068"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			issuer := startIssuer(t, tt.change)
			settings := apitest.Settings{"AUTH0_ISSUER_URL": issuer.URL()}
			maps.Copy(settings, tt.settings)
			api := apitest.Start(t, pgtest.Database(t), settings)
			ann := localissuer.Person{Subject: "ann", Scopes: []string{"read:timesheets"}}
			api.As(issuer.PersonToken(ann)).Get(t, timesheets).Is(t, 200)
			api.As(issuer.MachineToken(localissuer.Machine{Client: "job", Scopes: []string{"batch:upload"}})).Post(t, upload, row("1")).Is(t, 201)
			// Of the same issuer, but written or signed in another way.
			usual := apitest.Issuer(t)
			claims := usual.PersonClaims(ann)
			claims["iss"] = issuer.URL()
			api.As(usual.Sign(usual.Header(), claims)).Get(t, timesheets).IsProblem(t, 401, "invalid_token")
			if tt.name != "HS256" {
				return
			}
			if err := os.WriteFile(secrets, []byte(newer+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			renewed := startIssuer(t, func(o *localissuer.Options) { o.Algorithm, o.Secret = localissuer.HS256, newer })
			claims = renewed.PersonClaims(ann)
			claims["iss"] = issuer.URL()
			token := renewed.Sign(renewed.Header(), claims)
			if !apitest.Eventually(t, time.Minute, func() bool { return api.As(token).Get(t, timesheets).Status == 200 }) {
				t.Error("the file of secrets is not read again")
			}
			api.As(issuer.PersonToken(ann)).Get(t, timesheets).IsProblem(t, 401, "invalid_token")
		})
	}
}

func TestKeysThatRotateAreFollowed(t *testing.T) {
	t.Parallel()
	issuer := startIssuer(t, func(*localissuer.Options) {})
	api := apitest.Start(t, pgtest.Database(t), apitest.Settings{"AUTH0_ISSUER_URL": issuer.URL()})
	ann := localissuer.Person{Subject: "ann", Scopes: []string{"read:timesheets"}}
	old := issuer.PersonToken(ann)
	api.As(old).Get(t, timesheets).Is(t, 200)
	issuer.RotateKeys() // to the key that was published as the next one
	api.As(issuer.PersonToken(ann)).Get(t, timesheets).Is(t, 200)
	issuer.RotateKeys() // to one that the API has never seen
	api.As(issuer.PersonToken(ann)).Get(t, timesheets).Is(t, 200)
	if n := issuer.KeyRequests(); n != 2 {
		t.Errorf("the keys were asked for %d times, want once at the start and once for the new key", n)
	}
	api.As(old).Get(t, timesheets).IsProblem(t, 401, "invalid_token") // two rotations ago
}

// startIssuer starts an issuer of the test's own.
func startIssuer(t *testing.T, change func(*localissuer.Options)) *localissuer.Issuer {
	t.Helper()
	options := apitest.IssuerOptions()
	change(&options)
	issuer, err := localissuer.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	return issuer
}
