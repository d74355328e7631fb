package auth0_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"timesheets/adapters/auth0"
	"timesheets/adapters/localissuer"
)

// rotateTwice makes the issuer sign with a key that the verifier has not seen:
// the next key was published before.
func rotateTwice(w *world) {
	w.RotateKeys()
	w.RotateKeys()
}

func TestABrokenKeySetNeverReplacesAGoodOne(t *testing.T) {
	t.Parallel()
	evil := httptest.NewServer(localissuer.Answer(http.StatusOK, `{"keys":[]}`))
	t.Cleanup(evil.Close)
	for _, tt := range []struct {
		name   string
		answer http.Handler
	}{
		{"status 500", localissuer.Answer(500, `{"error":"server_error"}`)},
		{"status 500 with a key set", localissuer.Answer(500, oneKey(5, nil))},
		{"status 204", localissuer.Answer(204, ``)},
		{"status 404", localissuer.Answer(404, `{}`)},
		{"status 429", localissuer.RateLimited(1)},
		{"an empty body", localissuer.Answer(200, ``)},
		{"an empty object", localissuer.Answer(200, `{}`)},
		{"null", localissuer.Answer(200, `null`)},
		{"an array", localissuer.Answer(200, `[]`)},
		{"a string", localissuer.Answer(200, `"keys"`)},
		{"no keys", localissuer.Answer(200, `{"keys":[]}`)},
		{"keys is null", localissuer.Answer(200, `{"keys":null}`)},
		{"keys is an object", localissuer.Answer(200, `{"keys":{}}`)},
		{"keys are numbers", localissuer.Answer(200, `{"keys":[1,2]}`)},
		{"an error with status 200", localissuer.Answer(200, `{"error":"too_many_requests"}`)},
		{"a web page", localissuer.Answer(200, `<html>Maintenance</html>`, "Content-Type", "text/html")},
		{"a key set said to be a web page", localissuer.Answer(200, oneKey(5, nil), "Content-Type", "text/html")},
		{"no content type", localissuer.Answer(200, oneKey(5, nil), "Content-Type", "")},
		{"garbage", localissuer.Answer(200, "\x00\xff\x00")},
		{"cut short", localissuer.Answer(200, oneKey(5, nil)[:200])},
		{"something behind", localissuer.Answer(200, oneKey(5, nil)+`{}`)},
		{"keys twice", localissuer.Answer(200, `{"keys":[],"keys":[`+jwk(5, nil)+`]}`)},
		{"keys as Keys", localissuer.Answer(200, `{"Keys":[`+jwk(5, nil)+`]}`)},
		{"100 MB", localissuer.Huge(100 << 20)},
		{"a key set of 600 kB", localissuer.Answer(200, `{"padding":"`+strings.Repeat("x", 600_000)+`",`+oneKey(5, nil)[1:])},
		{"a redirect", localissuer.Redirect(evil.URL)},
		{"a redirect to a file", localissuer.Redirect("file:///etc/passwd")},
		{"101 keys", localissuer.Answer(200, manyKeys(101))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.verifier.Stats()
			w.BreakKeys(tt.answer)
			if err := w.verifier.Refresh(t.Context()); err == nil {
				t.Fatal("the broken answer was taken")
			}
			after := w.verifier.Stats()
			if after.Keys != before.Keys || after.KeyFetchFailures == before.KeyFetchFailures || after.KeyTrouble == nil {
				t.Errorf("before: %+v, after: %+v", before, after)
			}
			accepts(t, w, w.machineToken())
		})
	}
}

