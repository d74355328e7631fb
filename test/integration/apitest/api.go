package apitest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"timesheets/adapters/localpostgres"
)

const (
	startTimeout = time.Minute      // until the program listens, and until it is ready
	stopTimeout  = 40 * time.Second // after SIGTERM; the program gives itself 20 s
)

// Settings are environment variables of the program, by name. Those that a
// test does not name are set so that a test can run: no rate limits, addresses
// of loopback, the issuer that all tests share.
type Settings map[string]string

// API is the program, running or not.
type API struct {
	// URL is where it listens, without a path. It stays the same when the
	// program is started again.
	URL string
	// Metrics is where its metrics are.
	Metrics string

	t        testing.TB
	settings Settings
	client   *http.Client

	mu      sync.Mutex
	process *process // nil when it does not run
}

// process is one run of the program.
type process struct {
	cmd     *exec.Cmd
	journal *journal
	done    chan struct{} // closed when it has ended
	err     error         // how; readable once done is closed
}

// Start starts the program, waits until it is ready, and ends it in an orderly
// way when the test ends.
func Start(t testing.TB, databaseURL string, settings Settings) *API {
	t.Helper()
	a := Launch(t, databaseURL, settings)
	a.AwaitReady(t)
	return a
}

// Launch is Start without waiting: what the program needs may be away.
func Launch(t testing.TB, databaseURL string, settings Settings) *API {
	t.Helper()
	a := &API{t: t, settings: Settings{
		"DATABASE_URL":                   databaseURL,
		"LOG_FORMAT":                     "json",
		"AUTH0_AUDIENCE":                 Audience,
		"RATE_LIMIT_REQUESTS_PER_SECOND": "0",
		"RATE_LIMIT_UPLOADS_PER_SECOND":  "0",
		"RATE_LIMIT_FAILURES_PER_SECOND": "0",
	}}
	if settings["AUTH0_ISSUER_URL"] == "" {
		a.settings["AUTH0_ISSUER_URL"] = Issuer(t).URL()
	}
	maps.Copy(a.settings, settings)
	a.client = &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}
	t.Cleanup(a.client.CloseIdleConnections)
	t.Cleanup(func() { a.Stop(t) })
	a.Run(t)
	return a
}

// Run starts the program, also one that ended, which then listens where it did
// before. It returns once the program listens.
func (a *API) Run(t testing.TB) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for attempts := 5; ; attempts-- {
		if a.URL == "" {
			a.settings["HTTP_ADDR"], a.settings["METRICS_ADDR"] = freeAddress(t), freeAddress(t)
		}
		p, err := run(path, a.settings)
		if err != nil {
			t.Fatal(err)
		}
		a.mu.Lock()
		a.process = p
		a.mu.Unlock()
		select {
		case at := <-p.journal.listening:
			a.URL, a.Metrics = "http://"+at.API, "http://"+at.Metrics
			return
		case <-p.done:
			// Between our look and the program's, another may have taken the port.
			if a.URL == "" && attempts > 1 && strings.Contains(p.journal.tail(), "address already in use") {
				continue
			}
			t.Fatalf("the API ended before it listened: %v\n%s", p.err, p.journal.tail())
		case <-time.After(startTimeout):
			t.Fatalf("the API does not listen after %s\n%s", startTimeout, p.journal.tail())
		}
	}
}

// freeAddress is one that is still free when the program is started again: no
// outgoing connection is given its port meanwhile.
func freeAddress(t testing.TB) string {
	t.Helper()
	port, err := localpostgres.FreePort(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func run(path string, settings Settings) (*process, error) {
	cmd := exec.Command(path)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	p := &process{cmd: cmd, journal: newJournal(), done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel looks at the thread that started the program, not at the
		// process, when it decides whether the parent is gone.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.journal.read(stderr)
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, <-started
}

func (a *API) running() *process {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.process
}

// PID is the program's process id.
func (a *API) PID() int { return a.running().cmd.Process.Pid }

// Terminate sends SIGTERM and gives what is closed when the program has ended.
func (a *API) Terminate() <-chan struct{} {
	p := a.running()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.done
}

// Kill ends the program as kill -9 does, in the middle of whatever it does.
func (a *API) Kill(t testing.TB) {
	t.Helper()
	p := a.take()
	_ = p.cmd.Process.Kill()
	<-p.done
	p.check(t)
}

// Stop ends the program in an orderly way, which it must do with exit status 0
// and without having written anything that it should not. It may have been
// stopped already.
func (a *API) Stop(t testing.TB) {
	t.Helper()
	p := a.take()
	if p == nil {
		return
	}
	a.client.CloseIdleConnections()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // shows what its goroutines do
		<-p.done
		t.Errorf("the API does not end %s after SIGTERM", stopTimeout)
	}
	if p.err != nil {
		t.Errorf("the API ends with %v after SIGTERM, want exit status 0\n%s", p.err, p.journal.tail())
	}
	p.check(t)
	if t.Failed() {
		t.Logf("the API's last lines:\n%s", p.journal.tail())
	}
}

func (a *API) take() *process {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.process
	a.process = nil
	return p
}

func (p *process) check(t testing.TB) {
	t.Helper()
	for _, line := range p.journal.mistakes() {
		t.Errorf("the API wrote: %s", line)
	}
}

// Heard tells whether a line of the program's log has the text, of the last
// 10,000 at least. Lines come a little later than the answers that they are about.
func (a *API) Heard(text string) bool { return a.running().journal.heard(text) }

// Said is how often the program wrote the message to its log.
func (a *API) Said(message string) int { return a.running().journal.times(message) }

// AwaitReady waits until /readyz says yes.
func (a *API) AwaitReady(t testing.TB) {
	t.Helper()
	a.Await(t, "/readyz", http.StatusOK)
}

// Await asks for a path that needs no token until it answers the status.
func (a *API) Await(t testing.TB, path string, status int) {
	t.Helper()
	last := "no answer"
	if !Eventually(t, startTimeout, func() bool {
		answer, err := a.client.Get(a.URL + path)
		if err != nil {
			last = err.Error()
			return false
		}
		answer.Body.Close()
		last = answer.Status
		return answer.StatusCode == status
	}) {
		t.Fatalf("GET %s: %s, want %d before %s are over\n%s", path, last, status, startTimeout, a.running().journal.tail())
	}
}

// Eventually asks again and again until is says yes, and gives up in the end.
func Eventually(t testing.TB, patience time.Duration, is func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Dial opens a connection to the program, for requests that no client sends.
func (a *API) Dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.URL, "http://"))
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(time.Minute))
	}
	if err != nil {
		t.Fatal(errors.Join(fmt.Errorf("connect to %s", a.URL), err))
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
