package auth0_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/adapters/auth0"
	"timesheets/adapters/localissuer"
	"timesheets/application/access"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

func TestTheClaimsAreWhatTheTokenSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.PersonToken(localissuer.Person{
		Subject: "auth0|ann", Scopes: []string{"read:timesheets", "create:timesheets"}, Client: "spa", Organization: "org_acme",
		Claims: j{"https://api.exampleco.com/email": "Ann@Example.org", "email_verified": false, "roles": []string{"a"}, "n": 1.5, "gty": "refresh_token"},
	})
	got, err := w.verifier.Verify(t.Context(), []byte(token))
	if err != nil {
		t.Fatal(err)
	}
	want := access.Claims{
		Issuer: w.URL(), Subject: "auth0|ann", Client: "spa", Grant: "refresh_token",
		Scope: "read:timesheets create:timesheets", Organization: "org_acme",
		ExpiresAt: w.clock.Now().Add(24 * time.Hour),
		Custom:    j{"https://api.exampleco.com/email": "Ann@Example.org", "email_verified": false, "roles": nil, "n": nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	again, err := w.verifier.Verify(t.Context(), []byte(token))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again); diff != "" || w.verifier.Stats().CacheHits != 1 {
		t.Errorf("from the cache (-want +got)\n%s%+v", diff, w.verifier.Stats())
	}
}

func TestATokenBecomesThePrincipalThatItStandsFor(t *testing.T) {
	t.Parallel()
	for _, setup := range []setup{func(*localissuer.Options, *auth0.Config) {}, rfc9068, ps256, hs256(t)} {
		w := newWorld(t, setup)
		authenticator, err := access.NewAuthenticator(w.verifier, access.Config{})
		if err != nil {
			t.Fatal(err)
		}
		machine, err := authenticator.Authenticate(t.Context(), []byte(w.machineToken()))
		if err != nil || !machine.Holds(identity.BatchUpload) || machine.ID != "job" {
			t.Errorf("the machine is %+v (%v)", machine, err)
		}
		person, err := authenticator.Authenticate(t.Context(), []byte(w.PersonToken(localissuer.Person{Subject: "auth0|ann", Scopes: []string{"batch:upload", "approve:timesheets"}})))
		if err != nil || person.Holds(identity.BatchUpload) || !person.Holds(identity.ApproveTimesheets) || person.ID != "auth0|ann" {
			t.Errorf("the person is %+v (%v)", person, err)
		}
		if machine.Key() == person.Key() || machine.Issuer != w.URL() {
			t.Errorf("keys %q %q", machine.Key(), person.Key())
		}
	}
}

func TestACachedTokenEndsWithItsExp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := claimsAt("exp", 20)(w)
	accepts(t, w, token)
	accepts(t, w, token)
	w.clock.Advance(49 * time.Second) // within the leeway, and no longer from the cache
	accepts(t, w, token)
	if got := w.verifier.Stats(); got.CacheHits != 1 || got.Proven != 2 {
		t.Errorf("got %+v", got)
	}
	w.clock.Advance(time.Second)
	refuses(t, w, token, auth0.Expired)
}

func TestACachedTokenIsProvenAgainAfterAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.machineToken()
	accepts(t, w, token)
	w.clock.Advance(time.Minute - 1)
	accepts(t, w, token)
	w.clock.Advance(1)
	accepts(t, w, token)
	if got := w.verifier.Stats(); got.CacheHits != 1 || got.Proven != 2 {
		t.Errorf("got %+v", got)
	}
}

// A web server uses the memory of a request again for the next one: what the
// verifier keeps must not be part of it.
func TestNothingKeepsTheMemoryOfTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.machineToken()
	buffer := []byte(good)
	got, err := w.verifier.Verify(t.Context(), buffer)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5000 {
		for i := range buffer {
			buffer[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[rand.N(64)]
		}
		for dots := 0; dots < 2; {
			if i := rand.N(len(buffer)); buffer[i] != '.' {
				buffer[i] = '.'
				dots++
			}
		}
		if _, err := w.verifier.Verify(t.Context(), buffer); err == nil {
			t.Fatalf("forgery %d was accepted", n)
		}
	}
	if got.Subject != "job@clients" || got.Client != "job" || got.Scope != "batch:upload" {
		t.Errorf("the claims have become %+v", got)
	}
	accepts(t, w, good)
	if hits := w.verifier.Stats().CacheHits; hits != 1 {
		t.Errorf("%d hits", hits)
	}
}

func TestARefusedTokenIsNeverRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := claimsAt("nbf", 40)(w)
	refuses(t, w, token, auth0.NotYetValid)
	w.clock.Advance(10 * time.Second)
	accepts(t, w, token)
}

func TestManyTokensAtOnceWhileTheKeysRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pace(func(p *auth0.Pace) { p.Refresh = time.Millisecond }))
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for m := range 100 {
				token := w.MachineToken(localissuer.Machine{Client: fmt.Sprint("job-", n, m%10)})
				got, err := w.verifier.Verify(t.Context(), []byte(token))
				if err != nil || got.Client != fmt.Sprint("job-", n, m%10) {
					t.Errorf("got %+v, %v", got, err)
				}
			}
		})
	}
	w.RotateKeys()
	w.RevokePreviousKey()
	all.Wait()
}

func TestEveryOutcomeIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.machineToken()
	accepts(t, w, token)
	accepts(t, w, token)
	refuses(t, w, "x", auth0.Malformed)
	refuses(t, w, "y", auth0.Malformed)
	refuses(t, w, claimsAt("exp", -60)(w), auth0.Expired)
	w.clock.Advance(time.Hour)
	got := w.verifier.Stats()
	want := auth0.Stats{
		Proven: 1, CacheHits: 1, Refused: map[auth0.Reason]uint64{auth0.Malformed: 2, auth0.Expired: 1},
		Keys: 2, KeyAge: time.Hour, KeyFetches: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAnErrorSaysNothingThatStoodInTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, token := range []string{
		header(j{"kid": "SECRET"})(w), header(j{"alg": "SECRET"})(w), header(j{"typ": "SECRET"})(w),
		claims(j{"iss": "SECRET"})(w), claims(j{"aud": "SECRET"})(w), claims(j{"sub": "SECRET\n"})(w), claimsWith(`"SECRET":1,"SECRET":2`)(w),
		"SECRET", "SECRET.SECRET.SECRET", strings.Repeat("SECRET", 4000),
	} {
		authenticator, err := access.NewAuthenticator(w.verifier, access.Config{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = authenticator.Authenticate(t.Context(), []byte(token))
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %q", err, errors.Unwrap(err), fault.Of(err).Text), "SECRET") {
			t.Errorf("got %v", err)
		}
	}
}