// jwk is key pair n as a JWK, changed; nil takes a member away.
func jwk(n int, changes j) string {
	k := keyPairs()[n]
	m := j{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": fmt.Sprint("key-", n), "n": base64urlOf(k.N.Bytes()), "e": "AQAB"}
	for name, value := range changes {
		if m[name] = value; value == nil {
			delete(m, name)
		}
	}
	return jsonOf(m)
}

// manyKeys is a key set with one key under many ids.
func manyKeys(count int) string {
	keys := make([]string, count)
	for n := range keys {
		keys[n] = jwk(5, j{"kid": fmt.Sprint("key-", n)})
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

func oneKey(n int, changes j) string { return `{"keys":[` + jwk(n, changes) + `]}` }

func TestOnlySoundKeysAreTakenAndABadOneSpoilsNone(t *testing.T) {
	t.Parallel()
	weak := base64urlOf(append([]byte{0x80}, make([]byte, 127)...)) // 1,024 bits
	almost := base64urlOf(append([]byte{0x7f}, keyPairs()[5].N.Bytes()[1:]...))
	for _, tt := range []struct {
		name string
		key  string
		want int // keys held: the good one beside, and this one if it is sound
	}{
		{"no use", jwk(5, j{"use": nil}), 2},
		{"no alg", jwk(5, j{"alg": nil}), 2},
		{"key_ops verify", jwk(5, j{"key_ops": []string{"verify"}}), 2},
		{"a certificate that nobody can read", jwk(5, j{"x5c": []string{"!"}, "x5t": "?"}), 2},
		{"a member that nobody knows", jwk(5, j{"x": j{"y": 1}}), 2},
		{"the good key again", jwk(4, nil), 0},
		{"another key under the good key's id", jwk(5, j{"kid": "key-4"}), 0},
		{"for encryption", jwk(5, j{"use": "enc"}), 1},
		{"for nobody knows what", jwk(5, j{"use": "x"}), 1},
		{"key_ops sign", jwk(5, j{"key_ops": []string{"sign"}}), 1},
		{"for PS256", jwk(5, j{"alg": "PS256"}), 1},
		{"for HS256", jwk(5, j{"alg": "HS256"}), 1},
		{"no kid", jwk(5, j{"kid": nil}), 1},
		{"an empty kid", jwk(5, j{"kid": ""}), 1},
		{"a kid of 129 bytes", jwk(5, j{"kid": strings.Repeat("k", 129)}), 1},
		{"a kid that is a number", jwk(5, j{"kid": 5}), 1},
		{"1,024 bits", jwk(5, j{"n": weak}), 1},
		{"2,047 bits", jwk(5, j{"n": almost}), 1},
		{"70,000 bits", jwk(5, j{"n": base64urlOf([]byte(strings.Repeat("\xff", 8750)))}), 1},
		{"n in broken base64", jwk(5, j{"n": "%%%"}), 1},
		{"no n", jwk(5, j{"n": nil}), 1},
		{"no e", jwk(5, j{"e": nil}), 1},
		{"e is 1", jwk(5, j{"e": "AQ"}), 1},
		{"e is 2", jwk(5, j{"e": "Ag"}), 1},
		{"e is 4", jwk(5, j{"e": "BA"}), 1},
		{"e is 0", jwk(5, j{"e": "AA"}), 1},
		{"a private key", jwk(5, j{"d": "AQAB"}), 1},
		{"a secret", `{"kty":"oct","kid":"key-5","alg":"RS256","k":"c2VjcmV0"}`, 1},
		{"an elliptic curve", `{"kty":"EC","crv":"P-256","kid":"key-5","x":"AA","y":"AA"}`, 1},
		{"a curve that nobody knows", `{"kty":"OKP","crv":"Ed448","kid":"key-5","x":"AA"}`, 1},
		{"a kty that nobody knows", jwk(5, j{"kty": "AKP"}), 1},
		{"kid twice", strings.Replace(jwk(5, nil), "{", `{"kid":"x",`, 1), -1},
		{"null", `null`, 1},
		{"a string", `"key"`, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := coldWorld(t)
			w.BreakKeys(localissuer.Answer(200, `{"keys":[`+tt.key+`,`+jwk(4, nil)+`]}`))
			err := w.verifier.Refresh(t.Context())
			if got := w.verifier.Stats().Keys; got != max(tt.want, 0) {
				t.Errorf("%d keys are held, want %d (%v)", got, tt.want, err)
			}
			if refused := err != nil; refused != (tt.want < 1) {
				t.Errorf("the set: %v", err)
			}
		})
	}
}

func TestTheFirstTokenOfARotatedKeyIsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.KeyRequests()
	rotateTwice(w)
	accepts(t, w, w.machineToken())
	if got := w.KeyRequests() - before; got != 1 {
		t.Errorf("it took %d requests for keys, want 1", got)
	}
}

func TestARevokedKeyIsRefusedOnceTheKeySetWasFetchedAlsoFromTheCache(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.machineToken()
	accepts(t, w, old)
	accepts(t, w, old) // from the cache
	w.RotateKeys()
	if err := w.verifier.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	accepts(t, w, old) // the previous key counts until it is revoked
	w.RevokePreviousKey()
	if err := w.verifier.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	refuses(t, w, old, auth0.UnknownKey)
	accepts(t, w, w.machineToken())
}

func TestAFloodOfUnknownKeyIDsCostsAFetchPerCooldown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.KeyRequests()
	for round := range 4 {
		var flood sync.WaitGroup
		for n := range 8 {
			flood.Go(func() {
				for m := range 125 {
					refuses(t, w, header(j{"kid": fmt.Sprint("unknown-", round, n, m)})(w), auth0.UnknownKey)
				}
			})
		}
		flood.Wait()
		w.clock.Advance(10 * time.Second)
	}
	if got := w.KeyRequests() - before; got != 2 { // at 0 s and at 30 s
		t.Errorf("4,000 tokens over 30 s led to %d requests for keys, want 2", got)
	}
	accepts(t, w, w.machineToken())
}

