package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Started once for the process, and never ended.
		goleak.IgnoreTopFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// Sleeps up to 10 s before it notices that its server has ended.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

// patience is how long a test waits for what must happen; nothing is asserted
// about how long it takes.
const patience = 20 * time.Second

// The principals of the tests, by their tokens.
var (
	machine = identity.Principal{Kind: identity.Machine, Issuer: "https://issuer.example/", Subject: "job@clients", ID: "job",
		Organization: identity.DefaultOrganization, Scopes: identity.Scopes()}
	ann = identity.Principal{Kind: identity.Person, Issuer: "https://issuer.example/", Subject: "auth0|ann", ID: "ann@exampleco.com",
		Organization: identity.DefaultOrganization, Scopes: []identity.Scope{identity.ReadTimesheets, identity.CreateTimesheets}}
)

func authenticate(_ context.Context, token []byte) (identity.Principal, error) {
	switch string(token) {
	case "machine":
		return machine, nil
	case "ann":
		return ann, nil
	case "outage":
		return identity.Principal{}, fault.New(fault.Unavailable, "signing_keys_unavailable", "The keys cannot be had.")
	case "unnamed":
		return identity.Principal{}, fault.New(fault.Forbidden, "user_id_claim_missing", "The token names nobody.")
	}
	return identity.Principal{}, fault.New(fault.Unauthenticated, "invalid_token", "The token is \"expired\".")
}

// running is a server under test, on a real socket.
type running struct {
	*Server
	addr     string
	registry *prometheus.Registry
	log      *lines
	served   chan error
}

// patient are limits under which no test runs into a timeout that it does not
// mean to.
func patient() Limits {
	return Limits{
		HeaderTimeout: patience, BodyTimeout: patience, UploadTimeout: patience, IdleTimeout: patience, WriteTimeout: patience,
		LingerTimeout: patience, RequestDeadline: patience, UploadDeadline: patience, ExportDeadline: patience,
	}
}

func configured() Config {
	return Config{
		PublicURL:   "https://api.exampleco.com",
		Resource:    "https://api.exampleco.com/timesheets",
		Issuers:     []string{"https://issuer.example/"},
		CORSOrigins: []string{"https://timesheets.exampleco.com"},
		Limits:      patient(),
	}
}

// serving starts a server with these routes in place of the business, and ends
// it with the test.
func serving(t testing.TB, config Config, routes ...route) *running {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return servingOn(t, ln, config, nil, routes...)
}

func servingOn(t testing.TB, ln net.Listener, config Config, checks []Check, routes ...route) *running {
	t.Helper()
	r := &running{addr: ln.Addr().String(), registry: prometheus.NewRegistry(), log: &lines{}, served: make(chan error, 1)}
	log := slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server, err := newServer(config, Application{Authenticate: authenticate}, checks, log, r.registry, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = server
	server.mount(routes)
	go func() { r.served <- server.Serve(ln) }()
	t.Cleanup(func() { r.stop(t) })
	eventually(t, "it serves", func() bool { return server.incoming.Load() != nil })
	return r
}

func (r *running) stop(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-r.served; err != nil {
		t.Errorf("serve: %v", err)
	}
	r.served <- nil // for whoever asks again
}

// readable is a route that answers as run does, for whoever may read.
func readable(path string, run handler) route {
	return route{"GET", path, []identity.Scope{identity.ReadTimesheets}, jsonOnly, run}
}

// writable is a route for POST that answers as run does.
func writable(path string, run handler) route {
	return route{"POST", path, []identity.Scope{identity.CreateTimesheets}, jsonOnly, run}
}

func nothing(_ context.Context, _ identity.Principal, c *fiber.Ctx) error { return answerNothing(c) }

// things answers GET /v1/things and POST /v1/things with nothing.
func things() []route { return []route{readable("/things", nothing), writable("/things", nothing)} }

// uploads answers with how many bytes an upload has, unpacked, and its kind.
func uploads() route {
	return route{"POST", "/timesheets/upload", []identity.Scope{identity.BatchUpload}, jsonOnly,
		func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
			body, kind, err := uploadBody(c)
			if err != nil {
				return err
			}
			return answer(c, fiber.StatusOK, map[string]any{"bytes": len(body), "kind": kind})
		}}
}

func (r *running) dial(t testing.TB) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// answered is one answer, read to its end.
type answered struct {
	*http.Response
	body []byte
}

func (a answered) problem(t testing.TB) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("the answer %d is no problem: %v: %q", a.StatusCode, err, a.body)
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q, want application/problem+json", got)
	}
	if p.Status != a.StatusCode || p.RequestID != a.Header.Get("X-Request-Id") || p.RequestID == "" {
		t.Errorf("the problem %+v contradicts its answer %d, %s", p, a.StatusCode, a.Header)
	}
	if p.Detail == "" || p.Title == "" || p.Instance == "" || p.Type != "https://api.exampleco.com/docs/problems#"+p.Code {
		t.Errorf("incomplete problem %+v", p)
	}
	return p
}

// read reads one answer to a request with method.
func read(t testing.TB, from *bufio.Reader, method string) answered {
	t.Helper()
	a, err := tryRead(from, method)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tryRead(from *bufio.Reader, method string) (answered, error) {
	response, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		return answered{}, fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answered{}, fmt.Errorf("half an answer: %w", err)
	}
	return answered{response, body}, nil
}

// raw sends bytes as they are and reads one answer; the client then has closed
// its side, if half.
func (r *running) raw(t testing.TB, request string, half bool) (answered, *bufio.Reader) {
	t.Helper()
	conn := r.dial(t)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if half {
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	from := bufio.NewReader(conn)
	method, _, _ := strings.Cut(request, " ")
	return read(t, from, method), from
}

// call sends a well-made request on a connection of its own. header is names
// and values in turns.
func (r *running) call(t testing.TB, method, path, token, body string, header ...string) answered {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header[http.CanonicalHeaderKey(header[i])] = nil
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{response, got}
}

// closed fails unless the server ends the connection.
func closed(t testing.TB, from io.Reader) {
	t.Helper()
	rest, err := io.ReadAll(from)
	if len(rest) > 0 {
		t.Errorf("after the last answer came %q", rest)
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		t.Error("the connection stays open")
	}
}

// lines is a log that tests read while the server writes it.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// of waits for the line of the request with this id.
func (l *lines) of(t testing.TB, requestID string) map[string]any {
	t.Helper()
	var found map[string]any
	eventually(t, "a log line for "+requestID, func() bool {
		for line := range strings.Lines(l.String()) {
			var attributes map[string]any
			if err := json.Unmarshal([]byte(line), &attributes); err == nil && attributes["request_id"] == requestID {
				found = attributes
				return true
			}
		}
		return false
	})
	return found
}

// eventually polls until it is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if so() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// sendOn sends bytes on conn and reads one answer.
func sendOn(t testing.TB, conn net.Conn, request string) (answered, *bufio.Reader) {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(conn)
	method, _, _ := strings.Cut(request, " ")
	return read(t, from, method), from
}

func reader(conn net.Conn) *bufio.Reader { return bufio.NewReader(conn) }
