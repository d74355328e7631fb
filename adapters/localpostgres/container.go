package localpostgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	tcpostgres "github.com/testcontainers/testcontainers-go/modules/postgres"
)

// supervisor is the container's first process. Its standard input is a
// connection to us: a word on it is an order, and its end, which the engine
// sees to when we are gone for whatever reason, is the container's end.
const supervisor = `
command -v docker-entrypoint.sh >/dev/null || { echo "docker-entrypoint.sh is missing: not a PostgreSQL image" >&2; exit 1; }
run() { docker-entrypoint.sh postgres "$@" </dev/null & }
trap 'exit 0' INT TERM
run "$@"
while read -r word; do
	case "$word" in
	RUN) run "$@" ;;
	*) read -r pid <"${PGDATA:-/var/lib/postgresql/data}/postmaster.pid" && kill "-$word" "$pid" ;;
	esac
done
`

// box is a server in a container.
type box struct {
	container *tcpostgres.PostgresContainer
	orders    net.Conn // the supervisor's standard input
	url       string   // the superuser's
}

// startContainer runs the image when an engine answers and has it or can pull it.
func startContainer(ctx context.Context, o Options, password string) (_ instance, address, origin string, err error) {
	// The reaper is one more image that may not be there; here the engine
	// itself sees to it that a container ends with us. The library reads this
	// variable once, and offers no other way.
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		return nil, "", "", err
	}
	log.SetDefault(log.NewNoopLogger())
	provider, err := engine(ctx)
	if err != nil {
		return nil, "", "", err
	}
	defer provider.Close()
	if err := fetch(ctx, provider.Client(), o.Image, patience{total: 4 * time.Minute, stall: 15 * time.Second}); err != nil {
		return nil, "", "", err
	}
	host, err := provider.DaemonHost(ctx)
	if err != nil {
		return nil, "", "", err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	b, err := startBox(ctx, provider.Client(), o, host, password)
	if err != nil {
		return nil, "", "", err
	}
	port, err := b.container.MappedPort(ctx, "5432/tcp")
	if err != nil {
		return nil, "", "", errors.Join(err, b.remove())
	}
	// With the engine's socket at hand we may be on its machine or in a container
	// of it, and the library's guess is wrong on a machine that looks like a
	// container. So whichever answers is right.
	addresses := []string{net.JoinHostPort(host, port.Port())}
	if strings.HasPrefix(provider.Client().DaemonHost(), "unix:") && host != "localhost" {
		addresses = append(addresses, net.JoinHostPort("localhost", port.Port()))
	}
	if address, err = b.awaitStart(ctx, password, addresses); err != nil {
		return nil, "", "", errors.Join(err, b.remove())
	}
	return b, address, fmt.Sprintf("in Docker, image %s", o.Image), nil
}

func startBox(ctx context.Context, docker client.APIClient, o Options, host, password string) (*box, error) {
	b := &box{}
	// With a zone given, initdb does not look for one for more than a second.
	customizers := []testcontainers.ContainerCustomizer{testcontainers.WithEnv(map[string]string{"TZ": "UTC"})}
	arguments := []string{"-c", "max_connections=" + strconv.Itoa(o.MaxConnections), "-c", "timezone=UTC", "-c", "lc_messages=C"}
	if o.Disposable {
		arguments = append(arguments, "-c", "fsync=off", "-c", "full_page_writes=off")
		customizers = append(customizers,
			testcontainers.WithTmpfs(map[string]string{"/memory": "mode=1777"}),
			testcontainers.WithEnv(map[string]string{"PGDATA": "/memory/data"}))
	}
	attach := func(ctx context.Context, created testcontainers.Container) error {
		stream, err := docker.ContainerAttach(context.WithoutCancel(ctx), created.GetContainerID(),
			client.ContainerAttachOptions{Stream: true, Stdin: true})
		if err != nil {
			return fmt.Errorf("tie the container to us: %w", err)
		}
		b.orders = stream.Conn
		return nil
	}
	customizers = append(customizers,
		tcpostgres.WithUsername(superuser),
		tcpostgres.WithPassword(password),
		testcontainers.WithEntrypoint("/bin/sh", "-c", supervisor, "supervisor"),
		testcontainers.WithCmd(arguments...),
		testcontainers.WithConfigModifier(func(c *container.Config) {
			c.OpenStdin, c.StdinOnce, c.AttachStdin = true, true, true
		}),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) {
			c.AutoRemove = true
			if host == "localhost" {
				c.PortBindings = network.PortMap{network.MustParsePort("5432/tcp"): {{HostIP: netip.MustParseAddr("127.0.0.1")}}}
			}
		}),
		testcontainers.WithLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PreStarts: []testcontainers.ContainerHook{attach},
		}),
	)
	var err error
	b.container, err = tcpostgres.Run(ctx, o.Image, customizers...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("run the image %s: %w", o.Image, err), b.remove())
	}
	return b, nil
}

// awaitStart returns the first of the addresses at which the server in the
// container accepts connections, or says why the container has ended.
func (b *box) awaitStart(ctx context.Context, password string, addresses []string) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		check := time.NewTicker(500 * time.Millisecond)
		defer check.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-check.C:
			}
			if state, err := b.container.State(ctx); err == nil && state.Running {
				continue
			}
			cancel(fmt.Errorf("the container ended by itself: %s", b.lastWords()))
		}
	}()
	found := make(chan string, len(addresses))
	failed := make(chan error, len(addresses))
	for _, address := range addresses {
		go func() {
			if err := awaitConnection(ctx, connectionURL(superuser, password, address, "postgres")); err != nil {
				failed <- errors.Join(context.Cause(ctx), err)
				return
			}
			found <- address
		}()
	}
	select {
	case address := <-found:
		b.url = connectionURL(superuser, password, address, "postgres")
		return address, nil
	case err := <-failed: // all fail together, with ctx
		return "", err
	}
}

func (b *box) lastWords() string {
	ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
	defer cancel()
	logs, err := b.container.Logs(ctx)
	if err != nil {
		return "and left no log"
	}
	defer logs.Close()
	output, _ := io.ReadAll(io.LimitReader(logs, 1<<20))
	return tail(output)
}

func (b *box) halt(ctx context.Context, signal syscall.Signal) error {
	word, known := map[syscall.Signal]string{syscall.SIGINT: "INT", syscall.SIGQUIT: "QUIT", syscall.SIGKILL: "KILL"}[signal]
	if !known {
		return fmt.Errorf("no order for signal %s", signal)
	}
	if err := b.order(word); err != nil {
		return err
	}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for tryConnection(ctx, b.url) == nil {
		<-poll.C
	}
	return ctx.Err()
}

// resume repeats the order, ever more slowly, until it is obeyed: the processes
// of a killed server may still be about, and a server that runs refuses a second.
func (b *box) resume(ctx context.Context) error {
	for patience := 250 * time.Millisecond; ; patience *= 2 {
		if err := b.order("RUN"); err != nil {
			return err
		}
		probe, cancel := context.WithTimeout(ctx, patience)
		err := awaitConnection(probe, b.url)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

func (b *box) order(word string) error {
	if _, err := io.WriteString(b.orders, word+"\n"); err != nil {
		return fmt.Errorf("reach the container: %w", err)
	}
	return nil
}

func (b *box) remove() error {
	if b.orders != nil {
		b.orders.Close()
	}
	if b.container == nil {
		return nil
	}
	return testcontainers.TerminateContainer(b.container, testcontainers.StopTimeout(0))
}
