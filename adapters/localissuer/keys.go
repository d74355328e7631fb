package localissuer

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"time"
)

// signingKey is a key pair with what the key set says of it.
type signingKey struct {
	private     *rsa.PrivateKey
	id          string
	certificate []byte // self-signed, DER
}

// newKey takes the next of the given keys, or makes one. Its id follows from
// the key, so an issuer that starts again with the same keys has the same ids.
// i.mu is held, or i is not yet shared.
func (i *Issuer) newKey() *signingKey {
	var private *rsa.PrivateKey
	if len(i.spare) > 0 {
		private, i.spare = i.spare[0], i.spare[1:]
	} else {
		private, _ = rsa.GenerateKey(rand.Reader, 2048) // fails for no such size
	}
	digest := sha256.Sum256(private.N.Bytes())
	now := i.options.Now()
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(digest[:8]),
		Subject:      pkix.Name{CommonName: "local issuer"},
		NotBefore:    now,
		NotAfter:     now.Add(10 * 365 * 24 * time.Hour),
	}
	certificate, _ := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	return &signingKey{private, base64.RawURLEncoding.EncodeToString(digest[:])[:21], certificate}
}

// RotateKeys makes the next key the current one, as Auth0's "rotate" does: the
// previous one stays valid until it is revoked, or until the next rotation.
func (i *Issuer) RotateKeys() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.previous, i.current, i.next = i.current, i.next, i.newKey()
}

// RevokePreviousKey takes the previous key out of the key set for good.
func (i *Issuer) RevokePreviousKey() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.previous = nil
}

// KeyID is the kid of the current key; "" with HS256.
func (i *Issuer) KeyID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.current == nil {
		return ""
	}
	return i.current.id
}

// PublishedKeys is the key set as it is served: current, next and previous key.
func (i *Issuer) PublishedKeys() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	keys := []map[string]any{}
	for _, k := range []*signingKey{i.current, i.next, i.previous} {
		if k == nil {
			continue
		}
		thumbprint := sha1.Sum(k.certificate) // what x5t is, RFC 7517, section 4.8
		keys = append(keys, map[string]any{
			"alg": i.options.Algorithm,
			"kty": "RSA",
			"use": "sig",
			"kid": k.id,
			"n":   base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
			"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.private.E)).Bytes()),
			"x5t": base64.RawURLEncoding.EncodeToString(thumbprint[:]),
			"x5c": []string{base64.StdEncoding.EncodeToString(k.certificate)},
		})
	}
	text, _ := json.Marshal(map[string]any{"keys": keys}) // strings only
	return text
}

func (i *Issuer) serveKeys(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400")
	_, _ = w.Write(i.PublishedKeys())
}
