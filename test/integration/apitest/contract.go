package apitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// contract is the OpenAPI document as the program itself serves it.
type contract struct {
	document *openapi3.T
	codes    map[string]string // of problems: the statuses that the table gives each
}

var served struct {
	once sync.Once
	contract
	err error
}

// Document is the API's OpenAPI document.
func (a *API) Document(t testing.TB) *openapi3.T {
	t.Helper()
	return documentOf(t, a.URL).document
}

func documentOf(t testing.TB, at string) contract {
	t.Helper()
	served.once.Do(func() { served.contract, served.err = fetchContract(at) })
	if served.err != nil {
		t.Fatal(served.err)
	}
	return served.contract
}

func fetchContract(at string) (contract, error) {
	response, err := http.Get(at + "/openapi.yaml")
	if err != nil {
		return contract{}, err
	}
	defer response.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return contract{}, err
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return contract{}, fmt.Errorf("/openapi.yaml: %w", err)
	}
	c := contract{document, map[string]string{}}
	table := document.Components.Schemas["ProblemCode"].Value.Description
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| ([0-9, ]+) \\|").FindAllStringSubmatch(table, -1) {
		c.codes[row[1]] = row[2]
	}
	return c, nil
}

// check fails the test for every way in which the answer, or a request that
// was taken, is not as the document says.
func check(t testing.TB, at string, request *http.Request, sent []byte, answer Answer) {
	t.Helper()
	c := documentOf(t, at)
	route, params := c.route(request.Method, request.URL)
	wrong := []error{
		c.checkAnswer(route, params, request, answer),
		c.checkProblem(t, request, answer),
		c.checkReport(t, answer),
		checkSecrecy(route, request, answer),
	}
	if answer.Status < 300 && request.Method != http.MethodOptions {
		wrong = append(wrong, c.checkRequest(route, params, request, sent, answer))
	}
	if err := errors.Join(wrong...); err != nil {
		t.Errorf("%s %s (%s), answered %d: %v\n%s", request.Method, request.URL.Path, route.Operation.OperationID, answer.Status, err, brief(answer.Body))
	}
}

// Needs is the scopes of which an operation wants one, by the document.
func (a *API) Needs(t testing.TB, method, path string) (scopes []string) {
	t.Helper()
	at, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	route, _ := documentOf(t, a.URL).route(method, at)
	if route.Operation.Security == nil {
		t.Fatalf("%s %s is not documented", method, path)
	}
	for _, alternative := range *route.Operation.Security {
		scopes = append(scopes, alternative["oauth2"]...)
	}
	return scopes
}

// route finds what the document says of a method and a path.
func (c contract) route(method string, at *url.URL) (*routers.Route, map[string]string) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	asked := at.EscapedPath()
	if strings.HasPrefix(asked, metadataPath+"/") {
		asked = metadataPath // with the path of the API's identifier behind it, as the document says in words
	}
	best, item, params := "", (*openapi3.PathItem)(nil), map[string]string(nil)
	for path, candidate := range c.document.Paths.Map() {
		full := path
		if len(candidate.Servers) == 0 {
			full = "/v1" + path
		}
		// A path without parameters goes before one that has some.
		if values, ok := match(full, asked); ok && (item == nil || len(values) < len(params)) {
			best, item, params = path, candidate, values
		}
	}
	route := &routers.Route{Spec: c.document, Path: best, PathItem: item, Method: method}
	switch {
	case item == nil:
		route.Operation = c.offRoute("unknown path", "404")
	case item.GetOperation(method) == nil:
		route.Operation = c.offRoute("unknown method", "405")
	default:
		route.Operation = item.GetOperation(method)
	}
	return route, params
}

const metadataPath = "/.well-known/oauth-protected-resource"

// match compares a path with a template, segment by segment.
func match(template, path string) (map[string]string, bool) {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	values := map[string]string{}
	for i, segment := range want {
		if name, is := strings.CutPrefix(segment, "{"); is && have[i] != "" {
			value, err := url.PathUnescape(have[i])
			if err != nil {
				return nil, false
			}
			values[strings.TrimSuffix(name, "}")] = value
		} else if segment != have[i] {
			return nil, false
		}
	}
	return values, true
}

