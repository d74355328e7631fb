// Package localpostgres starts a real PostgreSQL for the demo and for tests.
// It is in no program that is shipped.
//
// There are three ways to one: a server that somebody gives us the URL of, a
// container, or the server programs that are installed on this machine. The
// caller says in which order to try; the server says which it was. Whatever it
// is, it listens on loopback only, behind a password of its own, and is gone
// when we are, its files too, even after kill -9.
package localpostgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"syscall"
	"time"
)

// Source is a way to get a PostgreSQL.
type Source string

const (
	// Programs are the server programs installed on this machine.
	Programs Source = "server programs"
	// Docker is a container of a Docker Engine that answers.
	Docker Source = "Docker"
)

// Options say what kind of server is wanted. The zero value is a durable
// server from the machine's own programs, else from Docker.
type Options struct {
	// URL of a server that runs already. When it is set, nothing is started,
	// nothing else is tried, and Stop leaves that server alone.
	URL string
	// URLName is what a person sets to give that URL, for messages: "DATABASE_URL".
	URLName string
	// OwnDatabase is how the name of a database begins that the server of that
	// URL makes for us alone, and that Stop drops; "" is to use that of the URL.
	OwnDatabase string
	// Order of the sources to try; empty is Programs, Docker.
	Order []Source
	// Image is what Docker runs, pulled when it is not there; "" is postgres:17-alpine.
	Image string
	// Disposable trades durability for speed: no fsync, and the data in
	// memory where there is room. What was committed still survives
	// every Halt, but not a power cut.
	Disposable bool
	// MaxConnections the server accepts at once; 0 is 100.
	MaxConnections int
}

// startTimeout bounds the start of one server from one source. A pull, which
// has bounds of its own, does not count.
const startTimeout = time.Minute

// Server is a PostgreSQL that runs. Its methods may be called from any goroutine.
type Server struct {
	url          string
	superuserURL string
	description  string

	mu       sync.Mutex
	instance instance // nil when nothing of the server is ours, or it is stopped
}

// running are the servers that we started and did not stop. Without it, the
// garbage collector would close what ties one to us, and so end it, as soon as
// nobody refers to it any more.
var running sync.Map

// instance is one server that we started. Signals reach its postmaster.
type instance interface {
	// halt sends the signal and returns once no client can connect.
	halt(ctx context.Context, signal syscall.Signal) error
	// resume starts the halted server on the same port with the same data.
	resume(ctx context.Context) error
	// remove ends the server if need be and removes all that it kept.
	remove() error
}

// Start gives a server that accepts connections. With no way to get one, the
// error says for each source why not, and what a person can do about it.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.URL != "" {
		return given(ctx, o)
	}
	if len(o.Order) == 0 {
		o.Order = []Source{Programs, Docker}
	}
	if o.Image == "" {
		o.Image = "postgres:17-alpine"
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 100
	}
	refusals := make([]refusal, 0, len(o.Order))
	for _, source := range o.Order {
		server, err := startFrom(ctx, source, o)
		if err == nil {
			server.description += because(refusals)
			return server, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("start PostgreSQL from %s: %w", source, err)
		}
		refusals = append(refusals, refusal{source, err})
	}
	return nil, &NoServerError{refusals: refusals, options: o}
}

func startFrom(ctx context.Context, source Source, o Options) (*Server, error) {
	password := rand.Text()
	var (
		inst    instance
		address string
		origin  string
		err     error
	)
	switch source {
	case Programs:
		inst, address, origin, err = startPrograms(ctx, o, password)
	case Docker:
		inst, address, origin, err = startContainer(ctx, o, password)
	default:
		return nil, fmt.Errorf("there is no source called %q", source)
	}
	if err != nil {
		return nil, err
	}
	s := &Server{
		url:          connectionURL(owner, password, address, owner),
		superuserURL: connectionURL(superuser, password, address, "postgres"),
		instance:     inst,
	}
	running.Store(inst, nil)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	version, err := provision(ctx, s.superuserURL, password)
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	s.description = fmt.Sprintf("PostgreSQL %s %s", version, origin)
	return s, nil
}

// URL connects as an ordinary role that may create databases, to an empty
// database that it owns: what a hosted PostgreSQL gives its customers.
func (s *Server) URL() string { return s.url }

// SuperuserURL connects as the superuser. For a server given by its URL it is
// that URL, whatever its role may do.
func (s *Server) SuperuserURL() string { return s.superuserURL }

// Description says for people which server this is and where it came from.
func (s *Server) Description() string { return s.description }

// Halt is a way for a server to go down.
type Halt syscall.Signal

const (
	// Fast is an orderly restart: clients are told (57P01), a checkpoint is made.
	Fast = Halt(syscall.SIGINT)
	// Immediate is pg_ctl stop -m immediate: clients are cut off in the middle
	// of what they do, and the next start recovers from the log.
	Immediate = Halt(syscall.SIGQUIT)
	// Killed is kill -9: nobody is told anything.
	Killed = Halt(syscall.SIGKILL)
)

var errNotOurs = errors.New("localpostgres: this server is not ours to halt")

// Halt takes the server down and keeps its data and its port. It returns once
// no client can connect.
func (s *Server) Halt(ctx context.Context, how Halt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instance == nil {
		return errNotOurs
	}
	return s.instance.halt(ctx, syscall.Signal(how))
}

// Resume brings a halted server back: same URL, same data. It returns once
// clients can connect.
func (s *Server) Resume(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instance == nil {
		return errNotOurs
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.instance.resume(ctx); err != nil {
		return err
	}
	return awaitConnection(ctx, s.superuserURL)
}

// Stop ends the server and removes its data. Once is enough; more does no harm.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instance == nil {
		return nil
	}
	inst := s.instance
	s.instance = nil
	defer running.Delete(inst)
	return inst.remove()
}

func connectionURL(user, password, address, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     address,
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}
