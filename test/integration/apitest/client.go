package apitest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Caller sends requests to the API in somebody's name.
type Caller struct {
	api    *API
	token  string // "" for none
	via    string // "" for the API's own URL
	header http.Header
}

// As is whoever the token stands for; "" sends none.
func (a *API) As(token string) Caller { return Caller{api: a, token: token} }

// Token is the caller's access token.
func (c Caller) Token() string { return c.token }

// With is the same caller, sending header fields too: name, value, name, value.
func (c Caller) With(fields ...string) Caller {
	c.header = c.header.Clone()
	if c.header == nil {
		c.header = http.Header{}
	}
	for pair := range slices.Chunk(fields, 2) {
		c.header.Add(pair[0], pair[1])
	}
	return c
}

// Get sends GET; path begins with a slash.
func (c Caller) Get(t testing.TB, path string) Answer {
	t.Helper()
	return c.Send(t, http.MethodGet, path, nil)
}

// Post sends POST with a body, see Send.
func (c Caller) Post(t testing.TB, path string, body any) Answer {
	t.Helper()
	return c.Send(t, http.MethodPost, path, body)
}

// Put sends PUT with a body, see Send.
func (c Caller) Put(t testing.TB, path string, body any) Answer {
	t.Helper()
	return c.Send(t, http.MethodPut, path, body)
}

// Patch sends a JSON Merge Patch, see Send.
func (c Caller) Patch(t testing.TB, path string, body any) Answer {
	t.Helper()
	return c.Send(t, http.MethodPatch, path, body)
}

// Delete sends DELETE.
func (c Caller) Delete(t testing.TB, path string) Answer {
	t.Helper()
	return c.Send(t, http.MethodDelete, path, nil)
}

// Send sends any request and holds the answer against the document. A body
// that is a string or bytes goes as it is, nil is none, and anything else goes
// as JSON. It is JSON unless a header field says otherwise. Without an answer
// the test fails, and what is returned has the status 0.
func (c Caller) Send(t testing.TB, method, path string, body any) Answer {
	t.Helper()
	answer, err := c.Try(t, method, path, body)
	if err != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	return answer
}

// Try is Send for when the program may be gone: the error is that there was no
// answer.
func (c Caller) Try(t testing.TB, method, path string, body any) (Answer, error) {
	t.Helper()
	sent := written(t, body)
	request, err := http.NewRequest(method, cmp.Or(c.via, c.api.URL)+path, bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if len(sent) > 0 {
		request.Header.Set("Content-Type", "application/json")
		if method == http.MethodPatch {
			request.Header.Set("Content-Type", "application/merge-patch+json")
		}
	}
	maps.Copy(request.Header, c.header)
	response, err := c.api.client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Status: response.StatusCode, Header: response.Header, Body: got, of: method + " " + path}
	check(t, c.api.URL, request, sent, answer)
	return answer, nil
}

func written(t testing.TB, body any) []byte {
	t.Helper()
	switch b := body.(type) {
	case nil:
		return nil
	case string:
		return []byte(b)
	case []byte:
		return b
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	of     string // the request
}

// Is fails the test unless the answer has the status.
func (a Answer) Is(t testing.TB, status int) Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: got %d %s, want %d", a.of, a.Status, brief(a.Body), status)
	}
	return a
}

// IsProblem fails the test unless the answer is a problem with the status and
// the code.
func (a Answer) IsProblem(t testing.TB, status int, code string) Problem {
	t.Helper()
	p := a.Problem(t)
	if a.Status != status || p.Code != code {
		t.Fatalf("%s: got %d %s, want %d %s", a.of, a.Status, brief(a.Body), status, code)
	}
	return p
}

// Problem reads the answer as one; its zero value when it is none.
func (a Answer) Problem(t testing.TB) Problem {
	t.Helper()
	var p Problem
	if a.Status >= http.StatusBadRequest && len(a.Body) > 0 {
		a.Read(t, &p)
	}
	return p
}

// Read reads the JSON of the answer.
func (a Answer) Read(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, into); err != nil {
		t.Fatalf("%s: %v in %s", a.of, err, brief(a.Body))
	}
}

// Entry reads the answer as an entry.
func (a Answer) Entry(t testing.TB) Entry {
	t.Helper()
	var e Entry
	a.Read(t, &e)
	return e
}

// Entries reads the answer as a list of entries.
func (a Answer) Entries(t testing.TB) []Entry {
	t.Helper()
	var list []Entry
	a.Read(t, &list)
	return list
}

// Report reads the answer as the report of an upload.
func (a Answer) Report(t testing.TB) Report {
	t.Helper()
	var r Report
	a.Read(t, &r)
	return r
}

// Next is the path of the next page, "" on the last one.
func (a Answer) Next(t testing.TB) string {
	t.Helper()
	link := a.Header.Get("Link")
	if link == "" {
		return ""
	}
	target, relation, _ := strings.Cut(link, ">; ")
	if !strings.HasPrefix(target, "<") || relation != `rel="next"` {
		t.Fatalf("%s: the field Link is %s", a.of, link)
	}
	return strings.TrimPrefix(target, "<")
}

func brief(body []byte) string {
	const most = 1500
	if len(body) > most {
		return string(body[:most]) + " …"
	}
	return string(body)
}

// Hold holds an answer that came in another way than by Send against the
// document; sent is the body of the request.
func (a *API) Hold(t testing.TB, request *http.Request, sent []byte, response *http.Response, body []byte) {
	t.Helper()
	check(t, a.URL, request, sent, Answer{Status: response.StatusCode, Header: response.Header, Body: body, of: request.Method + " " + request.URL.Path})
}

// Via is the same caller, who reaches the API at another address.
func (c Caller) Via(url string) Caller {
	c.via = url
	return c
}
