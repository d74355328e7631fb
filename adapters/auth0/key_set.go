package auth0

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/MicahParks/jwkset"
)

const (
	maxKeySetLength = 512 << 10 // bytes of a JSON Web Key Set
	maxKeys         = 100       // usable keys in a set
	minKeyBits      = 2048      // RFC 7518, section 3.3
	maxKeyBits      = 8192      // longer ones only cost time: who checks pays
)

// fetchKeys gets the key set at address and decodes it.
func fetchKeys(ctx context.Context, client *http.Client, address string) ([]jwkset.JWK, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if err := checkJSON(answer); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	return decodeKeys(text)
}

// decodeKeys gives the public RSA keys of a JSON Web Key Set (RFC 7517). What
// is no such key is left out, whatever is wrong with it, and so spoils none of
// the others; a set that is no strict JSON object with an array of keys is an
// error as a whole.
func decodeKeys(text []byte) ([]jwkset.JWK, error) {
	var keys []jwkset.JWK
	err := walkObject(text, func(name string, o object) error {
		if name != "keys" {
			_, err := o.other()
			return err
		}
		return o.each(func(item []byte) {
			if key, err := decodeKey(item); err == nil {
				keys = append(keys, key)
			}
		})
	})
	if err != nil {
		return nil, errors.New("key set: not a JSON Web Key Set")
	}
	return keys, nil
}

// decodeKey decodes one JWK. Its certificates are left aside: nothing here
// trusts them, and one that Go's parser dislikes says nothing about the key.
func decodeKey(text []byte) (jwkset.JWK, error) {
	var m jwkset.JWKMarshal
	err := walkObject(text, func(name string, o object) (err error) {
		var value string
		switch name {
		case "kty":
			value, err = o.text()
			m.KTY = jwkset.KTY(value)
		case "use":
			value, err = o.text()
			m.USE = jwkset.USE(value)
		case "alg":
			value, err = o.text()
			m.ALG = jwkset.ALG(value)
		case "kid":
			m.KID, err = o.text()
		case "n":
			m.N, err = o.text()
		case "e":
			m.E, err = o.text()
		case "key_ops":
			var operations []string
			if operations, err = o.texts(); err == nil && !slices.Contains(operations, "verify") {
				err = errNotStrict
			}
		case "d", "k": // a private or secret key that is published is nobody's any more
			err = errNotStrict
		default:
			_, err = o.other()
		}
		return err
	})
	if err != nil {
		return jwkset.JWK{}, err
	}
	return jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
}

// usableKeys keeps the keys that may check signatures of algorithm: RSA of a
// sound size, for signatures if it says what for, for this algorithm if it
// says which, found by a key id. Two keys under one id are both left out, since
// nobody can tell which is meant.
func usableKeys(keys []jwkset.JWK, algorithm string) []jwkset.JWK {
	count := map[string]int{}
	for _, key := range keys {
		count[key.Marshal().KID]++
	}
	return slices.DeleteFunc(slices.Clone(keys), func(key jwkset.JWK) bool {
		m := key.Marshal()
		public, isRSA := key.Key().(*rsa.PublicKey)
		usable := isRSA &&
			public.N.BitLen() >= minKeyBits && public.N.BitLen() <= maxKeyBits && public.E%2 == 1 &&
			(m.USE == "" || m.USE == jwkset.UseSig) &&
			(m.ALG == "" || m.ALG.String() == algorithm) &&
			m.KID != "" && len(m.KID) <= maxKeyIDLength && count[m.KID] == 1
		return !usable
	})
}

// sameKeys tells whether two sets hold the same keys, in whatever order.
func sameKeys(a, b []jwkset.JWK) bool {
	type identity struct{ id, n, e string }
	held := map[identity]bool{}
	for _, key := range a {
		m := key.Marshal()
		held[identity{m.KID, m.N, m.E}] = true
	}
	for _, key := range b {
		m := key.Marshal()
		if !held[identity{m.KID, m.N, m.E}] {
			return false
		}
	}
	return len(a) == len(b)
}
