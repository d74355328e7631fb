package auth0_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"timesheets/adapters/auth0"
	"timesheets/adapters/localissuer"
	"timesheets/domain/fault"
)

const audience = "https://api.exampleco.com/timesheets"

// keyPairs are made once for all tests: making one takes a tenth of a second.
var keyPairs = sync.OnceValue(func() []*rsa.PrivateKey {
	keys := make([]*rsa.PrivateKey, 6)
	var all sync.WaitGroup
	for n := range keys {
		all.Go(func() {
			var err error
			if keys[n], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
				panic(err)
			}
		})
	}
	all.Wait()
	return keys
})

// clock is a clock that the test turns.
type clock struct{ unixNano atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.unixNano.Store(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time                  { return time.Unix(0, c.unixNano.Load()) }
func (c *clock) Advance(d time.Duration)         { c.unixNano.Add(int64(d)) }
func (c *clock) Unix(offset time.Duration) int64 { return c.Now().Add(offset).Unix() }

// setup changes what a world is made of before it starts.
type setup func(*localissuer.Options, *auth0.Config)

// world is an issuer on a socket, and a verifier that trusts it and has its
// keys, on one clock.
type world struct {
	*localissuer.Issuer
	verifier *auth0.Verifier
	config   auth0.Config
	clock    *clock
}

func newWorld(t testing.TB, changes ...setup) *world {
	t.Helper()
	w := coldWorld(t, changes...)
	go w.verifier.Run(t.Context(), nil)
	eventually(t, "the verifier is ready", func() bool { return w.verifier.Ready() == nil })
	return w
}

// coldWorld is a world whose verifier does not run yet.
func coldWorld(t testing.TB, changes ...setup) *world {
	t.Helper()
	w := &world{clock: newClock()}
	options := localissuer.Options{Audience: audience, Keys: keyPairs(), Now: w.clock.Now}
	w.config = auth0.Config{
		Audience: audience,
		Pace:     auth0.Pace{Retry: 40 * time.Millisecond, Wait: 5 * time.Second, Timeout: 10 * time.Second},
		Now:      w.clock.Now,
	}
	for _, change := range changes {
		change(&options, &w.config)
	}
	var err error
	if w.Issuer, err = localissuer.Start(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	w.config.Issuer = w.URL()
	w.config.Algorithm = options.Algorithm
	w.config.Profile = auth0.Profile(options.Profile)
	if w.verifier, err = auth0.NewVerifier(w.config); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) machineToken() string {
	return w.MachineToken(localissuer.Machine{Client: "job", Scopes: []string{"batch:upload"}})
}

func pace(change func(*auth0.Pace)) setup {
	return func(_ *localissuer.Options, c *auth0.Config) { change(&c.Pace) }
}

// eventually polls until it holds, for at most 20 seconds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never came true: %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func accepts(t testing.TB, w *world, token string) {
	t.Helper()
	if _, err := w.verifier.Verify(t.Context(), []byte(token)); err != nil {
		t.Errorf("a good token was refused: %v", err)
	}
}

func refuses(t testing.TB, w *world, token string, want auth0.Reason) {
	t.Helper()
	_, err := w.verifier.Verify(t.Context(), []byte(token))
	isRefused(t, err, want)
}

func isRefused(t testing.TB, err error, want auth0.Reason) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Kind != fault.Unauthenticated || f.Code != "invalid_token" {
		t.Fatalf("want invalid_token, got: %v", err)
	}
	if got, _ := errors.AsType[auth0.Reason](err); got != want {
		t.Errorf("refused for %q, want %q", got, want)
	}
}

func isUnavailable(t testing.TB, err error) {
	t.Helper()
	f := fault.Of(err)
	if f == nil || f.Kind != fault.Unavailable || f.Code != "signing_keys_unavailable" {
		t.Fatalf("want signing_keys_unavailable, got: %v", err)
	}
	if f.RetryAfter <= 0 {
		t.Error("it does not say when to try again")
	}
}
