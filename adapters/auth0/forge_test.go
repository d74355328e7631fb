package auth0_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"

	"timesheets/adapters/localissuer"
)

// forge makes one token for a world.
type forge func(w *world) string

// j is a JSON object; gone takes a member away.
type j = map[string]any

var gone any = nil

// claims is a machine's good token with other claims.
func claims(changes j) forge {
	return func(w *world) string {
		return w.Sign(w.Header(), w.MachineClaims(localissuer.Machine{Client: "job", Scopes: []string{"batch:upload"}, Claims: changes}))
	}
}

// claimsAt is claims with one NumericDate, so many seconds from now.
func claimsAt(name string, seconds float64) forge {
	return func(w *world) string {
		return claims(j{name: float64(w.clock.Now().Unix()) + seconds})(w)
	}
}

// header is a good token with another header, signed as always.
func header(changes j) forge {
	return func(w *world) string {
		h := w.Header()
		maps.Copy(h, changes)
		maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
		return w.Sign(h, goodClaims(w))
	}
}

// headerText puts a good signature under a header as it is written.
func headerText(text string) forge {
	return func(w *world) string { return w.SignText(fill(w, text), jsonOf(goodClaims(w))) }
}

// claimsText puts a good signature under claims as they are written.
func claimsText(text string) forge {
	return func(w *world) string { return w.SignText(jsonOf(w.Header()), fill(w, text)) }
}

// claimsWith writes members before those of a good token.
func claimsWith(members string) forge {
	return func(w *world) string {
		return w.SignText(jsonOf(w.Header()), "{"+fill(w, members)+","+jsonOf(goodClaims(w))[1:])
	}
}

// claimsInstead writes members and leaves one of the good ones out.
func claimsInstead(of, members string) forge {
	return func(w *world) string {
		c := goodClaims(w)
		delete(c, of)
		return w.SignText(jsonOf(w.Header()), "{"+fill(w, members)+","+jsonOf(c)[1:])
	}
}

// headerWith writes members before those of a good header.
func headerWith(members string) forge {
	return func(w *world) string {
		return w.SignText("{"+fill(w, members)+","+jsonOf(w.Header())[1:], jsonOf(goodClaims(w)))
	}
}

// fill replaces KID, ISS and AUD by what is right in w.
func fill(w *world, text string) string {
	return strings.NewReplacer("KID", w.KeyID(), "ISS", w.URL(), "AUD", audience).Replace(text)
}

// text is what edit makes of a good token.
func text(edit func(good string) string) forge {
	return func(w *world) string { return edit(w.machineToken()) }
}

// parts edits the three parts of a good token.
func parts(edit func(header, claims, signature *string)) forge {
	return text(func(good string) string {
		p := strings.Split(good, ".")
		edit(&p[0], &p[1], &p[2])
		return strings.Join(p, ".")
	})
}

// signed puts another signature under a good token with another header.
func signed(changes j, signature func(input string, w *world) []byte) forge {
	return func(w *world) string {
		p := strings.Split(header(changes)(w), ".")
		input := p[0] + "." + p[1]
		return input + "." + base64.RawURLEncoding.EncodeToString(signature(input, w))
	}
}

func withHMAC(secret func(w *world) []byte) func(string, *world) []byte {
	return func(input string, w *world) []byte {
		mac := hmac.New(sha256.New, secret(w))
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}
}

func withKey(key func() *rsa.PrivateKey) func(string, *world) []byte {
	return func(input string, _ *world) []byte {
		digest := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPKCS1v15(nil, key(), crypto.SHA256, digest[:])
		must(err)
		return signature
	}
}

func withPSS(saltLength int) func(string, *world) []byte {
	return func(input string, _ *world) []byte {
		digest := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPSS(rand.Reader, keyPairs()[0], crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: saltLength})
		must(err)
		return signature
	}
}

func constant(b []byte) func(string, *world) []byte {
	return func(string, *world) []byte { return b }
}

func goodClaims(w *world) j {
	return w.MachineClaims(localissuer.Machine{Client: "job", Scopes: []string{"batch:upload"}})
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	must(err)
	return string(text)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func base64urlOf(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
