package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"timesheets/domain/fault"
)

// problem is an answer of status 400 and above, as RFC 9457 has it. Names in
// Extra that a member above has already are left out.
type problem struct {
	Type      string            `json:"type"`
	Title     string            `json:"title"`
	Status    int               `json:"status"`
	Detail    string            `json:"detail"`
	Instance  string            `json:"instance"`
	RequestID string            `json:"request_id"`
	Code      string            `json:"code"`
	Errors    []memberProblem   `json:"errors,omitempty"`
	Retryable bool              `json:"retryable,omitzero"`
	Extra     map[string]string `json:",inline"`
}

// memberProblem is one member of the request that is wrong.
type memberProblem struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

var problemMembers = []string{"type", "title", "status", "detail", "instance", "request_id", "code", "errors", "retryable"}

// refusal is a fault that is about HTTP itself and has a status of its own.
type refusal struct {
	status int
	fault  *fault.Error
}

func (r refusal) Error() string { return r.fault.Error() }

// Unwrap keeps the fault findable.
func (r refusal) Unwrap() error { return r.fault }

// verdict is the status and the fault that stand for err.
func verdict(err error) (int, *fault.Error) {
	if r, ok := errors.AsType[refusal](err); ok {
		return r.status, r.fault
	}
	if e, ok := errors.AsType[*fiber.Error](err); ok && e.Code < fiber.StatusInternalServerError {
		return e.Code, routing(e)
	}
	f := fault.Of(err)
	if f.Kind == fault.Internal {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			f = fault.Wrap(err, fault.Unavailable, "deadline_exceeded", "This took too long and was given up. Whether it had an effect is unknown. Repeat the request.")
		case errors.Is(err, context.Canceled):
			f = fault.Wrap(err, fault.Unavailable, "shutting_down", "The server is shutting down. Whether the request had an effect is unknown. Repeat the request.")
		default:
			f = fault.Of(internal{err})
		}
	}
	return status(f.Kind), f
}

// internal hides a fault.Internal made elsewhere from fault.Of, so that the
// client reads the one text that every defect has.
type internal struct{ cause error }

func (i internal) Error() string { return i.cause.Error() }

// status is the only place that turns a fault's kind into a number.
func status(k fault.Kind) int {
	switch k {
	case fault.Internal:
		return http.StatusInternalServerError
	case fault.Malformed:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Stale:
		return http.StatusPreconditionFailed
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.Unconditional:
		return http.StatusPreconditionRequired
	case fault.Exhausted:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// routing is the fault of a request that no route takes, which only Fiber's
// router finds out.
func routing(e *fiber.Error) *fault.Error {
	switch e.Code {
	case fiber.StatusNotFound:
		return fault.New(fault.NotFound, "not_found", "There is nothing at this path. /docs lists what there is; paths have no slash at the end.")
	case fiber.StatusMethodNotAllowed:
		return fault.New(fault.Malformed, "method_not_allowed", "This path does not have this method. The header field Allow names those that it has.")
	}
	return fault.Wrap(e, fault.Malformed, codeBadRequest, "The request cannot be understood.")
}

func overloaded() *fault.Error {
	return fault.New(fault.Unavailable, "overloaded", "There is more to do than can be done now. Wait, then repeat the request.").After(time.Second)
}

// refuse makes the answer a problem that says what err means, and remembers it
// for the log. Fields that are set already, such as Allow, stay.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, x *exchange, err error) {
	code, f := verdict(err)
	x.err, x.code = err, f.Code
	ctx.Response.Header.Del(fasthttp.HeaderContentEncoding)
	ctx.Response.SetStatusCode(code)
	ctx.Response.Header.SetContentType("application/problem+json")
	ctx.Response.SetBodyRaw(s.problem(x, code, f))
	if wait := retryAfter(code, f); wait != "" {
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, wait)
	}
	if challenge := s.challenge(code, f, x.needs); challenge != "" {
		ctx.Response.Header.Set(fasthttp.HeaderWWWAuthenticate, challenge)
	}
}

func (s *Server) problem(x *exchange, code int, f *fault.Error) []byte {
	p := problem{
		Type:      s.config.PublicURL + "/docs/problems#" + f.Code,
		Title:     title(code),
		Status:    code,
		Detail:    f.Text,
		Instance:  x.instance(),
		RequestID: x.id,
		Code:      f.Code,
		Retryable: code == http.StatusServiceUnavailable || code == http.StatusTooManyRequests,
		Extra:     make(map[string]string, len(f.Extra)),
	}
	for _, field := range f.Fields {
		p.Errors = append(p.Errors, memberProblem{field.Pointer, field.Code, field.Text})
	}
	for name, value := range f.Extra {
		if !slices.Contains(problemMembers, name) {
			p.Extra[name] = value
		}
	}
	body, err := json.Marshal(p, json.Deterministic(true))
	if err != nil {
		// Some text is not UTF-8: the code alone says enough.
		body, _ = json.Marshal(problem{Type: p.Type, Title: p.Title, Status: code, Detail: p.Title, Instance: "/", RequestID: x.id, Code: f.Code})
	}
	return body
}

// title is the status in the words of RFC 9110, which net/http does not have
// for two of them yet.
func title(code int) string {
	switch code {
	case http.StatusRequestEntityTooLarge:
		return "Content Too Large"
	case http.StatusUnprocessableEntity:
		return "Unprocessable Content"
	}
	return http.StatusText(code)
}

// retryAfter is in seconds, rounded up, at least 1; "" when waiting does not
// help or nobody knows how long.
func retryAfter(code int, f *fault.Error) string {
	if f.RetryAfter <= 0 && code != http.StatusTooManyRequests && code != http.StatusServiceUnavailable {
		return ""
	}
	return strconv.Itoa(max(1, seconds(f.RetryAfter)))
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
