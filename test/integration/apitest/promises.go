package apitest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/routers"
)

// checkProblem holds every answer of status 400 and above against what the
// contract promises of all of them (RFC 9457, RFC 6750), and the others against
// the promise to be none.
func (c contract) checkProblem(t testing.TB, request *http.Request, answer Answer) error {
	t.Helper()
	id := answer.Header.Get("X-Request-Id")
	if id == "" {
		return errors.New("there is no X-Request-Id")
	}
	if answer.Status == http.StatusInternalServerError {
		return errors.New("nothing that a client sends may be a 500")
	}
	if answer.Status < http.StatusBadRequest || request.Method == http.MethodHead {
		return nil
	}
	p := answer.Problem(t)
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	// An answer that is given again is the first one, to the letter.
	if again := answer.Header.Get("Idempotency-Replayed") == "true"; p.RequestID != id && !again || p.Status != answer.Status || p.Title == "" {
		say("status, title or request_id are not those of the answer")
	}
	if !strings.Contains(c.codes[p.Code], fmt.Sprint(answer.Status)) {
		say("the table gives the code %s the status %q", p.Code, c.codes[p.Code])
	}
	if !strings.HasSuffix(p.Type, "/docs/problems#"+p.Code) {
		say("type is %s", p.Type)
	}
	if p.Instance != request.URL.EscapedPath() {
		say("instance is %s", p.Instance)
	}
	if retry := answer.Status == http.StatusServiceUnavailable || answer.Status == http.StatusTooManyRequests; p.Retryable != retry {
		say("retryable is %t", p.Retryable)
	}
	for _, member := range p.Errors {
		if c.codes[member.Code] == "" {
			say("the table does not have the code %s of %s", member.Code, member.Pointer)
		}
		if member.Pointer != "" && !strings.HasPrefix(member.Pointer, "/") {
			say("%q is no JSON Pointer", member.Pointer)
		}
	}
	challenge := answer.Header.Get("WWW-Authenticate")
	if needs := answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden; needs && !strings.HasPrefix(challenge, "Bearer realm=") {
		say("WWW-Authenticate is %q", challenge)
	}
	return errors.Join(wrong...)
}

// checkReport holds the report of an upload against what is promised of its
// counts, and of the codes of its rows.
func (c contract) checkReport(t testing.TB, answer Answer) error {
	t.Helper()
	if answer.Status != http.StatusOK || !bytes.Contains(answer.Body, []byte(`"results_truncated":`)) {
		return nil
	}
	r := answer.Report(t)
	var wrong []error
	if n := r.Counts; n.Received != n.Created+n.Updated+n.Unchanged+n.Conflicts+n.Rejected {
		wrong = append(wrong, errors.New("received is not the sum of what became of the rows"))
	}
	for _, row := range r.Results {
		problem := row.Outcome == "rejected" || row.Outcome == "conflict"
		if problem != (row.Error != nil) || problem && (c.codes[row.Code] == "" || row.Error.Code != row.Code || row.Error.Detail == "") {
			wrong = append(wrong, fmt.Errorf("row %d: the table does not have %q, or error does not explain it", row.Index, row.Code))
		}
	}
	return errors.Join(wrong...)
}

// checkSecrecy wants no answer that a token opens to be kept by anybody.
func checkSecrecy(route *routers.Route, request *http.Request, answer Answer) error {
	opened := strings.HasPrefix(request.URL.Path, "/v1/") && route.PathItem != nil && route.PathItem.GetOperation(route.Method) != nil
	if opened && answer.Status < http.StatusBadRequest && answer.Header.Get("Cache-Control") != "no-store" {
		return fmt.Errorf("Cache-Control is %q, want no-store", answer.Header.Get("Cache-Control"))
	}
	return nil
}
