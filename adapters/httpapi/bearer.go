package httpapi

import (
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
)

// Codes on which the challenge hangs.
const (
	codeUnauthenticated = "unauthenticated"
	codeInvalidRequest  = "invalid_request"
)

// b64token is what RFC 6750, section 2.1, takes for a token.
var b64token = regexp.MustCompile(`^[A-Za-z0-9\-._~+/]+=*$`)

// credentials finds the token of a request. Only the header field Authorization
// counts: a token in the query or in a form stands in logs and histories, so it
// is as good as none.
func credentials(c *fiber.Ctx) (string, error) {
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
	if !b64token.MatchString(token) {
		return "", fault.New(fault.Malformed, codeInvalidRequest, "The header field Authorization is not the word Bearer, a blank and an access token.")
	}
	return token, nil
}

func tokenMissing() error {
	return fault.New(fault.Unauthenticated, codeUnauthenticated, "This needs an access token: Authorization: Bearer <token>.")
}
