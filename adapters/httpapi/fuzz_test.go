package httpapi

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever bytes come, every answer is one, none blames us, and the connection
// ends when the client has said all that it has to say.
func FuzzAnyBytesAreAnsweredOrTheConnectionEnds(f *testing.F) {
	for _, seed := range []string{
		"",
		"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /v1/things?limit=1 HTTP/1.0\r\nAuthorization: Bearer ann\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"OPTIONS /v1/things HTTP/1.1\r\nHost: a\r\nOrigin: https://timesheets.exampleco.com\r\nAccess-Control-Request-Method: GET\r\n\r\n",
		"POST /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"text\":\"a\"}",
		"POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer machine\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
		"POST /v1/things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\n{}\r\n0\r\nX: 1\r\n\r\n",
		"POST /v1/things HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
		"GET /healthz HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\nContent-Length: 3\r\n\r\nabcGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	// No ports to run out of; what tests of the standard library use for
	// temporary directories is too long for a socket's path.
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	ln, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		f.Fatal(err)
	}
	servingOn(f, ln, configured(), nil, append(things(), uploads())...)
	f.Fuzz(func(t *testing.T, sent []byte) {
		if strings.Contains(string(sent), "HEAD") {
			return // its answers say that they have a body, and have none
		}
		conn, err := net.Dial("unix", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = conn.Write(sent) // may be refused in the middle
			_ = conn.(*net.UnixConn).CloseWrite()
		}()
		from := bufio.NewReader(conn)
		for {
			if _, err := from.Peek(1); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("%q: the connection stays open", sent)
				}
				return
			}
			checkAnswer(t, sent, from)
		}
	})
}

func checkAnswer(t *testing.T, sent []byte, from *bufio.Reader) {
	t.Helper()
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatalf("%q: no answer: %v", sent, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%q: half an answer: %v", sent, err)
	}
	if response.StatusCode >= 500 {
		t.Fatalf("%q: %d %s", sent, response.StatusCode, body)
	}
	if response.StatusCode < 400 {
		return
	}
	var p problem
	if err := json.Unmarshal(body, &p); err != nil || p.Status != response.StatusCode || p.RequestID != response.Header.Get("X-Request-Id") {
		t.Fatalf("%q: %d %q is no problem: %v", sent, response.StatusCode, body, err)
	}
}
