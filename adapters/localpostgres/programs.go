package localpostgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmaster is a server run from the programs installed on this machine.
type postmaster struct {
	bin     string // the folder of the programs
	home    *home
	account *account
	port    int
	options Options
	process *process
	killed  bool // and not started since
}

// startPrograms starts the first installation that works.
func startPrograms(ctx context.Context, o Options, password string) (inst instance, address, origin string, err error) {
	candidates := installations(places)
	if len(candidates) == 0 {
		return nil, "", "", errors.New("none found in $PATH, /usr/lib/postgresql/*/bin or another usual place")
	}
	a, err := unprivileged()
	if err != nil {
		return nil, "", "", err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var errs []error
	for _, bin := range candidates {
		p, err := startPostmaster(ctx, bin, o, a, password)
		if err == nil {
			return p, p.address(), "from " + bin, nil
		}
		errs = append(errs, err)
	}
	return nil, "", "", errors.Join(errs...)
}

func startPostmaster(ctx context.Context, bin string, o Options, a *account, password string) (_ *postmaster, err error) {
	if err := tooOld(ctx, bin); err != nil {
		return nil, err
	}
	h, err := newHome(o.Disposable, a)
	if err != nil {
		return nil, err
	}
	p := &postmaster{bin: bin, home: h, account: a, options: o}
	if err = p.initialise(ctx, password); err == nil {
		err = p.startOnFreePort(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, p.remove())
	}
	return p, nil
}

// initialise makes the data directory.
func (p *postmaster) initialise(ctx context.Context, password string) error {
	file := filepath.Join(p.home.dir, "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(file)
	if err := p.account.own(file); err != nil {
		return err
	}
	cmd := p.command("initdb", "--pgdata", p.home.data(), "--username", superuser, "--auth", "scram-sha-256",
		"--pwfile", file, "--encoding", "UTF8", "--locale", "C", "--no-sync")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	proc, err := spawn(cmd, p.account)
	if err != nil {
		return fmt.Errorf("%s/initdb: %w", p.bin, err)
	}
	if err := proc.run(ctx); err != nil {
		return fmt.Errorf("%s/initdb: %w: %s", p.bin, err, tail(output.Bytes()))
	}
	return nil
}

// startOnFreePort finds a port by trying: between our look and the server's
// own, another process may take it.
func (p *postmaster) startOnFreePort(ctx context.Context) error {
	const attempts = 5
	var err error
	for range attempts {
		if p.port, err = FreePort(ctx); err != nil {
			return err
		}
		if err = p.start(ctx); err == nil || !strings.Contains(err.Error(), "could not create any TCP/IP sockets") {
			return err
		}
	}
	return err
}

// start returns once the server accepts connections. The log is in English
// whatever the machine's language, since some of it is looked for here.
func (p *postmaster) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(p.home.dir, "log"), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	settings := []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(p.port),
		"unix_socket_directories=", // the path of a socket is short, ours may not be
		"max_connections=" + strconv.Itoa(p.options.MaxConnections),
		"dynamic_shared_memory_type=mmap", // files in the data directory, so that they go with it
		"timezone=UTC", "log_timezone=UTC", "lc_messages=C",
	}
	if p.options.Disposable {
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	arguments := []string{"-D", p.home.data()}
	for _, setting := range settings {
		arguments = append(arguments, "-c", setting)
	}
	cmd := p.command("postgres", arguments...)
	cmd.Stdout, cmd.Stderr = log, log
	if p.process, err = spawn(cmd, p.account); err != nil {
		return fmt.Errorf("%s/postgres: %w", p.bin, err)
	}
	p.killed = false
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !p.ready() {
		select {
		case <-p.process.done:
			output, _ := os.ReadFile(log.Name())
			return fmt.Errorf("%s/postgres ended by itself: %w: %s", p.bin, p.process.err, tail(output))
		case <-ctx.Done():
			return fmt.Errorf("%s/postgres does not get ready: %w", p.bin, ctx.Err())
		case <-poll.C:
		}
	}
	return nil
}

// ready reads what PostgreSQL keeps for pg_ctl: postmaster.pid has the process
// in its first line and the state in its eighth.
func (p *postmaster) ready() bool {
	content, err := os.ReadFile(filepath.Join(p.home.data(), "postmaster.pid"))
	lines := strings.Split(string(content), "\n")
	return err == nil && len(lines) >= 8 &&
		strings.TrimSpace(lines[0]) == strconv.Itoa(p.process.cmd.Process.Pid) &&
		strings.TrimSpace(lines[7]) == "ready"
}

func (p *postmaster) halt(ctx context.Context, signal syscall.Signal) error {
	p.killed = signal == syscall.SIGKILL
	return p.process.signal(ctx, signal)
}

// resume tries again while the processes of a killed server are still about.
func (p *postmaster) resume(ctx context.Context) error {
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		err := p.start(ctx)
		if err == nil || !strings.Contains(err.Error(), "is still in use") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-pause.C:
		}
	}
}

func (p *postmaster) remove() error {
	if p.killed {
		// Shared memory that a killed server could not give back lasts until
		// the next start finds it. If there is none, little is lost.
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		_ = p.resume(ctx)
	}
	err := p.home.remove()
	if p.process != nil {
		<-p.process.done
	}
	return err
}

func (p *postmaster) address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port))
}

// command has an environment of its own: PGDATA, PGPORT and their like are
// meant for other servers.
func (p *postmaster) command(name string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), arguments...)
	cmd.Dir = p.home.data()
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + p.home.data(), "LC_ALL=C", "TZ=UTC"}
	return cmd
}

// FreePort finds a loopback port below the ranges from which systems give
// ports to outgoing connections, so that it is still free after a halt.
func FreePort(ctx context.Context) (int, error) {
	const low, high, attempts = 15000, 32000, 100
	var err error
	for range attempts {
		port := low + rand.IntN(high-low)
		var listener net.Listener
		listener, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("no free port on 127.0.0.1: %w", err)
}

// tail is the end of a program's output, in one line, short enough for a message.
func tail(output []byte) string {
	const most = 400
	text := strings.Join(strings.Fields(string(output)), " ")
	if len(text) > most {
		text = "…" + strings.ToValidUTF8(text[len(text)-most:], "")
	}
	return text
}
