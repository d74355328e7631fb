package httpapi

import (
	"errors"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// What browsers may send and read across origins.
const (
	corsRequestFields = "Authorization, Content-Type, If-Match, Idempotency-Key, Import-Fence, X-Request-Id"
	corsAnswerFields  = "Link, ETag, Location, WWW-Authenticate, Retry-After, X-Request-Id, RateLimit, RateLimit-Policy, Idempotency-Replayed"
	corsMaxAge        = "600" // seconds that a browser may remember a preflight
)

// cors is the list of origins that may call from a browser. Tokens travel in a
// header that the page sets, so there are no credentials to allow.
type cors struct{ origins []string }

// grant lets the page at origin read the answer, if the origin is on the list.
func (c cors) grant(h *fasthttp.ResponseHeader, origin string) {
	if len(c.origins) == 0 {
		return
	}
	h.Add(fasthttp.HeaderVary, "Origin")
	if slices.Contains(c.origins, origin) {
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, origin)
		h.Set(fasthttp.HeaderAccessControlExposeHeaders, corsAnswerFields)
	}
}

// answerOptions says which methods a path has: to anyone, and in the words of
// a preflight to a page that may call. No token is looked at, since browsers
// send none here.
func (s *Server) answerOptions(c *fiber.Ctx) error {
	allowed := c.GetRespHeader(fiber.HeaderAllow)
	x := exchangeOf(c)
	x.route = "options"
	if c.Get(fiber.HeaderAccessControlRequestMethod) != "" && c.GetRespHeader(fiber.HeaderAccessControlAllowOrigin) != "" {
		c.Append(fiber.HeaderVary, fiber.HeaderAccessControlRequestMethod, fiber.HeaderAccessControlRequestHeaders)
		c.Set(fiber.HeaderAccessControlAllowMethods, allowed)
		c.Set(fiber.HeaderAccessControlAllowHeaders, corsRequestFields)
		c.Set(fiber.HeaderAccessControlMaxAge, corsMaxAge)
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// fail is Fiber's ErrorHandler, for whatever a handler or the router returns.
func (s *Server) fail(c *fiber.Ctx, err error) error {
	if e, ok := errors.AsType[*fiber.Error](err); ok && e.Code == fiber.StatusMethodNotAllowed {
		c.Set(fiber.HeaderAllow, allow(c.GetRespHeader(fiber.HeaderAllow)))
		if c.Method() == fiber.MethodOptions {
			return s.answerOptions(c)
		}
	}
	s.refuse(c.Context(), exchangeOf(c), err)
	return nil
}

// allow is the list of methods that Fiber's router found, and OPTIONS.
func allow(found string) string {
	methods := strings.Split(found, ", ")
	return strings.Join(append(methods, fiber.MethodOptions), ", ")
}
