package auth0_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"

	"timesheets/adapters/auth0"
)

func hostileHeaders() []hostile {
	return []hostile{
		{"a header that is no JSON", headerText(`alg=RS256`), auth0.BadHeader},
		{"a header that is an array", headerText(`["RS256","KID"]`), auth0.BadHeader},
		{"a header that is a string", headerText(`"RS256"`), auth0.BadHeader},
		{"a header that is a number", headerText(`256`), auth0.BadHeader},
		{"a header that is null", headerText(`null`), auth0.BadHeader},
		{"a header cut short", headerText(`{"alg":"RS256","kid":"KID"`), auth0.BadHeader},
		{"a header with a comma too many", headerText(`{"alg":"RS256","kid":"KID",}`), auth0.BadHeader},
		{"a header with something behind", headerText(`{"alg":"RS256","kid":"KID"}{}`), auth0.BadHeader},
		{"a header with a zero byte behind", headerText(`{"alg":"RS256","kid":"KID"}` + "\x00"), auth0.BadHeader},
		{"a header with a byte order mark", headerText("\ufeff" + `{"alg":"RS256","kid":"KID"}`), auth0.BadHeader},
		{"a header with a comment", headerText(`{"alg":"RS256"/**/,"kid":"KID"}`), auth0.BadHeader},
		{"a header in single quotes", headerText(`{'alg':'RS256','kid':'KID'}`), auth0.BadHeader},
		{"a header that is not UTF-8", headerText("{\"alg\":\"RS256\",\"kid\":\"KID\",\"x\":\"\xff\"}"), auth0.BadHeader},
		{"a header in UTF-16", headerText("{\x00}\x00"), auth0.BadHeader},
		{"a header 100 objects deep", headerWith(`"x":` + nested(100)), auth0.BadHeader},
		{"a header 2,000 arrays deep", headerWith(`"x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000)), auth0.BadHeader},
		{"an empty header", headerText(`{}`), auth0.WrongAlgorithm},

		{"alg twice", headerWith(`"alg":"none"`), auth0.BadHeader},
		{"alg twice, the same", headerWith(`"alg":"RS256"`), auth0.BadHeader},
		{"alg twice, once in escapes", headerWith(`"\u0061lg":"none"`), auth0.BadHeader},
		{"kid twice", headerWith(`"kid":"other"`), auth0.BadHeader},
		{"typ twice", headerWith(`"typ":"JWT"`), auth0.BadHeader},
		{"an unknown member twice", headerWith(`"x":1,"x":2`), auth0.BadHeader},
		{"a member twice further down", headerWith(`"x":{"y":1,"y":2}`), auth0.BadHeader},

		{"no alg", header(j{"alg": gone}), auth0.WrongAlgorithm},
		{"alg is empty", header(j{"alg": ""}), auth0.WrongAlgorithm},
		{"alg is none", header(j{"alg": "none"}), auth0.WrongAlgorithm},
		{"alg is None", header(j{"alg": "None"}), auth0.WrongAlgorithm},
		{"alg is nOnE", header(j{"alg": "nOnE"}), auth0.WrongAlgorithm},
		{"alg is none and the signature is one byte", signed(j{"alg": "none"}, constant([]byte{0})), auth0.WrongAlgorithm},
		{"alg is none and there is no signature", func(w *world) string {
			token := header(j{"alg": "none"})(w)
			return token[:strings.LastIndex(token, ".")+1]
		}, auth0.Malformed},
		{"alg in small letters", header(j{"alg": "rs256"}), auth0.WrongAlgorithm},
		{"alg with a blank", header(j{"alg": "RS256 "}), auth0.WrongAlgorithm},
		{"alg with a zero byte", header(j{"alg": "RS256\x00"}), auth0.WrongAlgorithm},
		{"alg with a Cyrillic letter", header(j{"alg": "R\u0405256"}), auth0.WrongAlgorithm},
		{"alg is RS384", header(j{"alg": "RS384"}), auth0.WrongAlgorithm},
		{"alg is RS512", header(j{"alg": "RS512"}), auth0.WrongAlgorithm},
		{"alg is PS256", header(j{"alg": "PS256"}), auth0.WrongAlgorithm},
		{"alg is ES256", header(j{"alg": "ES256"}), auth0.WrongAlgorithm},
		{"alg is EdDSA", header(j{"alg": "EdDSA"}), auth0.WrongAlgorithm},
		{"alg is HS256", header(j{"alg": "HS256"}), auth0.WrongAlgorithm},
		{"alg is RSA-OAEP", header(j{"alg": "RSA-OAEP"}), auth0.WrongAlgorithm},
		{"alg is null", headerText(`{"alg":null,"kid":"KID","typ":"JWT"}`), auth0.BadHeader},
		{"alg is a number", header(j{"alg": 256}), auth0.BadHeader},
		{"alg is an array", header(j{"alg": []string{"RS256"}}), auth0.BadHeader},
		{"alg is an object", header(j{"alg": j{"name": "RS256"}}), auth0.BadHeader},
		{"alg as Alg", headerText(`{"Alg":"RS256","kid":"KID","typ":"JWT"}`), auth0.WrongAlgorithm},
		{"alg as ALG", headerText(`{"ALG":"RS256","kid":"KID","typ":"JWT"}`), auth0.WrongAlgorithm},

		{"a DPoP proof", header(j{"typ": "dpop+jwt"}), auth0.WrongType},
		{"a logout token", header(j{"typ": "logout+jwt"}), auth0.WrongType},
		{"a security event", header(j{"typ": "secevent+jwt"}), auth0.WrongType},
		{"a client assertion", header(j{"typ": "client-authentication+jwt"}), auth0.WrongType},
		{"typ is JWE", header(j{"typ": "JWE"}), auth0.WrongType},
		{"typ is JOSE+JSON", header(j{"typ": "JOSE+JSON"}), auth0.WrongType},
		{"typ is empty", header(j{"typ": ""}), auth0.WrongType},
		{"typ with a blank", header(j{"typ": "at+jwt "}), auth0.WrongType},
		{"typ with a parameter", header(j{"typ": "at+jwt;v=1"}), auth0.WrongType},
		{"typ of another tree", header(j{"typ": "text/at+jwt"}), auth0.WrongType},
		{"typ with application twice", header(j{"typ": "application/application/at+jwt"}), auth0.WrongType},
		{"typ is null", headerText(`{"alg":"RS256","kid":"KID","typ":null}`), auth0.BadHeader},
		{"typ is a number", header(j{"typ": 1}), auth0.BadHeader},
		{"typ is an array", header(j{"typ": []string{"JWT"}}), auth0.BadHeader},

		{"no kid", header(j{"kid": gone}), auth0.NoKeyID},
		{"kid is empty", header(j{"kid": ""}), auth0.NoKeyID},
		{"kid as KID", headerText(`{"alg":"RS256","Kid":"KID","typ":"JWT"}`), auth0.NoKeyID},
		{"kid of 129 bytes", header(j{"kid": strings.Repeat("k", 129)}), auth0.NoKeyID},
		{"kid of 8,000 bytes", header(j{"kid": strings.Repeat("k", 8000)}), auth0.NoKeyID},
		{"kid is null", headerText(`{"alg":"RS256","kid":null,"typ":"JWT"}`), auth0.BadHeader},
		{"kid is a number", header(j{"kid": 0}), auth0.BadHeader},
		{"kid is an array", header(j{"kid": []string{"a"}}), auth0.BadHeader},
		{"kid is an object", header(j{"kid": j{}}), auth0.BadHeader},
		{"kid of nobody", header(j{"kid": "nobody"}), auth0.UnknownKey},
		{"kid with a blank behind", headerText(`{"alg":"RS256","kid":"KID ","typ":"JWT"}`), auth0.UnknownKey},
		{"kid as a path", header(j{"kid": "../../../../dev/null"}), auth0.UnknownKey},
		{"kid as SQL", header(j{"kid": "' UNION SELECT 'secret' --"}), auth0.UnknownKey},
		{"kid as a URL", header(j{"kid": "https://evil.example/key.pem"}), auth0.UnknownKey},
		{"kid as a command", header(j{"kid": "|/bin/true"}), auth0.UnknownKey},
		{"kid is an asterisk", header(j{"kid": "*"}), auth0.UnknownKey},

		{"crit names exp", header(j{"crit": []string{"exp"}}), auth0.CriticalHeader},
		{"crit names what nobody knows", header(j{"crit": []string{"x"}, "x": 1}), auth0.CriticalHeader},
		{"crit names b64", header(j{"crit": []string{"b64"}, "b64": false}), auth0.CriticalHeader},
		{"crit is empty", header(j{"crit": []string{}}), auth0.CriticalHeader},
		{"crit is a string", header(j{"crit": "exp"}), auth0.CriticalHeader},
		{"crit is null", headerWith(`"crit":null`), auth0.CriticalHeader},
		{"crit is a number", header(j{"crit": 1}), auth0.CriticalHeader},
		{"b64 is false without crit", header(j{"b64": false}), auth0.CriticalHeader},
		{"zip", header(j{"zip": "DEF"}), auth0.Encrypted},
		{"enc", header(j{"enc": "A128GCM"}), auth0.Encrypted},
	}
}

// stranger is a key that the issuer does not have.
func stranger() *rsa.PrivateKey { return keyPairs()[5] }

// next is a key that the issuer has published and does not sign with.
func next() *rsa.PrivateKey { return keyPairs()[1] }

func hostileSignatures() []hostile {
	jwk := func(k *rsa.PrivateKey) j {
		return j{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "mine",
			"n": base64.RawURLEncoding.EncodeToString(k.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes())}
	}
	publicPEM := func(w *world) []byte {
		der, err := x509.MarshalPKIXPublicKey(&keyPairs()[0].PublicKey)
		must(err)
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	publicDER := func(w *world) []byte { return x509.MarshalPKCS1PublicKey(&keyPairs()[0].PublicKey) }
	modulus := func(w *world) []byte { return keyPairs()[0].N.Bytes() }
	keySet := func(w *world) []byte { return w.PublishedKeys() }
	nothing := func(*world) []byte { return nil }
	return []hostile{
		{"signed by a stranger under our kid", signed(nil, withKey(stranger)), auth0.BadSignature},
		{"signed by a stranger under a kid of their own", signed(j{"kid": "mine"}, withKey(stranger)), auth0.UnknownKey},
		{"signed by the next key under the current kid", signed(nil, withKey(next)), auth0.BadSignature},
		{"a stranger's key in jwk", signed(j{"jwk": jwk(stranger())}, withKey(stranger)), auth0.BadSignature},
		{"a stranger's key in jwk, under its kid", signed(j{"jwk": jwk(stranger()), "kid": "mine"}, withKey(stranger)), auth0.UnknownKey},
		{"a stranger's key in jwk, without kid", signed(j{"jwk": jwk(stranger()), "kid": gone}, withKey(stranger)), auth0.NoKeyID},
		{"a stranger's key set in jku", signed(j{"jku": "https://evil.example/jwks.json", "kid": "mine"}, withKey(stranger)), auth0.UnknownKey},
		{"a stranger's certificate in x5u", signed(j{"x5u": "https://evil.example/cert.pem"}, withKey(stranger)), auth0.BadSignature},
		{"a stranger's certificate in x5c", signed(j{"x5c": []string{"MIIB"}}, withKey(stranger)), auth0.BadSignature},

		{"HMAC with the public key in PEM", signed(j{"alg": "HS256"}, withHMAC(publicPEM)), auth0.WrongAlgorithm},
		{"HMAC with the public key in DER", signed(j{"alg": "HS256"}, withHMAC(publicDER)), auth0.WrongAlgorithm},
		{"HMAC with the modulus", signed(j{"alg": "HS256"}, withHMAC(modulus)), auth0.WrongAlgorithm},
		{"HMAC with the key set", signed(j{"alg": "HS256"}, withHMAC(keySet)), auth0.WrongAlgorithm},
		{"HMAC with nothing", signed(j{"alg": "HS256"}, withHMAC(nothing)), auth0.WrongAlgorithm},
		{"HMAC with the public key, said to be RS256", signed(nil, withHMAC(publicPEM)), auth0.BadSignature},

		{"a PSS signature said to be RS256", signed(nil, withPSS(32)), auth0.BadSignature},
		{"a signature of zeros", signed(nil, constant(make([]byte, 256))), auth0.BadSignature},
		{"a signature of one", signed(nil, constant(append(make([]byte, 255), 1))), auth0.BadSignature},
		{"a signature as large as the modulus", signed(nil, func(_ string, w *world) []byte { return modulus(w) }), auth0.BadSignature},
		{"a signature of one byte", signed(nil, constant([]byte{1})), auth0.BadSignature},
		{"a signature one byte short", parts(func(_, _, s *string) { *s = (*s)[:340] }), auth0.BadSignature},
		{"a signature with a zero byte before", signed(nil, func(input string, w *world) []byte {
			return append([]byte{0}, withKey(func() *rsa.PrivateKey { return keyPairs()[0] })(input, w)...)
		}), auth0.BadSignature},
		{"a signature of 4,000 bytes", signed(nil, constant(make([]byte, 4000))), auth0.BadSignature},
		{"a signature with one bit turned", parts(func(_, _, s *string) {
			*s = flip(*s)
		}), auth0.BadSignature},

		{"the claims of another token", func(w *world) string {
			other := strings.Split(claims(j{"sub": "admin@clients", "azp": "admin"})(w), ".")
			good := strings.Split(w.machineToken(), ".")
			return good[0] + "." + other[1] + "." + good[2]
		}, auth0.BadSignature},
		{"the header of another token", func(w *world) string {
			other := strings.Split(header(j{"x": 1})(w), ".")
			good := strings.Split(w.machineToken(), ".")
			return other[0] + "." + good[1] + "." + good[2]
		}, auth0.BadSignature},
		{"header and claims changed over", func(w *world) string {
			return w.SignText(jsonOf(goodClaims(w)), jsonOf(w.Header()))
		}, auth0.WrongAlgorithm},
		{"a good token of another issuer", func(w *world) string {
			return signed(nil, withKey(stranger))(w)
		}, auth0.BadSignature},
	}
}

// flip turns the highest bit of the first byte of a base64url text.
func flip(s string) string {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	must(err)
	raw[0] ^= 0x80
	return base64.RawURLEncoding.EncodeToString(raw)
}

// nested is objects in objects.
func nested(depth int) string {
	return strings.Repeat(`{"x":`, depth) + "1" + strings.Repeat("}", depth)
}