func TestAnOutageOfTheIssuerChangesNothingForADayThenNothingCanBeJudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pace(func(p *auth0.Pace) { p.Refresh = 20 * time.Millisecond }))
	w.BreakKeys(localissuer.Answer(503, `{}`))
	eventually(t, "no good fetch is under way", func() bool { return w.verifier.Refresh(t.Context()) != nil })
	for range 24 {
		if err := w.verifier.Refresh(t.Context()); err == nil {
			t.Fatal("the outage is none")
		}
		accepts(t, w, w.machineToken())
		if err := w.verifier.Ready(); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Hour)
	}
	accepts(t, w, w.machineToken()) // to the second
	w.clock.Advance(time.Second)
	_, err := w.verifier.Verify(t.Context(), []byte(w.machineToken()))
	isUnavailable(t, err)
	isUnavailable(t, w.verifier.Ready())
	w.BreakKeys(nil)
	eventually(t, "keys are fetched again", func() bool { return w.verifier.Ready() == nil })
	accepts(t, w, w.machineToken())
}

func TestAnUnknownKeyIDInAnOutageIsNotTheCallersFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.BreakKeys(localissuer.Answer(503, `{}`))
	rotateTwice(w)
	for range 3 {
		_, err := w.verifier.Verify(t.Context(), []byte(w.machineToken()))
		isUnavailable(t, err)
	}
	w.BreakKeys(nil)
	w.clock.Advance(30 * time.Second)
	accepts(t, w, w.machineToken())
}

func TestAHangingIssuerHoldsARequestNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pace(func(p *auth0.Pace) { p.Wait, p.Timeout = 20*time.Millisecond, time.Hour }))
	var hanging atomic.Int64
	w.BreakKeys(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		hanging.Add(1)
		<-r.Context().Done()
	}))
	rotateTwice(w)
	for range 20 {
		_, err := w.verifier.Verify(t.Context(), []byte(w.machineToken()))
		isUnavailable(t, err)
	}
	if got := hanging.Load(); got != 1 {
		t.Errorf("%d requests hang at the issuer, want 1", got)
	}
}

func TestAnUnknownKeyIDJoinsTheFetchThatIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pace(func(p *auth0.Pace) { p.Wait, p.Timeout = 20*time.Millisecond, time.Hour }))
	rotateTwice(w)
	arrived, release := make(chan struct{}), make(chan struct{})
	keys := localissuer.Answer(200, string(w.PublishedKeys()))
	w.BreakKeys(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		keys.ServeHTTP(rw, r)
	}))
	var refresh sync.WaitGroup
	refresh.Go(func() {
		if err := w.verifier.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	})
	<-arrived
	_, err := w.verifier.Verify(t.Context(), []byte(w.machineToken()))
	isUnavailable(t, err)
	if got := w.verifier.Stats().KeyFetches; got != 2 { // at the start, and this one
		t.Errorf("%d fetches", got)
	}
	close(release)
	refresh.Wait()
	accepts(t, w, w.machineToken())
}

