package auth0_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"timesheets/adapters/localissuer"
)

// BenchmarkRSA is the floor: the signature check alone.
func BenchmarkRSA(b *testing.B) {
	w := newWorld(b)
	p := strings.Split(w.machineToken(), ".")
	digest := sha256.Sum256([]byte(p[0] + "." + p[1]))
	signature, err := base64.RawURLEncoding.DecodeString(p[2])
	if err != nil {
		b.Fatal(err)
	}
	key := &keyPairs()[0].PublicKey
	b.ReportAllocs()
	for b.Loop() {
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyFirst proves tokens that were not seen before.
func BenchmarkVerifyFirst(b *testing.B) {
	w := newWorld(b)
	tokens := make([]string, 3000) // more than the cache would hold of its younger half is not needed: each is proven once a round
	for n := range tokens {
		tokens[n] = w.MachineToken(localissuer.Machine{Client: fmt.Sprint("job-", n), Scopes: []string{"batch:upload"}})
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n == len(tokens) {
			n = 0
			w.clock.Advance(2 * 60e9) // all that was remembered has ended
		}
		if _, err := w.verifier.Verify(b.Context(), []byte(tokens[n])); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if hits := w.verifier.Stats().CacheHits; hits > 0 {
		b.Fatalf("%d came from the cache", hits)
	}
}

// BenchmarkVerifyCached shows the same token again.
func BenchmarkVerifyCached(b *testing.B) {
	w := newWorld(b)
	token := []byte(w.machineToken())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.verifier.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRefuse is what a forged signature costs us.
func BenchmarkRefuse(b *testing.B) {
	w := newWorld(b)
	token := signed(nil, withKey(stranger))(w)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.verifier.Verify(b.Context(), []byte(token)); err == nil {
			b.Fatal("accepted")
		}
	}
}
