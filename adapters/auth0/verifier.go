package auth0

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"timesheets/application/access"
)

// leeway is how far clocks may differ: a token counts until 30 s after exp, and
// from 30 s before nbf and iat.
const leeway = 30 * time.Second

// Verifier proves the access tokens of one issuer for one API. It is safe for
// concurrent use. It needs Run beside it to keep its keys fresh.
type Verifier struct {
	issuer    string
	algorithm string
	profile   Profile
	parser    *jwt.Parser
	strictPSS jwt.SigningMethod
	keys      keys
	cache     cache
	counters  counters
	now       func() time.Time
}

var _ access.TokenVerifier = (*Verifier)(nil)

// keys are what signatures are checked with: a keyring or a secretFile.
type keys interface {
	keyfunc(context.Context) jwt.Keyfunc // finds the key of a token
	generation() uint64                  // differs whenever the keys do
	refresh(context.Context) error       // looks for new keys now
	run(context.Context)                 // does so again and again until the context ends
	ready() error                        // nil while tokens can be judged
	count(*Stats)                        // adds what it knows
}

// NewVerifier checks c and makes a Verifier, without asking anything of the
// network. With HS256 the secret file must be there and good.
func NewVerifier(c Config) (*Verifier, error) {
	c, err := c.checked()
	if err != nil {
		return nil, err
	}
	v := &Verifier{
		issuer:    c.Issuer,
		algorithm: c.Algorithm,
		profile:   c.Profile,
		now:       c.Now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{c.Algorithm}),
			jwt.WithStrictDecoding(),
			jwt.WithAudience(c.Audience),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway),
			jwt.WithTimeFunc(c.Now),
		),
		strictPSS: &jwt.SigningMethodRSAPSS{
			SigningMethodRSA: jwt.SigningMethodPS256.SigningMethodRSA,
			Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
		},
	}
	if v.asymmetric() {
		v.keys, err = newKeyring(c)
	} else {
		v.keys, err = newSecretFile(c)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (v *Verifier) asymmetric() bool { return v.algorithm != HS256 }

// Run keeps the keys fresh until ctx ends. Without keys it tries again every
// few seconds, so that it is ready soon after the issuer is.
func (v *Verifier) Run(ctx context.Context) { v.keys.run(ctx) }

// Refresh looks for new keys now.
func (v *Verifier) Refresh(ctx context.Context) error { return v.keys.refresh(ctx) }

// Ready is nil while tokens can be judged, else a fault.Unavailable.
func (v *Verifier) Ready() error { return v.keys.ready() }

// Verify proves token; see access.TokenVerifier. The cause of a fault.Unauthenticated
// is a Reason.
func (v *Verifier) Verify(ctx context.Context, token string) (access.Claims, error) {
	if len(token) > MaxTokenLength {
		return access.Claims{}, v.refuse(TooLong)
	}
	f := fingerprint(sha256.Sum256([]byte(token)))
	now, generation := v.now(), v.keys.generation()
	if claims, proven := v.cache.get(f, generation, now); proven {
		v.counters.cacheHits.Add(1)
		return claims, nil
	}
	claims, err := v.prove(ctx, token)
	if err != nil {
		return access.Claims{}, v.refuse(err)
	}
	v.counters.proven.Add(1)
	v.cache.put(f, generation, now, claims)
	return claims, nil
}

// prove goes the four steps of the package comment.
func (v *Verifier) prove(ctx context.Context, token string) (access.Claims, error) {
	header, err := checkForm(token)
	if err != nil {
		return access.Claims{}, err
	}
	if err := v.checkHeader(header); err != nil {
		return access.Claims{}, err
	}
	claims := tokenClaims{profile: v.profile}
	find := v.keys.keyfunc(ctx)
	_, err = v.parser.ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) {
		if claims.issuer != v.issuer { // a key speaks for its own issuer only
			return nil, WrongIssuer
		}
		if v.algorithm == PS256 { // golang-jwt's own takes a salt of any length, RFC 7518, section 3.5, does not
			t.Method = v.strictPSS
		}
		return find(t)
	})
	if err != nil {
		return access.Claims{}, err
	}
	return claims.verified(), nil
}

// refuse makes the fault of a refused token and counts it.
func (v *Verifier) refuse(err error) error {
	f := refusal(err)
	if reason, ok := errors.AsType[Reason](f); ok {
		v.counters.refuse(reason)
	} else {
		v.counters.undecided.Add(1)
	}
	return f
}
