package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// heading is what is remembered of a request's header while its body is read:
// fasthttp forgets the header when the body fails, and the answer needs it.
type heading struct {
	requestID string
	method    string
	path      string
	origin    string
	fields    int             // header fields, so that trailers show
	refusal   error           // why the request is not handled; its body is not read
	caller    caller          // of a request that is refused for who asks
	trace     context.Context // what the request is a part of; nil unless it is traced
}

// caller is who asked for what was refused before its body was read.
type caller struct {
	refused bool
	by      identity.Principal // zero unless the token is proven
	came    time.Time
}

// headings holds the heading of each request whose body is being read, or that
// is refused. fasthttp calls HeaderReceived with nothing but the header, whose
// address is the same again in the handler that follows.
type headings struct {
	mu   sync.Mutex
	of   map[*fasthttp.RequestHeader]heading
	most int // beyond, those are dropped that nothing but a log line hangs on
}

func newHeadings(most int) *headings {
	return &headings{of: make(map[*fasthttp.RequestHeader]heading), most: most}
}

func (hs *headings) keep(h *fasthttp.RequestHeader, is heading) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	// A client that leaves in the middle of "100 Continue" leaves its heading
	// behind. A refused request never does: it is handled at once.
	if len(hs.of) >= hs.most {
		maps.DeleteFunc(hs.of, func(_ *fasthttp.RequestHeader, of heading) bool { return of.refusal == nil })
	}
	hs.of[h] = is
}

func (hs *headings) take(h *fasthttp.RequestHeader) (heading, bool) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	is, found := hs.of[h]
	delete(hs.of, h)
	return is, found
}

// headerReceived is called by fasthttp when a header is complete and before
// any of the body is read: it judges the one and bounds the other. It cannot
// answer, so a refused request loses its body and waits for serve to answer;
// its connection is closed, since nobody knows where its body would have ended.
func (s *Server) headerReceived(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	s.headings.take(h) // of a request that broke off, whose memory h has now
	limits := s.config.Limits
	bodyLimit, timeout := maxBody, limits.BodyTimeout
	if isUpload(h) && hasBearer(h) {
		bodyLimit, timeout = maxUpload, limits.UploadTimeout
	}
	taken, refusal := s.admit(h, bodyLimit)
	chunked := h.ContentLength() == -1
	switch {
	case refusal.refusal != nil:
		s.headings.keep(h, s.remember(h, refusal))
		h.SetContentLength(0)
		h.Del("Expect")
		h.SetConnectionClose()
	case chunked || h.ContentLength() > 0:
		s.headings.keep(h, s.remember(h, heading{}))
		normalizeExpect(h)
		// fasthttp skips whatever stands between a chunk's size and the next
		// carriage return, where others see the chunk's end: nothing that
		// follows a chunked body is read as another request.
		if chunked {
			h.SetConnectionClose()
		}
	default:
		h.Del("Expect")
	}
	if wantsClose(h) {
		h.SetConnectionClose()
	}
	return fasthttp.RequestConfig{ReadTimeout: withRoom(timeout, taken), MaxRequestBodySize: bodyLimit}
}

// admit takes room for the request's body, or says why none of it is read, as
// the refusal of a heading. No upload has room before its token is proven: there
// is little of it, and it is held for as long as they like to send.
func (s *Server) admit(h *fasthttp.RequestHeader, bodyLimit int) (room, heading) {
	if refusal := checkHead(h); refusal != nil {
		return noRoom, heading{refusal: refusal}
	}
	length, chunked := h.ContentLength(), h.ContentLength() == -1
	needs := noRoom
	switch {
	case length > bodyLimit:
		return noRoom, heading{refusal: bodyTooLarge()}
	case chunked && bodyLimit > maxBody, length > maxBody:
		needs = uploadRoom
	case chunked, length > shortBody:
		needs = bodyRoom
	}
	if needs != noRoom && isUpload(h) {
		came := s.now()
		if by, err := s.mayUpload(h); err != nil {
			return noRoom, heading{refusal: err, caller: caller{true, by, came}}
		}
	}
	if !s.rooms.take(needs) {
		return noRoom, heading{refusal: overloaded()}
	}
	return needs, heading{}
}

// uploadNeeds is what upload asks of a token; it is known before the route is.
var uploadNeeds = []identity.Scope{identity.BatchUpload}

// mayUpload says who calls, and is nil when they may upload. A panic would end
// the process here, where no handler's recovery is around it.
func (s *Server) mayUpload(h *fasthttp.RequestHeader) (by identity.Principal, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	ctx, cancel := context.WithTimeout(s.life, s.config.Limits.RequestDeadline)
	defer cancel()
	if by, err = s.prove(ctx, h); err != nil {
		return by, err
	}
	return by, by.Require(uploadNeeds...)
}

