package auth0_test

import (
	"crypto/rsa"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"timesheets/adapters/auth0"
	"timesheets/adapters/localissuer"
)

func rfc9068(o *localissuer.Options, _ *auth0.Config) { o.Profile = localissuer.RFC9068Profile }

func ps256(o *localissuer.Options, _ *auth0.Config) { o.Algorithm = localissuer.PS256 }

const secret = "the-secret-that-api-and-issuer-share-0001"

// hs256 is a world with a shared secret, in a file that the test may write.
func hs256(t testing.TB) setup {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secrets")
	write(t, file, secret+"\n")
	return func(o *localissuer.Options, c *auth0.Config) {
		o.Algorithm, o.Secret = localissuer.HS256, secret
		c.SecretFile = file
	}
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func hostileInRFC9068() []hostile {
	return []hostile{
		{"RFC 9068: typ JWT, as an ID token has", header(j{"typ": "JWT"}), auth0.WrongType},
		{"RFC 9068: no typ", header(j{"typ": gone}), auth0.WrongType},
		{"RFC 9068: typ with something behind", header(j{"typ": "at+jwt+x"}), auth0.WrongType},
		{"RFC 9068: no client_id", claims(j{"client_id": gone}), auth0.MissingClaim},
		{"RFC 9068: azp instead of client_id", claims(j{"client_id": gone, "azp": "job"}), auth0.MissingClaim},
		{"RFC 9068: client_id is empty", claims(j{"client_id": ""}), auth0.MissingClaim},
		{"RFC 9068: client_id as Client_id", claimsInstead("client_id", `"Client_id":"job"`), auth0.MissingClaim},
		{"RFC 9068: no jti", claims(j{"jti": gone}), auth0.MissingClaim},
		{"RFC 9068: jti is empty", claims(j{"jti": ""}), auth0.MissingClaim},
		{"RFC 9068: jti is a number", claims(j{"jti": 1}), auth0.BadClaims},
		{"RFC 9068: no iat", claims(j{"iat": gone}), auth0.MissingClaim},
		{"RFC 9068: no sub", claims(j{"sub": gone}), auth0.MissingClaim},
		{"RFC 9068: no exp", claims(j{"exp": gone}), auth0.MissingClaim},
		{"RFC 9068: no aud", claims(j{"aud": gone}), auth0.MissingClaim},
		{"RFC 9068: azp is another than client_id", claims(j{"azp": "other"}), auth0.ClientsDiffer},
	}
}

func hostileInPS256() []hostile {
	own := func() *rsa.PrivateKey { return keyPairs()[0] }
	return []hostile{
		{"PS256: said to be RS256", header(j{"alg": "RS256"}), auth0.WrongAlgorithm},
		{"PS256: signed as RS256 and saying so", signed(j{"alg": "RS256"}, withKey(own)), auth0.WrongAlgorithm},
		{"PS256: signed as RS256", signed(nil, withKey(own)), auth0.BadSignature},
		{"PS256: no salt", signed(nil, withPSS(0)), auth0.BadSignature},
		{"PS256: a salt of 20 bytes", signed(nil, withPSS(20)), auth0.BadSignature},
		{"PS256: the longest salt", signed(nil, withPSS(222)), auth0.BadSignature},
		{"PS256: said to be PS384", header(j{"alg": "PS384"}), auth0.WrongAlgorithm},
		{"PS256: no kid", header(j{"kid": gone}), auth0.NoKeyID},
	}
}

func hostileInHS256() []hostile {
	of := func(s string) func(*world) []byte { return func(*world) []byte { return []byte(s) } }
	return []hostile{
		{"HS256: another secret", signed(nil, withHMAC(of("another-secret-of-more-than-32-bytes-00"))), auth0.BadSignature},
		{"HS256: no secret", signed(nil, withHMAC(of(""))), auth0.BadSignature},
		{"HS256: the secret with its line feed", signed(nil, withHMAC(of(secret+"\n"))), auth0.BadSignature},
		{"HS256: the first 32 bytes of the secret", signed(nil, withHMAC(of(secret[:32]))), auth0.BadSignature},
		{"HS256: half a signature", parts(func(_, _, s *string) { *s = (*s)[:20] }), auth0.BadSignature},
		{"HS256: a signature of 16 bytes", signed(nil, constant(make([]byte, 16))), auth0.BadSignature},
		{"HS256: alg is none", header(j{"alg": "none"}), auth0.WrongAlgorithm},
		{"HS256: alg is HS384", header(j{"alg": "HS384"}), auth0.WrongAlgorithm},
		{"HS256: alg is HS512", header(j{"alg": "HS512"}), auth0.WrongAlgorithm},
		{"HS256: alg is RS256", signed(j{"alg": "RS256"}, withKey(stranger)), auth0.WrongAlgorithm},
		{"HS256: no exp", claims(j{"exp": gone}), auth0.MissingClaim},
		{"HS256: kid is a number", header(j{"kid": 1}), auth0.BadHeader},
	}
}

func TestNoHostileTokenIsAcceptedInTheRFC9068Profile(t *testing.T) {
	t.Parallel()
	refuseAll(t, newWorld(t, rfc9068), hostileInRFC9068())
}

func TestNoHostileTokenIsAcceptedWithPS256(t *testing.T) {
	t.Parallel()
	refuseAll(t, newWorld(t, ps256), hostileInPS256())
}

func TestNoHostileTokenIsAcceptedWithHS256(t *testing.T) {
	t.Parallel()
	refuseAll(t, newWorld(t, hs256(t)), hostileInHS256())
}

func TestEveryLegalVariantIsAccepted(t *testing.T) {
	t.Parallel()
	iat := func(written string) forge { return claimsInstead("iat", `"iat":`+written) }
	exp := func(written string) forge { return claimsInstead("exp", `"exp":`+written) }
	for _, tt := range []struct {
		name  string
		token forge
		setup setup
	}{
		{"a machine's token", claims(nil), nil},
		{"typ at+jwt in Auth0's profile", header(j{"typ": "at+jwt"}), nil},
		{"typ application/at+jwt", header(j{"typ": "application/at+jwt"}), nil},
		{"typ in small letters", header(j{"typ": "jwt"}), nil},
		{"typ in capitals", header(j{"typ": "AT+JWT"}), nil},
		{"typ application/jwt", header(j{"typ": "application/JWT"}), nil},
		{"no typ in Auth0's profile", header(j{"typ": gone}), nil},
		{"cty", header(j{"cty": "JWT"}), nil},
		{"a thumbprint in the header", header(j{"x5t": "abc"}), nil},
		{"an unknown header member", header(j{"x": j{"deep": []int{1, 2}}}), nil},
		{"a header member that looks like alg", header(j{"ALG": "none"}), nil},
		{"a header with blanks", headerText(" { \"alg\" : \"RS256\" ,\n\t\"kid\" : \"KID\" } "), nil},
		{"a header with escapes", headerText(`{"\u0061lg":"RS\u003256","kid":"KID"}`), nil},
		{"a key offered by the token is not looked at", header(j{"jku": "https://evil.example/"}), nil},
		{"aud in an array", claims(j{"aud": []string{audience}}), nil},
		{"aud with the userinfo endpoint", func(w *world) string { return w.PersonToken(localissuer.Person{Subject: "auth0|ann", OpenID: true}) }, nil},
		{"aud twice in the array", claims(j{"aud": []string{audience, audience}}), nil},
		{"exp was 29 s ago", claimsAt("exp", -29), nil},
		{"exp was 29.5 s ago", claimsAt("exp", -29.5), nil},
		{"nbf lies exactly 30 s ahead", claimsAt("nbf", 30), nil},
		{"iat lies exactly 30 s ahead", claimsAt("iat", 30), nil},
		{"exp with a fraction", claimsAt("exp", 60.25), nil},
		{"exp in scientific notation", exp(`4.1024448e9`), nil},
		{"exp at the end of the year 9999", exp(`253402300799`), nil},
		{"iat is 0", iat(`0`), nil},
		{"nbf is 0", claimsWith(`"nbf":0`), nil},
		{"a claim that looks like exp", claimsWith(`"Exp":1`), nil},
		{"a claim that looks like scope", claimsWith(`"\u017fcope":"approve:timesheets"`), nil},
		{"deep custom claims", claimsWith(`"https://x/roles":` + nested(25)), nil},
		{"an emoji in a claim", claims(j{"name": "\U0001F600"}), nil},
		{"an escaped surrogate pair", claimsWith(`"name":"\ud83d\ude00"`), nil},
		{"permissions", claims(j{"permissions": []string{"approve:timesheets"}}), nil},
		{"no scope", claims(j{"scope": gone}), nil},
		{"an empty scope", claims(j{"scope": ""}), nil},
		{"azp and client_id that agree", claims(j{"client_id": "job"}), nil},
		{"neither azp nor client_id, with the grant", claims(j{"azp": gone}), nil},
		{"a machine without Auth0's suffix", claims(j{"sub": "job", "gty": gone}), nil},
		{"an agent's subject", claims(j{"sub": "agt_123"}), nil},
		{"a token nearly as long as may be", func(w *world) string {
			return claims(j{"padding": strings.Repeat("x", (auth0.MaxTokenLength-1000)*3/4-100)})(w)
		}, nil},
		{"a person's token", func(w *world) string { return w.PersonToken(localissuer.Person{Subject: "auth0|ann"}) }, nil},
		{"RFC 9068: a machine's token", claims(nil), rfc9068},
		{"RFC 9068: typ with its tree", header(j{"typ": "application/AT+JWT"}), rfc9068},
		{"RFC 9068: azp beside client_id", claims(j{"azp": "job"}), rfc9068},
		{"PS256: a machine's token", claims(nil), ps256},
		{"HS256: a machine's token", claims(nil), hs256(t)},
		{"HS256: a kid is not looked at", header(j{"kid": "x"}), hs256(t)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.setup == nil {
				tt.setup = func(*localissuer.Options, *auth0.Config) {}
			}
			w := newWorld(t, tt.setup)
			accepts(t, w, tt.token(w))
		})
	}
}
