package auth0

import "strings"

// MaxTokenLength is the longest access token, in bytes. It leaves room for the
// other headers within the 16 KiB that a request's header may have.
const MaxTokenLength = 12 << 10

// checkForm gives the header part of a compact JWS (RFC 7515, section 7.1):
// exactly three parts, each of the base64url alphabet without padding. It looks
// at bytes: Go's decoder skips line breaks, which would give one token many
// spellings.
func checkForm(token string) (header string, err error) {
	var dots [2]int
	n := 0
	for i := range len(token) {
		switch c := token[i]; {
		case base64url[c]:
		case c == '.' && n < len(dots):
			dots[n] = i
			n++
		case c == '.' && strings.Count(token, ".") == 4:
			return "", Encrypted
		default:
			return "", Malformed
		}
	}
	if n != 2 || dots[0] == 0 || dots[1] == dots[0]+1 || dots[1] == len(token)-1 {
		return "", Malformed
	}
	return token[:dots[0]], nil
}

// base64url has the characters of RFC 4648, section 5.
var base64url = func() (has [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		has[c] = true
	}
	return has
}()
