package auth0_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timesheets/adapters/auth0"
	"timesheets/adapters/localissuer"
	"timesheets/domain/fault"
)

const newSecret = "the-secret-that-api-and-issuer-share-0002"

// signedWith is a machine's token of w, signed with another secret.
func signedWith(w *world, s string) string {
	return signed(nil, withHMAC(func(*world) []byte { return []byte(s) }))(w)
}

func TestASecretRotatesWithoutARefusedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hs256(t))
	old, fresh := w.machineToken(), signedWith(w, newSecret)
	accepts(t, w, old)
	refuses(t, w, fresh, auth0.BadSignature)

	write(t, w.config.SecretFile, newSecret+"\n\n"+secret+"\r\n")
	reread(t, w)
	accepts(t, w, old)
	accepts(t, w, fresh)

	write(t, w.config.SecretFile, newSecret) // no line feed at the end
	reread(t, w)
	refuses(t, w, old, auth0.BadSignature) // though it was accepted a moment ago
	accepts(t, w, fresh)
}

func reread(t *testing.T, w *world) {
	t.Helper()
	if err := w.verifier.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestTheSecretFileIsLookedAtInTheBackground(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hs256(t), pace(func(p *auth0.Pace) { p.Reread = 5 * time.Millisecond }))
	write(t, w.config.SecretFile, newSecret)
	eventually(t, "the new secret is known", func() bool {
		_, err := w.verifier.Verify(t.Context(), []byte(signedWith(w, newSecret)))
		return err == nil
	})
}

var uselessSecrets = []struct{ name, text string }{
	{"empty", ""},
	{"blank lines", "\n\r\n\n"},
	{"one byte short", strings.Repeat("x", 31)},
	{"a short one among good ones", secret + "\nshort\n" + newSecret},
	{"nine of them", strings.Repeat(secret+"\n", 9)},
	{"far too long", strings.Repeat(secret, 2000)},
}

func TestAUselessSecretFileReplacesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range uselessSecrets {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, hs256(t))
			write(t, w.config.SecretFile, tt.text)
			if err := w.verifier.Refresh(t.Context()); err == nil {
				t.Error("it was taken")
			} else if strings.Contains(err.Error(), "share") {
				t.Errorf("the error tells a secret: %v", err)
			}
			accepts(t, w, w.machineToken())
			if s := w.verifier.Stats(); s.Keys != 1 || s.KeyFetchFailures != 1 || s.KeyTrouble == nil {
				t.Errorf("got %+v", s)
			}
		})
	}
}

func TestAMissingSecretFileReplacesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hs256(t))
	if err := os.Remove(w.config.SecretFile); err != nil {
		t.Fatal(err)
	}
	if err := w.verifier.Refresh(t.Context()); err == nil {
		t.Error("a missing file was taken")
	}
	accepts(t, w, w.machineToken())
}

func TestAVerifierDoesNotStartWithoutAGoodSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	useless := map[string]string{"missing": filepath.Join(dir, "missing"), "a folder": dir, "a device": "/dev/zero"}
	for _, tt := range uselessSecrets {
		useless[tt.name] = filepath.Join(t.TempDir(), "secrets")
		write(t, useless[tt.name], tt.text)
	}
	for name, file := range useless {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := auth0.NewVerifier(auth0.Config{
				Issuer: "https://acme.eu.auth0.com/", Audience: audience, Algorithm: auth0.HS256, SecretFile: file, Now: newClock().Now,
			})
			if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Code != "auth0_signing_secret_file" || strings.Contains(err.Error(), file) {
				t.Errorf("got: %v", err)
			}
		})
	}
}

func TestATokenOfTheKeySetIsNothingToASharedSecret(t *testing.T) {
	t.Parallel()
	rsa := newWorld(t)
	hmac := newWorld(t, hs256(t), func(_ *localissuer.Options, c *auth0.Config) {})
	refuses(t, hmac, rsa.machineToken(), auth0.WrongAlgorithm)
	refuses(t, rsa, hmac.machineToken(), auth0.WrongAlgorithm)
}
