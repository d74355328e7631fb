package timesheetsapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"

	"timesheets/application/importing"
	"timesheets/domain/fault"
)

const (
	// maxReport bounds a report, in bytes: one of 5,000 verdicts has about 2 MB.
	maxReport = 16 << 20
	// maxProblem bounds a problem, in bytes.
	maxProblem = 64 << 10
)

// read decodes an answer of the given status; any other is a fault with the
// API's own code and words.
func (u *Uploader) read(answer *http.Response, status int, into any) error {
	if answer.StatusCode != status {
		return u.refusal(answer)
	}
	if err := decode(answer, "application/json", maxReport, into); err != nil {
		return fault.Wrap(err, fault.Unavailable, "api_garbage", "What answers at %s is not the Timesheets API, or was cut off.", u.host)
	}
	return nil
}

func reportOf(report UploadReport) importing.Report {
	r := importing.Report{
		Received: report.Received,
		Counts: importing.Counts{
			Created: report.Created, Updated: report.Updated, Unchanged: report.Unchanged,
			Conflicts: report.Conflicts, Rejected: report.Rejected,
		},
		Results: make([]importing.Result, len(report.Results)),
	}
	for i, result := range report.Results {
		r.Results[i] = importing.Result{Index: result.Index, Outcome: importing.Outcome(result.Outcome), Known: result.Known != nil && *result.Known}
		if result.Code != nil {
			r.Results[i].Code = code(*result.Code)
		}
		if result.Error != nil {
			r.Results[i].Text = sentence(result.Error.Detail)
		}
	}
	return r
}

// refusal turns another status than was hoped for into a fault of the kind
// that says whether trying again is of use.
func (u *Uploader) refusal(answer *http.Response) error {
	status := answer.StatusCode
	kind := kindOf(status)
	var problem struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
	if err := decode(answer, "application/problem+json", maxProblem, &problem); err != nil || problem.Code == "" {
		return strange(u.host, status, kind).After(u.retryAfter(answer.Header))
	}
	if problem.Code == "idempotency_in_progress" {
		kind = fault.Exhausted // the first attempt at the same call is under way
	}
	return fault.New(kind, code(problem.Code), "The API answers %d: %s", status, sentence(problem.Detail)).After(u.retryAfter(answer.Header))
}

// strange is for answers that our API does not give: something stands in
// between.
func strange(host string, status int, kind fault.Kind) *fault.Error {
	switch {
	case status >= 300 && status < 400:
		return fault.New(kind, "api_redirects", "What answers at %s sends us elsewhere (%d), and a token is not carried there. Set TIMESHEETS_API_URL to the final address.", host, status)
	case kind == fault.NotFound:
		return fault.New(kind, "api_404", "What answers at %s is not the Timesheets API (%d). TIMESHEETS_API_URL goes up to and with /v1.", host, status)
	}
	return fault.New(kind, "api_strange", "What answers at %s is not the Timesheets API, or stands before it: status %d.", host, status)
}

func kindOf(status int) fault.Kind {
	switch {
	case status == http.StatusUnauthorized:
		return fault.Unauthenticated
	case status == http.StatusForbidden:
		return fault.Forbidden
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return fault.NotFound
	case status == http.StatusConflict:
		return fault.Conflict
	case status == http.StatusRequestEntityTooLarge:
		return fault.TooLarge
	case status == http.StatusTooManyRequests:
		return fault.Exhausted
	case status == http.StatusRequestTimeout, status >= 500:
		return fault.Unavailable
	case status < 300:
		return fault.Unavailable // something else than the API answers
	}
	return fault.Invalid
}

// decode reads JSON of the given type, at most so many bytes.
func decode(answer *http.Response, contentType string, most int64, into any) error {
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != contentType {
		return errors.New("the answer is not " + contentType)
	}
	body := &io.LimitedReader{R: answer.Body, N: most}
	if err := json.UnmarshalRead(body, into); err != nil {
		if body.N <= 0 {
			return errors.New("the answer is too large")
		}
		return err
	}
	return nil
}

var codeForm = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// code gives an API's code, or "unknown" for what cannot be one.
func code(s string) string {
	if codeForm.MatchString(s) {
		return s
	}
	return "unknown"
}

// maxSentence bounds what of the API's words goes into a log, in characters.
const maxSentence = 500

// sentence gives the API's words on one line.
func sentence(s string) string {
	line := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(line); len(runes) > maxSentence {
		return string(runes[:maxSentence]) + "…"
	}
	return line
}