func (s *Server) remember(h *fasthttp.RequestHeader, is heading) heading {
	is.requestID = string(h.Peek("X-Request-Id"))
	is.method = string(h.Method())
	is.origin = string(h.Peek("Origin"))
	is.fields = countReceived(h)
	is.trace = s.config.Traces.continued(h)
	path, _, _ := bytes.Cut(pathAndQuery(h.RequestURI()), []byte("?"))
	is.path = string(path)
	return is
}

// countReceived counts fields without those that are rewritten while a body is
// read, none of which fasthttp takes for a trailer.
func countReceived(h *fasthttp.RequestHeader) int {
	n := 0
	h.VisitAll(func(key, _ []byte) {
		switch string(key) {
		case "Transfer-Encoding", "Content-Length", "Connection", "Expect":
		default:
			n++
		}
	})
	return n
}

// normalizeExpect lets 100-continue be written in any case (RFC 9110, section
// 10.1.1), and ignores it in HTTP/1.0 and whatever else is expected.
func normalizeExpect(h *fasthttp.RequestHeader) {
	expect := string(h.Peek("Expect"))
	h.Del("Expect")
	if strings.EqualFold(expect, "100-continue") && h.IsHTTP11() {
		h.Set("Expect", "100-continue")
	}
}

// wantsClose sees "close" in any case and anywhere in Connection's list.
func wantsClose(h *fasthttp.RequestHeader) bool {
	for _, value := range h.PeekAll("Connection") {
		for option := range strings.SplitSeq(string(value), ",") {
			if strings.EqualFold(strings.TrimSpace(option), "close") {
				return true
			}
		}
	}
	return false
}

func isUpload(h *fasthttp.RequestHeader) bool {
	path, _, _ := bytes.Cut(pathAndQuery(h.RequestURI()), []byte("?"))
	return string(h.Method()) == fasthttp.MethodPost && string(path) == uploadPath
}

func hasBearer(h *fasthttp.RequestHeader) bool {
	values := h.PeekAll(fasthttp.HeaderAuthorization)
	if len(values) != 1 {
		return false
	}
	token, err := bearerToken(values[0])
	return err == nil && b64token.Match(token)
}

// cannotRead is fasthttp's ErrorHandler: it answers what could not be read to
// its end. Whatever broke on the way is the client's or the network's, so no
// answer is a 5xx.
func (s *Server) cannotRead(ctx *fasthttp.RequestCtx, err error) {
	c := ctx.Conn().(*connection)
	var is heading
	if c.headerRead() {
		is, _ = s.headings.take(&ctx.Request.Header)
	}
	if c.readErr != nil {
		err = c.readErr // what fasthttp makes of it hides a timeout in a chunked body
	}
	x := s.begin(ctx, is)
	defer s.finish(ctx, x)
	defer s.recovered(ctx, x)
	x.route = routeUnreadable
	c.lingers(s.config.Limits.LingerTimeout)
	s.refuse(ctx, x, whyUnreadable(err, c.headerRead()))
}

// whyUnreadable makes a fault of what stopped the reading; headerRead tells
// whether it was the body.
func whyUnreadable(cause error, headerRead bool) error {
	part := "header"
	if headerRead {
		part = "body"
	}
	switch {
	case errors.Is(cause, os.ErrDeadlineExceeded), errors.Is(cause, fasthttp.ErrTimeout):
		return refusal{fasthttp.StatusRequestTimeout, fault.Wrap(cause, fault.Malformed, "request_timeout",
			"The request's %s did not arrive in time. Send it again, over a better line or in smaller parts.", part)}
	case isHeaderTooLarge(cause):
		return refusal{fasthttp.StatusRequestHeaderFieldsTooLarge, fault.New(fault.Malformed, "header_too_large",
			"A request has at most %d KiB of header. A token or a cookie is too long.", maxHeader>>10)}
	case errors.Is(cause, fasthttp.ErrBodyTooLarge), errors.Is(cause, errTooMuchFraming):
		return bodyTooLarge()
	case errors.Is(cause, io.ErrUnexpectedEOF):
		return fault.Wrap(cause, fault.Malformed, codeBadRequest, "The request ended before its %s was complete. Send it again.", part)
	case headerRead:
		return fault.Wrap(cause, fault.Malformed, codeBadRequest, "The request's body is not framed as its header says (RFC 9112, section 7).")
	}
	return fault.Wrap(cause, fault.Malformed, codeBadRequest, "The request's header cannot be read as HTTP/1.1 (RFC 9112).")
}

func isHeaderTooLarge(err error) bool {
	_, ok := errors.AsType[*fasthttp.ErrSmallBuffer](err)
	return ok
}

func bodyTooLarge() *fault.Error {
	return fault.New(fault.TooLarge, "body_too_large",
		"A request body has at most %d KiB, an upload with a token %d MiB. Send it in parts.", maxBody>>10, maxUpload>>20)
}
