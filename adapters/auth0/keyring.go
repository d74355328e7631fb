package auth0

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"timesheets/domain/fault"
)

// keyring holds the issuer's public keys. It is the storage that keyfunc reads,
// with three promises that jwkset's own storages do not make: only sound keys
// get in, a set without any never replaces one that has some, and looking for
// an unknown key id costs the issuer at most one request per cooldown, however
// many ask, and the one who asks at most Pace.Wait.
type keyring struct {
	*jwkset.MemoryJWKSet
	algorithm string
	pace      Pace
	now       func() time.Time
	fetch     func(context.Context) ([]jwkset.JWK, error)
	find      keyfunc.Keyfunc
	changes   atomic.Uint64

	mu        sync.Mutex
	underway  *flight   // the one fetch that is under way, or nil
	askedAt   time.Time // when a fetch last began for an unknown key id
	fetchedAt time.Time // when the held set was last confirmed by the issuer
	trouble   error     // why the last fetch brought nothing; nil if it did
	fetches   uint64
	failures  uint64
}

// flight is one fetch; done is closed when its outcome can be seen in the ring.
type flight struct{ done chan struct{} }

func newKeyring(c Config) (*keyring, error) {
	client := newHTTPClient(c.Pace.Timeout, maxKeySetLength, nil)
	r := &keyring{
		MemoryJWKSet: jwkset.NewMemoryStorage(),
		algorithm:    c.Algorithm,
		pace:         c.Pace,
		now:          c.Now,
		fetch: func(ctx context.Context) ([]jwkset.JWK, error) {
			return fetchKeys(ctx, client, c.KeysURL)
		},
	}
	var err error
	r.find, err = keyfunc.New(keyfunc.Options{Storage: r, UseWhitelist: []jwkset.USE{jwkset.UseSig, ""}})
	return r, err
}

func (r *keyring) keyfunc(ctx context.Context) jwt.Keyfunc { return r.find.KeyfuncCtx(ctx) }

func (r *keyring) generation() uint64 { return r.changes.Load() }

// KeyRead finds a key for keyfunc. A key id that the issuer does not have is
// the error UnknownKey; while that cannot be said, it is a fault.Unavailable.
func (r *keyring) KeyRead(ctx context.Context, id string) (jwkset.JWK, error) {
	if key, held := r.held(ctx, id); held {
		return key, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.pace.Wait)
	defer cancel()
	for f := r.ask(); f != nil; f = r.ask() {
		select {
		case <-f.done:
		case <-ctx.Done():
			return jwkset.JWK{}, r.unavailable(ctx.Err())
		}
		if key, held := r.held(ctx, id); held {
			return key, nil
		}
	}
	if err := r.doubt(); err != nil {
		return jwkset.JWK{}, r.unavailable(err)
	}
	return jwkset.JWK{}, UnknownKey
}

// held finds a key in memory, if what is there may still be used.
func (r *keyring) held(ctx context.Context, id string) (jwkset.JWK, bool) {
	if r.ready() != nil {
		return jwkset.JWK{}, false
	}
	key, err := r.MemoryJWKSet.KeyRead(ctx, id)
	return key, err == nil
}

// ask gives the fetch under way, or begins one if the cooldown allows, or is
// nil.
func (r *keyring) ask() *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.underway == nil && (r.askedAt.IsZero() || r.now().Sub(r.askedAt) >= r.pace.Cooldown) {
		r.askedAt = r.now()
		r.begin()
	}
	return r.underway
}

// begin starts a fetch; r.mu is held. It runs on its own, since those who wait
// for it come and go.
func (r *keyring) begin() {
	f := &flight{make(chan struct{})}
	r.underway = f
	r.fetches++
	go func() {
		defer close(f.done)
		ctx, cancel := context.WithTimeout(context.Background(), r.pace.Timeout)
		defer cancel()
		keys, err := r.fetch(ctx)
		if err == nil {
			err = r.KeyReplaceAll(ctx, keys)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.underway, r.trouble = nil, err
		if err != nil {
			r.failures++
			return
		}
		r.fetchedAt = r.now()
	}()
}

// KeyReplaceAll takes the usable keys of a new set instead of the held ones.
// Without any it is an error and nothing changes.
func (r *keyring) KeyReplaceAll(ctx context.Context, given []jwkset.JWK) error {
	keys := usableKeys(given, r.algorithm)
	if len(keys) == 0 || len(keys) > maxKeys {
		return errors.New("key set: no usable key, or far too many")
	}
	old, err := r.KeyReadAll(ctx)
	if err != nil || sameKeys(old, keys) {
		return err
	}
	if err := r.MemoryJWKSet.KeyReplaceAll(ctx, keys); err != nil {
		return err
	}
	r.changes.Add(1) // after the change: see cache
	return nil
}

// refresh fetches the set now, or waits for the fetch that is under way.
func (r *keyring) refresh(ctx context.Context) error {
	r.mu.Lock()
	if r.underway == nil {
		r.begin()
	}
	f := r.underway
	r.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

// run keeps the set fresh until ctx ends. After a failure it tries again soon,
// then less and less often.
func (r *keyring) run(ctx context.Context, outcome func(error)) {
	for failed := 0; ; {
		err := r.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if outcome(err); err == nil {
			failed = 0
		} else {
			failed++
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.pause(failed)):
		}
	}
}

// pause is how long to wait after so many failures in a row, give or take a
// third, so that many programs do not ask as one.
func (r *keyring) pause(failed int) time.Duration {
	d := r.pace.Refresh
	if failed > 0 {
		longest := r.pace.Retry
		if r.ready() == nil {
			longest *= 12
		}
		d = min(r.pace.Retry/20<<min(failed-1, 16), longest, r.pace.Refresh)
	}
	return d*2/3 + rand.N(d*2/3+1)
}

// ready is nil while there are keys that were confirmed within Pace.MaxAge.
func (r *keyring) ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.fetchedAt.IsZero():
		return r.unavailable(r.trouble)
	case r.now().Sub(r.fetchedAt) > r.pace.MaxAge:
		return r.unavailable(errors.Join(errors.New("the held keys are too old"), r.trouble))
	}
	return nil
}

// doubt is why an unknown key id may exist all the same; nil if it does not.
func (r *keyring) doubt() error {
	if err := r.ready(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

func (r *keyring) unavailable(cause error) error {
	if f, ok := errors.AsType[*fault.Error](cause); ok {
		return f
	}
	return fault.Wrap(cause, fault.Unavailable, "signing_keys_unavailable",
		"The issuer's signing keys cannot be reached, so the access token cannot be judged. Keep it and try again.").After(r.pace.Retry)
}

func (r *keyring) count(s *Stats) {
	keys, _ := r.KeyReadAll(context.Background())
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Keys, s.KeyFetches, s.KeyFetchFailures, s.KeyTrouble = len(keys), r.fetches, r.failures, r.trouble
	if !r.fetchedAt.IsZero() {
		s.KeyAge = r.now().Sub(r.fetchedAt)
	}
}

var _ jwkset.Storage = (*keyring)(nil)
var _ http.RoundTripper = bounded{}
