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
	profile   Profile
	method    jwt.SigningMethod // the configured one, whatever a token says
	validator *jwt.Validator
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
	run(context.Context, func(error))    // does so again and again until the context ends, and says how each time went
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
		issuer:  c.Issuer,
		profile: c.Profile,
		method:  signingMethod(c.Algorithm),
		now:     c.Now,
		validator: jwt.NewValidator(
			jwt.WithAudience(c.Audience),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway),
			jwt.WithTimeFunc(c.Now),
		),
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

// signingMethod gives golang-jwt's method of that name, but for its PS256: that
// takes a salt of any length, and RFC 7518, section 3.5, does not.
func signingMethod(algorithm string) jwt.SigningMethod {
	if algorithm == PS256 {
		return &jwt.SigningMethodRSAPSS{
			SigningMethodRSA: jwt.SigningMethodPS256.SigningMethodRSA,
			Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
		}
	}
	return jwt.GetSigningMethod(algorithm)
}

func (v *Verifier) asymmetric() bool { return v.method.Alg() != HS256 }

// Run keeps the keys fresh until ctx ends. Without keys it tries again every
// few seconds, so that it is ready soon after the issuer is. tell is told once
// when keys can no longer be had, with the reason, in which nothing is secret, and
// once, with nil, when they can be had again; it may be nil.
func (v *Verifier) Run(ctx context.Context, tell func(error)) {
	troubled := false
	v.keys.run(ctx, func(err error) {
		if changed := (err != nil) != troubled; changed && tell != nil {
			tell(err)
		}
		troubled = err != nil
	})
}

// Refresh looks for new keys now.
func (v *Verifier) Refresh(ctx context.Context) error { return v.keys.refresh(ctx) }

// Ready is nil while tokens can be judged, else a fault.Unavailable.
func (v *Verifier) Ready() error { return v.keys.ready() }

// Verify proves token; see access.TokenVerifier. The cause of a fault.Unauthenticated
// is a Reason.
func (v *Verifier) Verify(ctx context.Context, token []byte) (access.Claims, error) {
	if len(token) > MaxTokenLength {
		return access.Claims{}, v.refuse(TooLong)
	}
	f := fingerprint(sha256.Sum256(token))
	now, generation := v.now(), v.keys.generation()
	if claims, proven := v.cache.get(f, generation, now); proven {
		v.counters.cacheHits.Add(1)
		return claims, nil
	}
	claims, err := v.prove(ctx, string(token))
	if err != nil {
		return access.Claims{}, v.refuse(err)
	}
	v.counters.proven.Add(1)
	v.cache.put(f, generation, now, claims)
	return claims, nil
}

// prove goes the four steps of the package comment.
func (v *Verifier) prove(ctx context.Context, token string) (access.Claims, error) {
	written, err := checkForm(token)
	if err != nil {
		return access.Claims{}, err
	}
	keyID, err := v.readHeader(written.header)
	if err != nil {
		return access.Claims{}, err
	}
	claims, err := readClaims(written.claims, v.profile)
	if err != nil {
		return access.Claims{}, err
	}
	if claims.issuer != v.issuer { // a key speaks for its own issuer only
		return access.Claims{}, WrongIssuer
	}
	if err := v.checkSignature(ctx, keyID, written); err != nil {
		return access.Claims{}, err
	}
	if err := v.validator.Validate(claims); err != nil {
		return access.Claims{}, err
	}
	return claims.verified(), nil
}

// checkSignature asks for the key that the token names, or for the secrets that
// it may be signed with, and tries them.
func (v *Verifier) checkSignature(ctx context.Context, keyID string, written parts) error {
	signature, err := decode(written.signature)
	if err != nil {
		return err
	}
	key, err := v.keys.keyfunc(ctx)(&jwt.Token{Header: map[string]any{"alg": v.method.Alg(), "kid": keyID}})
	if err != nil {
		return err
	}
	set, several := key.(jwt.VerificationKeySet)
	if !several {
		set.Keys = []jwt.VerificationKey{key}
	}
	for _, key := range set.Keys {
		if v.method.Verify(written.signed, signature, key) == nil {
			return nil
		}
	}
	return BadSignature
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
