package httpapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// waiting answers GET /v1/waiting when leave is closed, or its context ends.
func waiting(entered chan<- struct{}, leave <-chan struct{}) route {
	return readable("/waiting", func(ctx context.Context, _ identity.Principal, c *fiber.Ctx) error {
		entered <- struct{}{}
		select {
		case <-leave:
			return answerNothing(c)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

const waitingRequest = "GET /v1/waiting HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\n\r\n"

func TestShutdownFinishesWhatIsInFlightAndSaysSoBefore(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.DrainDelay = patience // ended by the test
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	r := serving(t, config, waiting(entered, leave))

	busy, idle := r.dial(t), r.dial(t)
	if _, err := io.WriteString(busy, waitingRequest); err != nil {
		t.Fatal(err)
	}
	<-entered
	probe := "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
	if got, _ := sendOn(t, idle, probe); got.StatusCode != 200 || got.Close {
		t.Fatalf("before: %d", got.StatusCode)
	}

	ctx, stopWaiting := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Shutdown(ctx) }()
	eventually(t, "readiness says no", func() bool { return r.draining.Load() })

	// Load balancers have not noticed yet: everything is still answered.
	got, rest := sendOn(t, idle, probe)
	if p := got.problem(t); got.StatusCode != 503 || p.Code != "shutting_down" || !got.Close {
		t.Errorf("readiness: %d, %+v, close %t", got.StatusCode, p, got.Close)
	}
	closed(t, rest)
	if got := r.call(t, "GET", "/healthz", "", ""); got.StatusCode != 200 {
		t.Errorf("liveness: %d", got.StatusCode)
	}
	close(leave)
	if got, err := tryRead(bufio.NewReader(busy), "GET"); err != nil || got.StatusCode != 204 || !got.Close {
		t.Errorf("the request in flight: %v, %+v", err, got.Response)
	}
	stopWaiting() // of the delay; nothing is left that could be cut
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	if conn, err := net.Dial("tcp", r.addr); err == nil {
		conn.Close()
		t.Error("connections are still accepted")
	}
}

func TestShutdownWaitsForARequestAndDoesNotCancelIt(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	r := serving(t, configured(), waiting(entered, leave))
	busy := r.dial(t)
	if _, err := io.WriteString(busy, waitingRequest); err != nil {
		t.Fatal(err)
	}
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- r.Shutdown(t.Context()) }()
	eventually(t, "nothing is accepted", func() bool {
		conn, err := net.Dial("tcp", r.addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	select {
	case err := <-ended:
		t.Fatalf("shutdown did not wait: %v", err)
	default:
	}
	close(leave)
	if got, err := tryRead(bufio.NewReader(busy), "GET"); err != nil || got.StatusCode != 204 {
		t.Errorf("the request in flight: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestShutdownGivesUpWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 1)
	r := serving(t, configured(), waiting(entered, nil))
	busy, half := r.dial(t), r.dial(t)
	if _, err := io.WriteString(busy, waitingRequest); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(half, "POST /v1/waiting HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, conn := range []net.Conn{busy, half} {
		if _, err := io.ReadAll(conn); err != nil {
			if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
				t.Error("a connection is left open")
			}
		}
	}
}

func TestShutdownUnderLoadCutsNothing(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.DrainDelay = patience // ended by the test
	r := serving(t, config, things()...)
	var clients sync.WaitGroup
	began := make(chan struct{}, 8)
	for range 8 {
		clients.Go(func() {
			conn := r.dial(t)
			from := bufio.NewReader(conn)
			for n := 0; ; n++ {
				if n == 10 {
					began <- struct{}{}
				}
				if _, err := io.WriteString(conn, "GET /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\n\r\n"); err != nil {
					t.Errorf("send: %v", err)
					return
				}
				got, err := tryRead(from, "GET")
				if err != nil || got.StatusCode != 204 {
					t.Errorf("request %d: %v", n, err)
					return
				}
				if got.Close { // told to go elsewhere
					return
				}
			}
		})
	}
	for range 8 {
		<-began
	}
	ctx, stopWaiting := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Shutdown(ctx) }()
	clients.Wait()
	stopWaiting() // of the delay; everybody has been told
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
}

func TestNewRefusesWhatCannotWorkAllAtOnce(t *testing.T) {
	t.Parallel()
	config := Config{
		PublicURL:   "https://api.exampleco.com/",
		CORSOrigins: []string{"*", "https://a.example/path", "https://ok.example"},
		RateLimits:  RateLimits{Requests: Rate{PerSecond: 1}, Uploads: Rate{PerSecond: -1, Burst: 1}},
	}
	_, err := New(config, Application{}, nil, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), time.Now)
	if err == nil {
		t.Fatal("all is well")
	}
	for _, want := range []string{"https://api.exampleco.com/", "identifier", "issuer", `"*"`, "a.example", "burst"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "ok.example") {
		t.Errorf("%q blames the innocent", err)
	}
	for _, url := range []string{"", "api.exampleco.com", "ftp://api.exampleco.com", "https://u:p@api.exampleco.com", "https://api.exampleco.com?x", "https://api.exampleco.com#x", "https://"} {
		if config := (Config{PublicURL: url, Resource: "r", Issuers: []string{"i"}}); config.Check() == nil {
			t.Errorf("%q is taken for a public URL", url)
		}
	}
}

func TestALimitThatIsNoLimitIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"no number":          func(c *Config) { c.RateLimits.Requests = Rate{math.NaN(), 1} },
		"without end":        func(c *Config) { c.RateLimits.Uploads = Rate{math.Inf(1), 1} },
		"without beginning":  func(c *Config) { c.RateLimits.Failures = Rate{math.Inf(-1), 1} },
		"less than nothing":  func(c *Config) { c.RateLimits.Failures = Rate{-1, 1} },
		"nobody at once":     func(c *Config) { c.RateLimits.Requests = Rate{1, 0} },
		"a delay in arrears": func(c *Config) { c.Limits.DrainDelay = -time.Second },
	} {
		config := configured()
		change(&config)
		if err := config.Check(); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	config := configured()
	config.RateLimits = RateLimits{}
	if err := config.Check(); err != nil {
		t.Errorf("no limits at all: %v", err)
	}
}

func TestShutdownMayComeFirst(t *testing.T) {
	t.Parallel()
	for range 50 {
		s, err := New(configured(), Application{}, nil, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(ln) }()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the listener is left open: %v", err)
		}
	}
}

func TestThePagesOfTheDocumentationAreThere(t *testing.T) {
	t.Parallel()
	r := serving(t, configured())
	for path, want := range map[string]string{
		"/docs": "text/html; charset=utf-8", "/docs/problems": "text/html; charset=utf-8", "/docs/start.js": "text/javascript; charset=utf-8",
		"/openapi.yaml": "application/yaml", "/openapi.json": "application/json",
	} {
		got := r.call(t, "GET", path, "", "")
		if got.StatusCode != 200 || got.Header.Get("Content-Type") != want || len(got.body) == 0 {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.Header)
		}
		if policy := got.Header.Get("Content-Security-Policy"); strings.HasPrefix(want, "text/html") && !strings.Contains(policy, "script-src 'self'") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
	if got := r.call(t, "GET", "/docs/", "", ""); got.StatusCode != 308 || got.Header.Get("Location") != "../docs" {
		t.Errorf("/docs/: %d %s", got.StatusCode, got.Header)
	}
}
