package httpapi

import (
	"bytes"
	"errors"
	"regexp"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"timesheets/domain/fault"
)

// Codes on which the challenge hangs.
const (
	codeUnauthenticated = "unauthenticated"
	codeInvalidRequest  = "invalid_request"
)

// Credentials finds the token of a request. Only the header field Authorization
// counts: a token in the query or in a form stands in logs and histories, so it
// is as good as none. The token lies in the request's memory and is gone with it.
func Credentials(c *fiber.Ctx) ([]byte, error) { return credentials(&c.Request().Header) }

func credentials(h *fasthttp.RequestHeader) ([]byte, error) {
	values := h.PeekAll(fiber.HeaderAuthorization)
	switch len(values) {
	case 0:
		return nil, tokenMissing()
	case 1:
		return bearerToken(values[0])
	}
	return nil, fault.New(fault.Malformed, codeInvalidRequest, "The header field Authorization is there more than once. Send one access token.")
}

// bearerToken parses the value of Authorization by RFC 6750, section 2.1, and
// RFC 9110, section 11.1: the scheme in any case, then blanks, then what should
// be a b64token.
func bearerToken(value []byte) ([]byte, error) {
	scheme, token, _ := bytes.Cut(bytes.Trim(value, " \t"), []byte(" "))
	if !bytes.EqualFold(scheme, []byte("Bearer")) {
		return nil, tokenMissing()
	}
	return bytes.TrimLeft(token, " "), nil
}

// b64token is what RFC 6750, section 2.1, takes for a token.
var b64token = regexp.MustCompile(`^[A-Za-z0-9\-._~+/]+=*$`)

// tokenRefused is why a token was refused: for its form before anything else.
// One that is accepted needs no such look, which would take ten times as long
// as all else that is done with a known token.
func tokenRefused(token []byte, err error) error {
	if errors.Is(err, fault.Unauthenticated) && !b64token.Match(token) {
		return fault.New(fault.Malformed, codeInvalidRequest, "The header field Authorization is not the word Bearer, a blank and an access token.")
	}
	return err
}

func tokenMissing() error {
	return fault.New(fault.Unauthenticated, codeUnauthenticated, "This needs an access token: Authorization: Bearer <token>.")
}
