package httpapi

import (
	"fmt"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/trace"

	"timesheets/domain/identity"
)

// Routes of requests that no route took, for log and metrics.
const (
	routeNone       = "none"
	routeUnreadable = "unreadable"
)

// exchange is what is known about one request while it is answered.
type exchange struct {
	server *Server
	id     string // X-Request-Id, the client's if it sent a sane one
	method string // as sent, at most 16 bytes
	path   string // as sent, without the query
	route  string // the pattern that matched, or one of the routes above
	began  time.Time
	needs  []identity.Scope   // what the operation asks for, once known
	by     identity.Principal // who asks, once known
	err    error              // why it was refused, if it was
	code   string             // the problem's code, if it was
	export *export            // the answer that goes on after the handler
	span   trace.Span         // nil unless the request is traced
}

type exchangeKey struct{}

// exchangeOf never fails within a handler.
func exchangeOf(c *fiber.Ctx) *exchange {
	return c.Context().UserValue(exchangeKey{}).(*exchange)
}

// begin also sets what every answer has, whatever becomes of the request.
func (s *Server) begin(ctx *fasthttp.RequestCtx, is heading) *exchange {
	x := &exchange{
		server: s,
		id:     requestID(is.requestID),
		method: is.method[:min(len(is.method), 16)],
		path:   is.path,
		route:  routeNone,
		began:  s.now(),
	}
	if is.caller.refused {
		x.began = is.caller.came
	}
	s.config.Traces.begin(is.trace, x)
	ctx.SetUserValue(exchangeKey{}, x)
	h := &ctx.Response.Header
	h.Set("X-Request-Id", x.id)
	h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	h.Set(fasthttp.HeaderXFrameOptions, "DENY")
	h.Set(fasthttp.HeaderReferrerPolicy, "no-referrer")
	h.Set(fasthttp.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	s.cors.grant(h, is.origin)
	s.metrics.inFlight.Inc()
	return x
}

// serve is fasthttp's handler: it surrounds next, which is Fiber's.
func (s *Server) serve(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		h := &ctx.Request.Header
		is, kept := s.headings.take(h)
		if !kept {
			is = s.remember(h, heading{})
		}
		x := s.begin(ctx, is)
		defer s.finish(ctx, x)
		defer s.recovered(ctx, x)
		switch {
		case is.caller.refused:
			s.refuseCaller(ctx, x, is)
		case is.refusal != nil:
			x.route = routeUnreadable
			ctx.Conn().(*connection).lingers(s.config.Limits.LingerTimeout)
			s.refuse(ctx, x, is.refusal)
		case countReceived(h) > is.fields:
			s.refuse(ctx, x, trailersRefused())
		case len(ctx.URI().PathOriginal()) == 0:
			s.refuse(ctx, x, unreadable("The request's target cannot be read."))
		case !s.enter(x.path):
			s.refuse(ctx, x, overloaded())
		default:
			defer s.leave(x.path)
			// Fiber answers a method that it does not know with plain text.
			// No route has TRACE, so the router will say which there are.
			if !isRoutable(x.method) {
				h.SetMethod(fasthttp.MethodTrace)
			}
			next(ctx)
		}
	}
}

func isRoutable(method string) bool {
	switch method {
	case fasthttp.MethodGet, fasthttp.MethodHead, fasthttp.MethodPost, fasthttp.MethodPut,
		fasthttp.MethodPatch, fasthttp.MethodDelete, fasthttp.MethodOptions:
		return true
	}
	return false
}

// enter is false when as many requests as may be are being handled. Probes that
// have a connection always come through: an overload is no reason to restart.
func (s *Server) enter(path string) bool {
	if isProbe(path) {
		return true
	}
	select {
	case s.places <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *Server) leave(path string) {
	if !isProbe(path) {
		<-s.places
	}
}

// recovered turns a panic of a handler into a problem: fasthttp would let it
// end the process.
func (s *Server) recovered(ctx *fasthttp.RequestCtx, x *exchange) {
	if p := recover(); p != nil {
		s.refuse(ctx, x, panicked(p))
	}
}

func panicked(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

// finish writes the request down, now or when its export has ended.
func (s *Server) finish(ctx *fasthttp.RequestCtx, x *exchange) {
	if s.draining.Load() {
		ctx.SetConnectionClose()
	}
	requested := len(ctx.Request.Body())
	ctx.Request.ReleaseBody(shortBody) // a connection would keep the buffer as long as it lives
	status := ctx.Response.StatusCode()
	if x.export != nil && ctx.Response.IsBodyStream() {
		x.export.ended = func(answered int) { s.observe(x, status, requested, answered) }
		return
	}
	s.observe(x, status, requested, len(ctx.Response.Body()))
}

func (s *Server) observe(x *exchange, status, requested, answered int) {
	took := s.now().Sub(x.began)
	s.metrics.inFlight.Dec()
	s.metrics.observe(x, status, took)
	s.writeDown(x, status, took, requested, answered)
	x.endSpan(status, took)
}

// instance is the path that was asked for, as a URI reference; "/" when it
// could not be read.
func (x *exchange) instance() string {
	u, err := url.Parse(x.path)
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return "/"
	}
	return u.EscapedPath()
}

// requestID is the client's if it is 1 to 128 of A–Z a–z 0–9 . _ -, else new.
func requestID(sent string) string {
	if sent == "" || len(sent) > 128 {
		return newID()
	}
	for _, c := range []byte(sent) {
		if !isAlphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return newID()
		}
	}
	return sent
}

// newID is a UUIDv7; without randomness, which never happens, it is the nil
// UUID.
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil.String()
	}
	return id.String()
}
