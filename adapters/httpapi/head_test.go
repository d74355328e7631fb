package httpapi

import (
	"strings"
	"testing"
)

// Every line is sent byte for byte. What follows a refused request must not be
// taken for another one, so the connection ends.
func TestHostileRequestsAreRefusedWithAProblemAndTheirConnectionEnds(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), append(things(), uploads())...)
	const (
		get    = "GET /v1/things HTTP/1.1\r\nHost: a\r\n"
		post   = "POST /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\n"
		upload = "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer machine\r\nContent-Type: application/json\r\n"
		inside = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
	)
	for _, tt := range []struct {
		name    string
		request string
		status  int
		code    string
	}{
		{"no request line", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_request"},
		{"a method that is no token", "G(T /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"the next version of HTTP", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"},
		{"an unknown version", "GET /healthz HTTP/1.9\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"a version of something else", "GET /healthz ICY/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"a blank in the target", "GET /health z HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"a byte above ASCII in the target", "GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"NUL in the target", "GET /healthz\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"a fragment in the target", "GET /healthz#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"half a percent sign", "GET /v1/%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"two slashes", "GET //healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"two slashes without a host", "GET //a/healthz HTTP/1.0\r\n\r\n", 400, "bad_request"},
		{"an authority for a target", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"an asterisk for a target", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"a host without a path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400, "bad_request"},
		{"no Host, and a body that never comes", "POST /v1/things HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 400, "bad_request"},
		{"two Hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "bad_request"},
		{"a Host with a path", "GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad_request"},
		{"a Host with credentials", "GET /healthz HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "bad_request"},
		{"a Host with half a bracket", "GET /healthz HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, "bad_request"},
		{"a blank before the colon", get + "X : 1\r\n\r\n", 400, "bad_request"},
		{"a blank before the name", get + " X: 1\r\n\r\n", 400, "bad_request"},
		{"a folded line", get + "X: 1\r\n 2\r\n\r\n", 400, "bad_request"},
		{"a folded line that hides a field", get + "X: 1\r\n Content-Length: 5\r\n\r\nhello", 400, "bad_request"},
		{"a line without a colon", get + "X\r\nY: 1\r\n\r\n", 400, "bad_request"},
		{"a name that is no token", get + "X[]: 1\r\n\r\n", 400, "bad_request"},
		{"an empty name", get + ": 1\r\n\r\n", 400, "bad_request"},
		{"NUL in a value", get + "X: a\x00b\r\n\r\n", 400, "bad_request"},
		{"a bare carriage return in a value", get + "X: a\rb\r\n\r\n", 400, "bad_request"},
		{"lines that end without a carriage return", "GET /healthz HTTP/1.1\nHost: a\n\n", 400, "bad_request"},
		{"a header over 16 KiB", get + "X: " + strings.Repeat("a", 16<<10) + "\r\n\r\n", 431, "header_too_large"},
		{"a target over 16 KiB", "GET /" + strings.Repeat("a", 17<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431, "header_too_large"},
		{"a header over 16 KiB of many fields", get + strings.Repeat("X: 1\r\n", 3000) + "\r\n", 431, "header_too_large"},

		{"two lengths that differ", post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}" + inside, 400, "bad_request"},
		{"two lengths that agree", post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + inside, 400, "bad_request"},
		{"a list of lengths", post + "Content-Length: 2, 2\r\n\r\n{}" + inside, 400, "bad_request"},
		{"a negative length", post + "Content-Length: -2\r\n\r\n{}" + inside, 400, "bad_request"},
		{"a length with a sign", post + "Content-Length: +2\r\n\r\n{}" + inside, 400, "bad_request"},
		{"a hexadecimal length", post + "Content-Length: 0x2\r\n\r\n{}" + inside, 400, "bad_request"},
		{"a length in words", post + "Content-Length: two\r\n\r\n{}" + inside, 400, "bad_request"},
		{"an empty length", post + "Content-Length:\r\n\r\n{}" + inside, 400, "bad_request"},
		{"a length that overflows to a small one", post + "Content-Length: 18446744073709551618\r\n\r\n{}" + inside, 400, "bad_request"},
		{"a length that overflows to a large one", post + "Content-Length: 62000000000000000000\r\n\r\n{}", 413, "body_too_large"},
		{"both framings", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"both framings, the other way round", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"an unknown coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"identity, which is none", post + "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}" + inside, 400, "bad_request"},
		{"gzip and chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"chunked twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"chunked in HTTP/1.0", "POST /v1/things HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"a vertical tab before chunked", post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"two content types", post + "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}" + inside, 400, "bad_request"},
		{"a chunk without a size", post + "Transfer-Encoding: chunked\r\n\r\n\r\n{}\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"a chunk's size in other letters", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"a chunk's size that overflows", post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n{}\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"a chunk longer than its size", post + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n" + inside, 400, "bad_request"},
		{"a chunk over the limit", post + "Transfer-Encoding: chunked\r\n\r\n10001\r\n", 413, "body_too_large"},
		{"chunks over the limit", post + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("4000\r\n"+strings.Repeat(" ", 0x4000)+"\r\n", 4) + "1\r\n", 413, "body_too_large"},
		{"trailers", post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nIf-Match: *\r\n\r\n" + inside, 400, "bad_request"},
		{"trailers after nothing", post + "Transfer-Encoding: chunked\r\n\r\n0\r\nIf-Match: *\r\n\r\n" + inside, 400, "bad_request"},
		{"announced trailers", post + "Transfer-Encoding: chunked\r\nTrailer: If-Match\r\n\r\n2\r\n{}\r\n0\r\nIf-Match: *\r\n\r\n" + inside, 400, "bad_request"},
		{"trailers over 16 KiB", post + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + strings.Repeat("a", 17<<10) + "\r\n\r\n", 431, "header_too_large"},
		{"a body over 64 KiB", post + "Content-Length: 65537\r\n\r\n", 413, "body_too_large"},
		{"a body over 64 KiB, expecting to continue", post + "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n", 413, "body_too_large"},
		{"an upload over 8 MiB", upload + "Content-Length: 8388609\r\n\r\n", 413, "body_too_large"},
		{"an upload over 64 KiB without a token", "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413, "body_too_large"},
		{"an upload over 64 KiB with something like a token", "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\nContent-Length: 65537\r\n\r\n", 413, "body_too_large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, rest := r.raw(t, tt.request, false)
			if got.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", got.StatusCode, tt.status, got.body)
			}
			if p := got.problem(t); p.Code != tt.code {
				t.Errorf("code %s, want %s", p.Code, tt.code)
			}
			if !got.Close {
				t.Error("the answer does not say that the connection ends")
			}
			closed(t, rest)
		})
	}
}

func TestRequestsThatEndTooEarlyAreToldSo(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), things()...)
	const post = "POST /v1/things HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n"
	for _, tt := range []struct{ name, request string }{
		{"in the request line", "GET /heal"},
		{"in the header", "GET /healthz HTTP/1.1\r\nHost: a\r\nX:"},
		{"before the header's end", "GET /healthz HTTP/1.1\r\nHost: a\r\n"},
		{"in a body", post + "Content-Length: 5\r\n\r\n{}"},
		{"before a chunk", post + "Transfer-Encoding: chunked\r\n\r\n"},
		{"in a chunk", post + "Transfer-Encoding: chunked\r\n\r\n5\r\n{}"},
		{"before the last chunk", post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"},
		{"where it was to continue", post + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, rest := r.raw(t, tt.request, true)
			if got.StatusCode == 100 {
				got = read(t, rest, "POST")
			}
			if p := got.problem(t); p.Code != "bad_request" || strings.HasPrefix(tt.request, post) && (p.RequestID != "mine" || p.Instance != "/v1/things") {
				t.Errorf("got %+v", p)
			}
			closed(t, rest)
		})
	}
}

func TestWhatLooksOddAndIsAllowedIsAnswered(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), append(things(), uploads())...)
	const (
		post   = "POST /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\n"
		upload = "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer machine\r\nContent-Type: application/json\r\n"
	)
	for _, tt := range []struct {
		name    string
		request string
		status  int
	}{
		{"HTTP/1.0 without a host", "GET /healthz HTTP/1.0\r\n\r\n", 200},
		{"an absolute target", "GET HTTP://elsewhere/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200},
		{"an empty line first", "\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200},
		{"an empty host", "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n", 200},
		{"an IPv6 host", "GET /healthz HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200},
		{"a scheme in the query", "GET /healthz?next=http://elsewhere/ HTTP/1.1\r\nHost: a\r\n\r\n", 200},
		{"a value beyond ASCII", "GET /healthz HTTP/1.1\r\nHost: a\r\nUser-Agent: J\xc3\xb6rg\r\n\r\n", 200},
		{"a header of 15 KiB", "GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 15<<10) + "\r\n\r\n", 200},
		{"a body with GET", "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", 200},
		{"a method override", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: DELETE\r\n\r\n", 200},
		{"chunks", post + "Transfer-Encoding: Chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 204},
		{"a body of 64 KiB", post + "Content-Length: 65536\r\n\r\n" + strings.Repeat(" ", 64<<10), 204},
		{"an upload of 8 MiB", upload + "Content-Length: 8388608\r\n\r\n" + strings.Repeat(" ", 8<<20), 200},
		{"an upload of 8 MiB to an absolute target", strings.Replace(upload, " /", " http://a/", 1) + "Content-Length: 8388608\r\n\r\n" + strings.Repeat(" ", 8<<20), 200},
		{"another expectation", post + "Expect: the-unexpected\r\nContent-Length: 2\r\n\r\n{}", 204},
		{"an expectation in HTTP/1.0", "POST /v1/things HTTP/1.0\r\nAuthorization: Bearer ann\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", 204},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, _ := r.raw(t, tt.request, false)
			if got.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", got.StatusCode, tt.status, got.body)
			}
		})
	}
}

func TestAClientThatExpectsToContinueIsToldBeforeItSendsItsBody(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), things()...)
	conn := r.dial(t)
	got, rest := sendOn(t, conn, "POST /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
	if got.StatusCode != 100 {
		t.Fatalf("status %d, want 100", got.StatusCode)
	}
	if _, err := conn.Write([]byte("{}")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, rest, "POST"); got.StatusCode != 204 {
		t.Errorf("status %d, want 204", got.StatusCode)
	}
}

func TestAKeptConnectionAnswersRequestsInTurn(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), things()...)
	const request = "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: %\r\n\r\n"
	conn := r.dial(t)
	got, rest := sendOn(t, conn, strings.Replace(request, "%", "1", 1)+strings.Replace(request, "%", "2", 1))
	if id := got.Header.Get("X-Request-Id"); id != "1" {
		t.Errorf("first answer for %q", id)
	}
	if id := read(t, rest, "GET").Header.Get("X-Request-Id"); id != "2" {
		t.Errorf("second answer for %q", id)
	}
	// A chunked body is the last thing on its connection: what follows it could
	// be the part of it that another server would have taken for its end.
	got, rest = sendOn(t, conn, "POST /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nTransfer-Encoding: chunked\r\n\r\n"+
		"2;\nxx\r\n{}\r\n0\r\n\r\n"+request)
	if got.StatusCode != 204 || !got.Close {
		t.Errorf("got %d, close %t", got.StatusCode, got.Close)
	}
	closed(t, rest)
}

func TestConnectionCloseIsHeardHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	r := serving(t, configured())
	for _, value := range []string{"close", "Close", "TE, close", "keep-alive, CLOSE "} {
		got, rest := r.raw(t, "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: "+value+"\r\n\r\n", false)
		if got.StatusCode != 200 {
			t.Errorf("%s: status %d", value, got.StatusCode)
		}
		closed(t, rest)
	}
}
