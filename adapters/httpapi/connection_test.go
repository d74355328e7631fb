package httpapi

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const instant = 20 * time.Millisecond // a timeout that is meant to pass

func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	// Who is slow with a body has all the time for the header, and the other way round.
	header, body := configured(), configured()
	header.Limits.HeaderTimeout = instant
	body.Limits.BodyTimeout, body.Limits.UploadTimeout = instant, instant
	forHeader, forBody := serving(t, header), serving(t, body, append(things(), uploads())...)
	const (
		post   = "POST /v1/things HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nOrigin: https://timesheets.exampleco.com\r\n"
		upload = "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nOrigin: https://timesheets.exampleco.com\r\nAuthorization: Bearer machine\r\n"
	)
	for _, tt := range []struct {
		name, request string
		body          bool
	}{
		{"who sends nothing", "", false},
		{"half a request line", "GET /heal", false},
		{"a header without its end", "GET /healthz HTTP/1.1\r\nHost: a\r\n", false},
		{"a header whose last line has no colon", "GET /healthz HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", false},
		{"half a body", post + "Content-Length: 5\r\n\r\n{}", true},
		{"no chunk", post + "Transfer-Encoding: chunked\r\n\r\n", true},
		{"half a chunk", post + "Transfer-Encoding: chunked\r\n\r\n5\r\n{}", true},
		{"a chunk's size without its end", post + "Transfer-Encoding: chunked\r\n\r\n5;xxxx", true},
		{"chunks without the last one", post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", true},
		{"trailers without their end", post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: 1\r\n", true},
		{"half an upload", upload + "Content-Length: 500000\r\n\r\n{}", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := forHeader
			if tt.body {
				r = forBody
			}
			got, rest := r.raw(t, tt.request, false)
			p := got.problem(t)
			if got.StatusCode != 408 || p.Code != "request_timeout" || !got.Close {
				t.Errorf("got %d, %+v", got.StatusCode, p)
			}
			// What the header said is not forgotten with the body.
			if tt.body && (p.RequestID != "mine" || p.Instance == "/" || got.Header.Get("Access-Control-Allow-Origin") == "") {
				t.Errorf("the answer has lost its request: %+v, %s", p, got.Header)
			}
			closed(t, rest)
		})
	}
}

func TestAnIdleConnectionIsClosedWithoutAWord(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.IdleTimeout = instant
	r := serving(t, config)
	got, rest := r.raw(t, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", false)
	if got.StatusCode != 200 || got.Close {
		t.Errorf("got %d, close %t", got.StatusCode, got.Close)
	}
	closed(t, rest)
}

func TestAClientThatIsStillSendingReadsWhyItWasRefused(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), uploads())
	conn := r.dial(t)
	if _, err := io.WriteString(conn, "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer machine\r\nContent-Length: 20000000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// All but the end, without looking at the answer: it is long there before
	// the client is done. Were the connection just closed, this would reset it.
	if _, err := io.CopyN(conn, zeros{}, 6<<20); err != nil {
		t.Fatalf("sending: %v", err)
	}
	got := read(t, bufio.NewReader(conn), "POST")
	if p := got.problem(t); got.StatusCode != 413 || p.Instance != "/v1/timesheets/upload" {
		t.Errorf("got %d, %+v", got.StatusCode, p)
	}
}

func TestAClientThatIsStillSendingChunksReadsWhyItWasRefused(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), things()...)
	conn := r.dial(t)
	if _, err := io.WriteString(conn, "POST /v1/things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(conn, zeros{}, 5<<20); err != nil {
		t.Fatalf("sending: %v", err)
	}
	if got := read(t, bufio.NewReader(conn), "POST"); got.StatusCode != 413 || got.problem(t).Code != "body_too_large" {
		t.Errorf("got %d, %s", got.StatusCode, got.body)
	}
}

func TestAsManyConnectionsAsAllowedAndTheNextIsToldToWait(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.Connections = 2
	r := serving(t, config)
	const request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
	first, _ := r.raw(t, request, false)
	second := r.dial(t)
	other, _ := sendOn(t, second, request)
	if first.StatusCode != 200 || other.StatusCode != 200 {
		t.Fatalf("got %d and %d", first.StatusCode, other.StatusCode)
	}

	third := r.dial(t)
	got := read(t, bufio.NewReader(third), "GET") // it need not even ask
	if p := got.problem(t); got.StatusCode != 503 || p.Code != "overloaded" || !p.Retryable || got.Header.Get("Retry-After") != "1" {
		t.Errorf("got %d, %+v", got.StatusCode, p)
	}
	third.Close()

	second.Close()
	eventually(t, "a free place is given away", func() bool {
		conn := r.dial(t)
		defer conn.Close()
		if _, err := io.WriteString(conn, request); err != nil {
			return false
		}
		got, err := tryRead(bufio.NewReader(conn), "GET")
		return err == nil && got.StatusCode == 200
	})
}

