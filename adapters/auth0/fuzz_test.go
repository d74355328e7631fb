package auth0

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// FuzzClaims holds the claims decoder against encoding/json, which is lenient:
// what ours takes, the other must take too, and read no differently.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"exp":1}`, `{"exp":"1"}`, `{"exp":1e300}`, `{"exp":1,"Exp":2}`, `{"exp":1,"exp":2}`, `{"aud":["a","b"],"sub":"x"}`,
		`{"sub":"\ud83d\ude00","x":{"y":[1,{"z":null}]}}`, "{\"\u017fub\":\"x\"}", `{"cnf":null}`, `{"email_verified":false}`, ` { "iss" : "a" } `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := readClaims(base64.RawURLEncoding.EncodeToString(text), Auth0Profile)
		if err != nil {
			if _, ok := errors.AsType[Reason](err); !ok {
				t.Errorf("refused without a reason: %v", err)
			}
			return
		}
		var lenient map[string]any
		if err := json.Unmarshal(text, &lenient); err != nil || lenient == nil || !utf8.Valid(text) {
			t.Fatalf("taken, though it is no JSON object: %q (%v)", text, err)
		}
		if sub, _ := lenient["sub"].(string); sub != c.subject {
			t.Errorf("sub is %q, not %q", c.subject, sub)
		}
		if _, has := lenient["exp"]; has != (c.expiresAt != nil) {
			t.Error("exp is there for one and not for the other")
		}
		if c.expiresAt != nil && (c.expiresAt.Unix() < 0 || c.expiresAt.Unix() > lastSecond) {
			t.Errorf("exp is %s", c.expiresAt)
		}
		if _, has := lenient["cnf"]; has != c.senderBound {
			t.Error("cnf went unseen")
		}
	})
}

// FuzzHeader holds the header check against golang-jwt's reading of the same
// header: what passes must mean to golang-jwt what it meant to us.
func FuzzHeader(f *testing.F) {
	for _, seed := range []string{
		`{"alg":"RS256","kid":"a","typ":"JWT"}`, `{"alg":"none"}`, `{"alg":"RS256","alg":"none","kid":"a"}`, `{"Alg":"RS256","kid":"a"}`,
		`{"alg":"RS256","kid":"a","crit":[]}`, `{"alg":"RS256","kid":"a","x":[[[]]]}`, `null`, ``,
	} {
		f.Add([]byte(seed))
	}
	v := &Verifier{method: jwt.SigningMethodRS256, profile: Auth0Profile}
	f.Fuzz(func(t *testing.T, text []byte) {
		part := base64.RawURLEncoding.EncodeToString(text)
		keyID, err := v.readHeader(part)
		if err != nil {
			if _, ok := errors.AsType[Reason](err); !ok {
				t.Errorf("refused without a reason: %v", err)
			}
			return
		}
		token, _, err := jwt.NewParser().ParseUnverified(part+".e30.AA", jwt.MapClaims{})
		if err != nil {
			t.Fatalf("golang-jwt cannot read what passed: %q (%v)", text, err)
		}
		if token.Header["alg"] != RS256 || token.Header["kid"] != keyID || keyID == "" || len(keyID) > maxKeyIDLength {
			t.Errorf("passed as %v", token.Header)
		}
		for _, name := range []string{"crit", "b64", "zip", "enc"} {
			if _, has := token.Header[name]; has {
				t.Errorf("passed with %s", name)
			}
		}
	})
}

// FuzzForm checks that what passes is what its parts decode to, and nothing
// else is: no two spellings of one token.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"a.b.c", "YQ.YQ.YQ", "..", "a.b.c.d.e", "YQ\n.YQ.YQ", "YQ==.YQ.YQ", strings.Repeat(".", 50)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, err := checkForm(token)
		if err != nil {
			return
		}
		written := strings.Split(token, ".")
		if len(written) != 3 || got != (parts{written[0], written[1], written[2], written[0] + "." + written[1]}) {
			t.Fatalf("passed: %q as %q", token, got)
		}
		for _, part := range written {
			decoded, err := decode(part)
			if err == nil && base64.RawURLEncoding.EncodeToString(decoded) != part {
				t.Errorf("%q is another spelling of %q", part, decoded)
			}
		}
	})
}

// FuzzKeySet checks that no answer of an issuer gets a weak key in, or brings
// the program down.
func FuzzKeySet(f *testing.F) {
	for _, seed := range []string{
		`{"keys":[]}`, `{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}`, `{"keys":[{"kty":"EC"},{"kty":"OKP","crv":"Ed25519","x":"AA"},1,null]}`,
		`{"keys":[{"kty":"RSA","kid":"a","n":"` + strings.Repeat("_", 342) + `","e":"AQAB"}]}`, `{"keys":{}}`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := decodeKeys(text)
		if err != nil {
			return
		}
		ids := map[string]bool{}
		for _, key := range usableKeys(keys, RS256) {
			m := key.Marshal()
			if m.KID == "" || ids[m.KID] || m.KTY != "RSA" || len(m.N) < 300 || m.ALG != "" && m.ALG != RS256 {
				t.Errorf("usable: %+v", m)
			}
			ids[m.KID] = true
		}
	})
}

// FuzzNumericDate checks that no number becomes another instant than it says.
func FuzzNumericDate(f *testing.F) {
	for _, seed := range []string{"0", "-0", "1", "1.5", "1e300", "1e400", "253402300799", "253402300800", "9223372036854775807", "-1", "0.1e1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, written string) {
		var seconds float64
		if json.Unmarshal([]byte(written), &seconds) != nil || strings.Trim(written, "0123456789.eE+-") != "" {
			return // not a number as JSON writes it
		}
		date, err := numericDate(written)
		if err != nil {
			if seconds >= 0 && seconds <= lastSecond {
				t.Errorf("%s was refused", written)
			}
			return
		}
		if off := date.Sub(time.Unix(0, 0)).Seconds() - seconds; seconds < 1e9 && (off > 1e-6 || off < -1e-6) {
			t.Errorf("%s became %s", written, date)
		}
	})
}
