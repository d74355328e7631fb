package httpapi

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
)

// Codes on which the challenge hangs.
const (
	codeUnauthenticated = "unauthenticated"
	codeInvalidRequest  = "invalid_request"
)

// Credentials finds the token of a request. Only the header field Authorization
// counts: a token in the query or in a form stands in logs and histories, so it
// is as good as none. The token is a copy, which outlives the request.
func Credentials(c *fiber.Ctx) (string, error) {
	values := c.Request().Header.PeekAll(fiber.HeaderAuthorization)
	switch len(values) {
	case 0:
		return "", tokenMissing()
	case 1:
		return bearerToken(string(values[0]))
	}
	return "", fault.New(fault.Malformed, codeInvalidRequest, "The header field Authorization is there more than once. Send one access token.")
}

// bearerToken parses the value of Authorization by RFC 6750, section 2.1, and
// RFC 9110, section 11.1: the scheme in any case, then blanks, then the token.
func bearerToken(value string) (string, error) {
	scheme, token, _ := strings.Cut(strings.Trim(value, " \t"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", tokenMissing()
	}
	token = strings.TrimLeft(token, " ")
	if !isB64Token(token) {
		return "", fault.New(fault.Malformed, codeInvalidRequest, "The header field Authorization is not the word Bearer, a blank and an access token.")
	}
	return token, nil
}

// isB64Token follows RFC 6750, section 2.1: at least one of these characters,
// then nothing but equals signs. Every request brings a long token by here, so
// it looks characters up; a regular expression took ten times as long as all
// else that is done with a known token.
func isB64Token(s string) bool {
	s = strings.TrimRight(s, "=")
	for _, c := range []byte(s) {
		if !b64token[c] {
			return false
		}
	}
	return s != ""
}

var b64token = func() (has [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		has[c] = true
	}
	return has
}()

func tokenMissing() error {
	return fault.New(fault.Unauthenticated, codeUnauthenticated, "This needs an access token: Authorization: Bearer <token>.")
}