func TestLargeBodiesAreHeldAFewAtATime(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.Uploads = 1
	r := serving(t, config, uploads())
	const size = 1 << 20
	head := "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer machine\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n"

	first := r.dial(t)
	if _, err := io.WriteString(first, head+strings.Repeat(" ", size-1)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first body is held", func() bool { return len(r.rooms[uploadRoom]) == 1 })

	got, _ := r.raw(t, head+strings.Repeat(" ", 100<<10), false)
	if p := got.problem(t); got.StatusCode != 503 || p.Code != "overloaded" || got.Header.Get("Retry-After") == "" {
		t.Errorf("the second body: %d, %+v", got.StatusCode, p)
	}
	zipped := packed(t, strings.NewReader("[]"))
	if got := r.call(t, "POST", "/v1/timesheets/upload", "machine", zipped, "Content-Encoding", "gzip"); got.StatusCode != 503 || got.problem(t).Code != "overloaded" {
		t.Errorf("a small body that may grow: %d %s", got.StatusCode, got.body)
	}
	small := strings.Replace(head, "1048576", "60000", 1) + strings.Repeat(" ", 60_000)
	kept := r.dial(t)
	for range 4 { // however much it is together
		if got, _ := sendOn(t, kept, small); got.StatusCode != 200 {
			t.Errorf("a small body: %d %s", got.StatusCode, got.body)
		}
	}

	if got, _ := sendOn(t, first, " "); got.StatusCode != 200 {
		t.Errorf("the first body: %d %s", got.StatusCode, got.body)
	}
	// The connection stays open and holds nothing.
	eventually(t, "the place is free", func() bool { return len(r.rooms[uploadRoom]) == 0 })
	if got, _ := r.raw(t, head+strings.Repeat(" ", size), false); got.StatusCode != 200 {
		t.Errorf("the next body: %d %s", got.StatusCode, got.body)
	}
}

func TestAPlaceForALargeBodyIsFreeWhenItsClientLeaves(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.Uploads = 1
	config.Limits.LingerTimeout = instant
	r := serving(t, config, uploads())
	conn := r.dial(t)
	if _, err := io.WriteString(conn, "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer machine\r\nTransfer-Encoding: chunked\r\n\r\n40000\r\n"+strings.Repeat(" ", 0x40000)+"\r\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the body is held", func() bool { return len(r.rooms[uploadRoom]) == 1 })
	conn.Close()
	eventually(t, "the place is free", func() bool { return len(r.rooms[uploadRoom]) == 0 })
	eventually(t, "the connection is forgotten", func() bool { return r.incoming.Load().connections() == 0 })
}

// A header announces what fasthttp then allocates: room is taken for what may
// come, not for what has come.
func TestABodyHasItsRoomBeforeAnyOfItArrives(t *testing.T) {
	t.Parallel()
	const post = "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	upload := func(token string) string {
		return "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\n"
	}
	for name, tt := range map[string]struct {
		head string
		room room
	}{
		"an upload":                      {upload("machine") + "Content-Length: 8388608\r\n\r\n", uploadRoom},
		"an upload in chunks":            {upload("machine") + "Transfer-Encoding: chunked\r\n\r\n800000\r\n", uploadRoom},
		"an upload that asks first":      {upload("machine") + "Content-Length: 8388608\r\nExpect: 100-continue\r\n\r\n", uploadRoom},
		"an upload of a few rows":        {upload("machine") + "Content-Length: 60000\r\n\r\n", bodyRoom},
		"another body":                   {post + "Content-Length: 60000\r\n\r\n", bodyRoom},
		"another body in chunks":         {post + "Transfer-Encoding: chunked\r\n\r\n10000\r\n", bodyRoom},
		"a short body needs no room":     {post + "Content-Length: 4096\r\n\r\n", noRoom},
		"a short upload needs no room":   {upload("machine") + "Content-Length: 4096\r\n\r\n", noRoom},
		"who has none needs none either": {"GET /v1/things HTTP/1.1\r\nHost: a\r\n\r\n", noRoom},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := configured()
			config.Limits.Uploads, config.Limits.Bodies, config.Limits.LingerTimeout = 1, 1, instant
			r := serving(t, config, append(things(), uploads())...)
			conn := r.dial(t)
			if _, err := io.WriteString(conn, tt.head); err != nil {
				t.Fatal(err)
			}
			if tt.room == noRoom {
				eventually(t, "it is being served", func() bool { return r.incoming.Load().connections() == 1 })
			} else {
				eventually(t, "it has its room", func() bool { return len(r.rooms[tt.room]) == 1 })
				got, _ := r.raw(t, tt.head, false)
				if p := got.problem(t); got.StatusCode != 503 || p.Code != "overloaded" || got.Header.Get("Retry-After") == "" {
					t.Errorf("the next: %d, %+v", got.StatusCode, p)
				}
			}
			for which := bodyRoom; which <= uploadRoom; which++ {
				if which != tt.room && len(r.rooms[which]) != 0 {
					t.Errorf("room of kind %d is taken", which)
				}
			}
			conn.Close()
			eventually(t, "nothing is held", func() bool { return len(r.rooms[bodyRoom])+len(r.rooms[uploadRoom]) == 0 })
		})
	}
}