func TestWithoutKeysNothingIsJudgedAndTheyAreFoundSoonAfterTheIssuerIsBack(t *testing.T) {
	t.Parallel()
	w := coldWorld(t)
	w.BreakKeys(localissuer.Answer(503, `{}`))
	go w.verifier.Run(t.Context(), nil)
	token := w.machineToken()
	eventually(t, "a few attempts were made", func() bool { return w.KeyRequests() >= 5 })
	_, err := w.verifier.Verify(t.Context(), []byte(token))
	isUnavailable(t, err)
	isUnavailable(t, w.verifier.Ready())
	w.BreakKeys(nil) // the clock stands still, so no cooldown ends: recovery must not hang on one
	eventually(t, "the token is accepted", func() bool {
		_, err := w.verifier.Verify(t.Context(), []byte(token))
		return err == nil
	})
}

func TestAnIssuerThatIsNotThereYetIsFoundWhenItComes(t *testing.T) {
	t.Parallel()
	w := coldWorld(t)
	address := strings.TrimSuffix(strings.TrimPrefix(w.URL(), "http://"), "/")
	w.Close()
	go w.verifier.Run(t.Context(), nil)
	token := w.machineToken()
	eventually(t, "an attempt failed", func() bool { return w.verifier.Stats().KeyFetchFailures > 0 })
	_, err := w.verifier.Verify(t.Context(), []byte(token))
	isUnavailable(t, err)
	again, err := localissuer.Start(localissuer.Options{Address: address, Audience: audience, Keys: keyPairs(), Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	eventually(t, "the token is accepted", func() bool {
		_, err := w.verifier.Verify(t.Context(), []byte(token))
		return err == nil
	})
}

func TestTheKeySetIsFetchedAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pace(func(p *auth0.Pace) { p.Refresh = 10 * time.Millisecond }))
	eventually(t, "ten fetches", func() bool { return w.KeyRequests() >= 10 })
	if got := w.verifier.Stats().KeyFetchFailures; got != 0 {
		t.Errorf("%d of them failed", got)
	}
}

// Not of every failure: there are many in a day without the issuer.
func TestTroubleWithTheKeysIsToldWhenItBeginsAndWhenItEnds(t *testing.T) {
	t.Parallel()
	w := coldWorld(t, pace(func(p *auth0.Pace) { p.Refresh = 10 * time.Millisecond }))
	w.BreakKeys(localissuer.Answer(503, "oops"))
	told := make(chan error, 100)
	go w.verifier.Run(t.Context(), func(err error) { told <- err })
	further := func() {
		asked := w.KeyRequests()
		eventually(t, "five attempts more", func() bool { return w.KeyRequests() >= asked+5 })
	}
	for range 2 {
		further()
		if err := <-told; err == nil || !strings.Contains(err.Error(), "status 503") {
			t.Errorf("when it begins: %v", err)
		}
		w.BreakKeys(nil)
		further()
		if err := <-told; err != nil {
			t.Errorf("when it ends: %v", err)
		}
		w.BreakKeys(localissuer.Answer(503, "oops"))
	}
}

func TestTroubleWithTheSecretFileIsToldWhenItBeginsAndWhenItEnds(t *testing.T) {
	t.Parallel()
	w := coldWorld(t, hs256(t), pace(func(p *auth0.Pace) { p.Reread = time.Millisecond }))
	told := make(chan error, 100)
	go w.verifier.Run(t.Context(), func(err error) { told <- err })
	write(t, w.config.SecretFile, "short")
	if err := <-told; err == nil {
		t.Errorf("when it begins: %v", err)
	}
	reads := w.verifier.Stats().KeyFetchFailures
	eventually(t, "five attempts more", func() bool { return w.verifier.Stats().KeyFetchFailures >= reads+5 })
	write(t, w.config.SecretFile, secret)
	if err := <-told; err != nil {
		t.Errorf("when it ends: %v", err)
	}
}
