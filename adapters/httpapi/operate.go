package httpapi

import (
	"context"
	"errors"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// handler answers the requests of one route: it reads c, calls one use case in ctx on behalf
// of by, and answers with answer, answerNothing or exportPages. ctx ends with
// the route's deadline and not when the client leaves or shutdown begins;
// c.Context() and c.UserContext() must never reach a use case.
type handler func(ctx context.Context, by identity.Principal, c *fiber.Ctx) error

// route is one line of the table in routes.go.
type route struct {
	method string
	path   string           // under /v1, with Fiber's :parameters
	needs  []identity.Scope // the caller must hold one of them
	offers []string         // media types of the answer, the one for "any" first
	run    handler
}

// Media types that routes offer and accept.
const (
	typeJSON       = "application/json"
	typeNDJSON     = "application/x-ndjson"
	typeCSV        = "text/csv"
	typeMergePatch = "application/merge-patch+json"
)

var (
	jsonOnly    = []string{typeJSON}
	jsonOrFiles = []string{typeJSON, typeCSV, typeNDJSON}
	jsonOrCSV   = []string{typeJSON, typeCSV}
)

// base is the version in every business path.
const base = "/v1"

// uploadPath is the only path that takes more than maxBody.
const uploadPath = base + "/timesheets/upload"

// longPaths, when something is posted there, do many rows at once, and have the
// time of an upload for it. The start of a run may first have to drop what one
// that died has left.
var longPaths = []string{
	uploadPath, base + "/imports", base + "/imports/:id/complete", base + "/imports/:id/abort", base + "/imports/:id/revert", base + "/rows/retry",
}

// mount gives routes to Fiber. What answers GET answers HEAD too.
func (s *Server) mount(routes []route) {
	for _, r := range routes {
		if r.method == fiber.MethodGet {
			s.app.Get(base+r.path, s.operate(r))
			continue
		}
		s.app.Add(r.method, base+r.path, s.operate(r))
	}
}

// operate surrounds r's handler with what every route asks first, in the order
// in which the contract answers: token, rate, scope. What the handler does
// about existence and content comes after.
func (s *Server) operate(r route) fiber.Handler {
	posts := r.method == fiber.MethodPost
	deadline, meter := s.config.Limits.RequestDeadline, s.meters.requests
	if posts && base+r.path == uploadPath {
		meter = s.meters.uploads
	}
	if posts && slices.Contains(longPaths, base+r.path) {
		deadline = s.config.Limits.UploadDeadline
	}
	return func(c *fiber.Ctx) error {
		x := exchangeOf(c)
		x.route, x.needs = base+r.path, r.needs
		c.Set(fiber.HeaderCacheControl, "no-store")
		ctx, cancel := context.WithTimeout(x.within(s.life), deadline)
		defer cancel()

		by, err := s.authenticate(ctx, c)
		if err != nil {
			return err
		}
		x.by = by
		if err := s.limit(c.Context(), meter, callerKey(by)); err != nil {
			return err
		}
		if err := by.Require(r.needs...); err != nil {
			return err
		}
		if err := negotiable(c, r.offers); err != nil {
			return err
		}
		return r.run(ctx, by, c)
	}
}

// authenticate says who calls, and counts who is refused.
func (s *Server) authenticate(ctx context.Context, c *fiber.Ctx) (identity.Principal, error) {
	by, err := s.prove(ctx, &c.Request().Header)
	if err != nil {
		return by, s.countRefused(c.Context(), err)
	}
	return by, nil
}

// prove says who calls by the token of the request.
func (s *Server) prove(ctx context.Context, h *fasthttp.RequestHeader) (identity.Principal, error) {
	token, err := credentials(h)
	if err != nil {
		return identity.Principal{}, err
	}
	by, err := s.application.Authenticate(ctx, token)
	if err != nil {
		return identity.Principal{}, tokenRefused(token, err)
	}
	return by, nil
}

// countRefused gives why a token was refused, or that it was one too many.
// Callers whose tokens are refused use up their address's share of refusals;
// only they are told to wait.
func (s *Server) countRefused(ctx *fasthttp.RequestCtx, err error) error {
	if errors.Is(err, fault.Unauthenticated) || errors.Is(err, fault.Malformed) {
		if tooMany := s.limit(ctx, s.meters.failures, addressKey(ctx)); tooMany != nil {
			return tooMany
		}
	}
	return err
}

// refuseCaller answers an upload that was refused for who asks, before its body
// was read, as its route would have after it. Who sends a large body slowly gets
// time to read why: else they would send it again, with the same token.
func (s *Server) refuseCaller(ctx *fasthttp.RequestCtx, x *exchange, is heading) {
	x.route, x.needs, x.by = uploadPath, uploadNeeds, is.caller.by
	ctx.Conn().(*connection).lingers(max(s.config.Limits.LingerTimeout, s.config.Limits.BodyTimeout))
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	err := is.refusal
	if x.by.ID == "" {
		err = s.countRefused(ctx, err)
	} else if tooMany := s.limit(ctx, s.meters.uploads, callerKey(x.by)); tooMany != nil {
		err = tooMany
	}
	s.refuse(ctx, x, err)
}

// meters are the rate limits of a process.
type meters struct{ requests, uploads, failures *meter }

func newMeters(limits RateLimits) meters {
	return meters{
		requests: newMeter("principal", limits.Requests),
		uploads:  newMeter("uploads", limits.Uploads),
		failures: newMeter("refused", limits.Failures),
	}
}