func TestNobodyHasTheRoomOfAnUploadWithoutAProvenToken(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.Uploads = 1
	config.RateLimits.Failures = Rate{PerSecond: 0.001, Burst: 2}
	config.RateLimits.Uploads = Rate{PerSecond: 0.001, Burst: 1}
	r := serving(t, config, append(things(), uploads())...)
	head := func(token string) string {
		return "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nAuthorization: Bearer " + token +
			"\r\nContent-Type: application/json\r\nContent-Length: 8388608\r\n\r\n"
	}
	for _, tt := range []struct {
		token, code, challenge string
		status                 int
	}{
		{"nobody", "invalid_token", `error="invalid_token"`, 401},
		{"ann", "insufficient_scope", `error="insufficient_scope"`, 403},
		{"nobody", "invalid_token", `scope="batch:upload"`, 401},
		{"nobody", "rate_limited", "", 429},
		{"ann", "rate_limited", "", 429},
	} {
		got, _ := r.raw(t, head(tt.token), false)
		p := got.problem(t)
		if got.StatusCode != tt.status || p.Code != tt.code || p.RequestID != "mine" || p.Instance != "/v1/timesheets/upload" || !got.Close ||
			!strings.Contains(got.Header.Get("WWW-Authenticate"), tt.challenge) || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %d, %+v, %v", tt.token, got.StatusCode, p, got.Header)
		}
	}
	few := strings.Replace(head("nobody"), "8388608", "5000", 1)
	for name, head := range map[string]string{"a made-up token": few, "no token": strings.Replace(few, "Authorization", "X-Authorization", 1)} {
		if got, _ := r.raw(t, head, false); got.StatusCode != 429 {
			t.Errorf("a few rows with %s: %d", name, got.StatusCode)
		}
	}
	// Nor does framing make room of its own.
	conn := r.dial(t)
	if _, err := io.WriteString(conn, "POST /v1/things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;"+strings.Repeat("x", 300<<10)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, bufio.NewReader(conn), "POST"); got.StatusCode != 413 {
		t.Errorf("a chunk's extension without an end: %d", got.StatusCode)
	}
	if len(r.rooms[uploadRoom])+len(r.rooms[bodyRoom]) != 0 {
		t.Error("what was refused has room")
	}
	if got := r.call(t, "POST", "/v1/timesheets/upload", "machine", "["+strings.Repeat(" ", 1<<20)+"]"); got.StatusCode != 200 {
		t.Errorf("a proven one: %d %s", got.StatusCode, got.body)
	}
}

func TestChunkFramingIsBoundedToo(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), uploads())
	conn := r.dial(t)
	if _, err := io.WriteString(conn, "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer machine\r\nTransfer-Encoding: chunked\r\n\r\n5;"); err != nil {
		t.Fatal(err)
	}
	// An extension without an end costs no memory, only a processor.
	if _, err := io.CopyN(conn, zeros{}, int64(mostReceived(uploadRoom))); err != nil {
		t.Fatal(err)
	}
	got := read(t, bufio.NewReader(conn), "POST")
	if p := got.problem(t); got.StatusCode != 413 || p.Code != "body_too_large" {
		t.Errorf("got %d, %+v", got.StatusCode, p)
	}
}

func TestServingGoesOnWhenNothingCanBeAcceptedForAWhile(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := servingOn(t, &flaky{Listener: ln, failures: 3}, configured(), nil)
	if got := r.call(t, "GET", "/healthz", "", ""); got.StatusCode != 200 {
		t.Errorf("got %d", got.StatusCode)
	}
}

// flaky cannot accept at first, as a process without free file descriptors.
type flaky struct {
	net.Listener
	mu       sync.Mutex
	failures int
}

func (f *flaky) Accept() (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failures > 0 {
		f.failures--
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return f.Listener.Accept()
}

func TestAReadDeadlineOnAClosedConnectionIsNoError(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	defer client.Close()
	server.Close()
	c := &connection{Conn: pipeClosed{server}}
	if err := c.SetReadDeadline(time.Now()); err != nil {
		t.Errorf("got %v: fasthttp would panic", err)
	}
}

// pipeClosed reports what a closed TCP connection does.
type pipeClosed struct{ net.Conn }

func (p pipeClosed) SetReadDeadline(at time.Time) error {
	if err := p.Conn.SetReadDeadline(at); errors.Is(err, io.ErrClosedPipe) {
		return &net.OpError{Op: "set", Net: "tcp", Err: net.ErrClosed}
	}
	return nil
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