// offRoute is what the document says about every request that no operation
// takes: what can go wrong on the way, and that there is nothing.
func (c contract) offRoute(name, status string) *openapi3.Operation {
	names := map[string]string{
		"400": "Malformed", "404": "NotFound", "405": "MethodNotAllowed", "408": "TooSlow",
		"413": "TooLarge", "431": "HeaderTooLarge", "503": "Unavailable",
	}
	o := &openapi3.Operation{OperationID: name, Responses: openapi3.NewResponsesWithCapacity(8)}
	for _, possible := range []string{"400", "408", "413", "431", "503", status} {
		o.Responses.Set(possible, c.document.Components.Responses[names[possible]])
	}
	nothing := "The methods that the path has."
	o.Responses.Set("204", &openapi3.ResponseRef{Value: &openapi3.Response{Description: &nothing, Headers: openapi3.Headers{
		"Allow": c.document.Components.Headers["Allow"], "X-Request-Id": c.document.Components.Headers["X-Request-Id"],
	}}})
	return o
}

var options = &openapi3filter.Options{
	IncludeResponseStatus: true,
	MultiError:            true,
	SkipSettingDefaults:   true,
	AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
}

func (c contract) checkAnswer(route *routers.Route, params map[string]string, request *http.Request, answer Answer) error {
	how := *options
	asked := request
	if request.Method == http.MethodHead {
		if len(answer.Body) > 0 {
			return errors.New("an answer to HEAD has a body")
		}
		how.ExcludeResponseBody = true
		asked = request.Clone(context.Background())
		asked.Method = http.MethodGet // else nothing is checked
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: asked, PathParams: params, Route: route, Options: &how},
		Status:                 answer.Status,
		Header:                 answer.Header,
		Options:                &how,
	}
	input.SetBodyBytes(answer.Body)
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		return err
	}
	documented := route.Operation.Responses.Status(answer.Status).Value
	general := inAnyAnswer
	if route.PathItem != nil && len(route.PathItem.Servers) > 0 {
		general = append(slices.Clone(general), "ETag") // of what anybody may cache
	}
	for name := range documented.Headers {
		general = append(slices.Clone(general), name)
	}
	var wrong []error
	for name := range answer.Header {
		if !slices.ContainsFunc(general, func(begins string) bool {
			return len(name) >= len(begins) && strings.EqualFold(name[:len(begins)], begins)
		}) {
			wrong = append(wrong, fmt.Errorf("the header field %s is not documented", name))
		}
	}
	switch {
	case len(documented.Content) == 0 && len(answer.Body) > 0:
		wrong = append(wrong, errors.New("there is a body, and none is documented"))
	case request.Method != http.MethodHead && strings.HasSuffix(answer.Header.Get("Content-Type"), "json"):
		media := documented.Content.Get(answer.Header.Get("Content-Type"))
		wrong = append(wrong, undocumented(media.Schema, answer.Body)...)
	}
	return errors.Join(wrong...)
}

// inAnyAnswer are the beginnings of header fields that have the same meaning
// in every answer.
var inAnyAnswer = []string{
	"Accept-Encoding", "Content-", "Date", "Connection", "Vary", "Cache-Control", "X-Content-Type-Options", "X-Frame-Options",
	"Referrer-Policy", "X-Request-Id", "RateLimit", "Access-Control-",
}

// checkRequest holds a request that was taken against the document. Rows may
// be wrong in a request that is right, so it looks at those that were all well.
func (c contract) checkRequest(route *routers.Route, params map[string]string, request *http.Request, sent []byte, answer Answer) error {
	how := *options
	if first := bytes.TrimLeft(sent, " \t\r\n"); bytes.HasPrefix(first, []byte("[")) && !bytes.Contains(answer.Body, []byte(`"rejected":0,`)) ||
		request.Header.Get("Content-Encoding") != "" {
		how.ExcludeRequestBody = true
	}
	again := request.Clone(context.Background())
	again.Body = io.NopCloser(bytes.NewReader(sent))
	err := openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: again, PathParams: params, Route: route, Options: &how,
	})
	if err != nil {
		return fmt.Errorf("the request was taken, but is not as the document says: %w", err)
	}
	return nil
}
