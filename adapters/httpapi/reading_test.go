package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"

	"timesheets/domain/identity"
)

func TestTheHeadingOfABrokenRequestIsNotThatOfTheNext(t *testing.T) {
	t.Parallel()
	s := &Server{config: configured(), headings: newHeadings(2)}
	h := header(t, "POST /v1/things HTTP/1.1\r\nHost: a\r\nX-Request-Id: first\r\nContent-Length: 5\r\n\r\n")
	s.headerReceived(h)
	// Nobody ever asks for it. The same memory then has another request.
	if err := h.Read(bufio.NewReader(strings.NewReader("GET /v1/things HTTP/1.1\r\nHost: a\r\n\r\n"))); err != nil {
		t.Fatal(err)
	}
	s.headerReceived(h)
	if is, found := s.headings.take(h); found {
		t.Errorf("the next request has %+v", is)
	}
}

func TestHeadingsThatNobodyAsksForDoNotPileUp(t *testing.T) {
	t.Parallel()
	s := &Server{config: configured(), headings: newHeadings(10)}
	refused := header(t, "POST /v1/things HTTP/1.1\r\nContent-Length: 5\r\n\r\n")
	s.headerReceived(refused)
	for range 1000 {
		s.headerReceived(header(t, "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"))
	}
	if n := len(s.headings.of); n > 10 {
		t.Errorf("%d are kept", n)
	}
	if is, found := s.headings.take(refused); !found || is.refusal == nil {
		t.Error("a refused request was forgotten, and would be handled")
	}
}

func header(t *testing.T, text string) *fasthttp.RequestHeader {
	t.Helper()
	var h fasthttp.RequestHeader
	if err := h.Read(bufio.NewReader(strings.NewReader(text))); err != nil {
		t.Fatal(err)
	}
	return &h
}

func TestWhatAHandlerKeepsIsNotOverwrittenByTheNextRequest(t *testing.T) {
	t.Parallel()
	var kept []string
	r := serving(t, configured(), readable("/kept/:name", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		kept = append(kept, c.Params("name"), c.Get("X-Name"), c.Query("name"), c.Path())
		return answerNothing(c)
	}))
	conn := r.dial(t)
	var want []string
	for i := range 5 {
		name := fmt.Sprintf("name-%d", i)
		got, _ := sendOn(t, conn, "GET /v1/kept/"+name+"?name="+name+" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nX-Name: "+name+"\r\n\r\n")
		if got.StatusCode != 204 {
			t.Fatalf("got %d", got.StatusCode)
		}
		want = append(want, name, name, name, "/v1/kept/"+name)
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}
