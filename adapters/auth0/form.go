package auth0

import (
	"encoding/base64"
	"strings"
)

// MaxTokenLength is the longest access token, in bytes. It leaves room for the
// other headers within the 16 KiB that a request's header may have.
const MaxTokenLength = 12 << 10

// parts are those of a compact JWS (RFC 7515, section 7.1), as they are written.
type parts struct {
	header, claims, signature string
	signed                    string // header.claims
}

// checkForm gives the parts of a token: exactly three, each of the base64url
// alphabet without padding. It looks at bytes: Go's decoder skips line breaks,
// which would give one token many spellings.
func checkForm(token string) (parts, error) {
	var dots [2]int
	n := 0
	for i := range len(token) {
		switch c := token[i]; {
		case base64url[c]:
		case c == '.' && n < len(dots):
			dots[n] = i
			n++
		case c == '.' && strings.Count(token, ".") == 4:
			return parts{}, Encrypted
		default:
			return parts{}, Malformed
		}
	}
	first, second := dots[0], dots[1]
	if n != 2 || first == 0 || second == first+1 || second == len(token)-1 {
		return parts{}, Malformed
	}
	return parts{token[:first], token[first+1 : second], token[second+1:], token[:second]}, nil
}

// base64url has the characters of RFC 4648, section 5.
var base64url = func() (has [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		has[c] = true
	}
	return has
}()

// strict refuses a last character with bits that mean nothing, which would be
// other spellings too.
var strict = base64.RawURLEncoding.Strict()

// decode gives the bytes of a part.
func decode(part string) ([]byte, error) {
	text, err := strict.DecodeString(part)
	if err != nil {
		return nil, Malformed
	}
	return text, nil
}
