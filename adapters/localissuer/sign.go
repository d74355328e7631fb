package localissuer

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// Header is the JOSE header of an access token of this issuer, as a map that
// the caller may change.
func (i *Issuer) Header() map[string]any {
	h := map[string]any{"alg": i.options.Algorithm, "typ": "JWT"}
	if i.options.Profile == RFC9068Profile {
		h["typ"] = "at+jwt"
	}
	if id := i.KeyID(); id != "" {
		h["kid"] = id
	}
	return h
}

// Sign puts the current key's good signature under whatever it is given.
func (i *Issuer) Sign(header, claims map[string]any) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	return i.SignText(string(h), string(c))
}

// SignText does so for texts that need not even be JSON.
func (i *Issuer) SignText(header, claims string) string {
	input := part([]byte(header)) + "." + part([]byte(claims))
	return input + "." + part(i.signature(input))
}

// signature signs input with the configured algorithm, whatever a header says.
func (i *Issuer) signature(input string) []byte {
	digest := sha256.Sum256([]byte(input))
	if i.options.Algorithm == HS256 {
		mac := hmac.New(sha256.New, []byte(i.options.Secret))
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}
	i.mu.Lock()
	key := i.current.private
	i.mu.Unlock()
	var signature []byte
	if i.options.Algorithm == PS256 {
		signature, _ = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, _ = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	}
	return signature
}

// part is one part of a compact JWS.
func part(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
