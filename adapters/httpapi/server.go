package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// Server is the API on one listener. Make it with New, run it with Serve, end
// it with Shutdown.
type Server struct {
	config      Config
	prefix      string // the path that the public URL may have
	application Application
	log         *slog.Logger
	now         func() time.Time

	app       *fiber.App
	cors      cors
	meters    meters
	metrics   *metrics
	readiness readiness
	headings  *headings
	places    chan struct{} // one for each request that is being handled
	rooms     rooms         // of the bodies that are held

	life     context.Context // of all requests; ends when shutdown gives up waiting
	end      context.CancelFunc
	draining atomic.Bool
	incoming atomic.Pointer[listener]
}

// New makes a server that serves nobody yet. checks are what /readyz asks.
// Its metrics go to registry, which must not have those of another Server.
func New(config Config, application Application, checks []Check, log *slog.Logger, registry prometheus.Registerer, now func() time.Time) (*Server, error) {
	s, err := newServer(config, application, checks, log, registry, now)
	if err != nil {
		return nil, err
	}
	s.mount(s.routes())
	return s, nil
}

// newServer makes a server that has its public paths only.
func newServer(config Config, application Application, checks []Check, log *slog.Logger, registry prometheus.Registerer, now func() time.Time) (*Server, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	public, err := url.Parse(config.PublicURL)
	if err != nil {
		return nil, err
	}
	metrics, err := newMetrics(registry)
	if err != nil {
		return nil, err
	}
	config.Limits = config.Limits.withDefaults()
	s := &Server{
		config:      config,
		prefix:      public.EscapedPath(),
		application: application,
		log:         log,
		now:         now,
		cors:        cors{config.CORSOrigins},
		meters:      newMeters(config.RateLimits),
		metrics:     metrics,
		readiness:   readiness{checks: checks, now: now},
		headings:    newHeadings(2 * config.Limits.Connections),
		places:      make(chan struct{}, config.Limits.Requests),
		rooms:       newRooms(config.Limits),
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.app = fiber.New(fiber.Config{
		// Without it, the strings that Fiber hands out are buffers that the
		// next request overwrites: whoever keeps one, as a key of a cache, keeps
		// somebody else's data.
		Immutable:             true,
		CaseSensitive:         true,
		StrictRouting:         true,
		ReadBufferSize:        maxHeader, // fasthttp's limit of the header, too
		BodyLimit:             maxBody,
		ReadTimeout:           config.Limits.HeaderTimeout,
		IdleTimeout:           config.Limits.IdleTimeout,
		DisableStartupMessage: true,
		ErrorHandler:          s.fail,
		// Forms mean nothing here; fasthttp would write their files to disk.
		DisablePreParseMultipartForm: true,
		// StreamRequestBody stays off: fasthttp 1.51 then ignores every body
		// limit, and takes what is left of a body for the next request.
	})
	if err := s.mountPublic(); err != nil {
		return nil, err
	}
	return s, nil
}

// mountPublic gives the paths that need no token to Fiber.
func (s *Server) mountPublic() error {
	contract, err := readContract()
	if err != nil {
		return err
	}
	docs, err := newDocumentation(contract)
	if err != nil {
		return err
	}
	for _, public := range []struct {
		path string
		run  fiber.Handler
	}{
		{livenessPath, s.live},
		{readinessPath, s.ready},
		{"/openapi.yaml", contract.openAPIYAML},
		{"/openapi.json", contract.openAPIJSON},
		{"/docs", docs.page},
		{"/docs/", docs.page},
		{"/docs/problems", docs.problemCodes},
		{"/docs/:file", docs.file},
		{metadataPath, s.describe},
		{metadataPath + "/*", s.describe},
	} {
		s.app.Get(public.path, func(c *fiber.Ctx) error {
			exchangeOf(c).route = public.path
			return public.run(c)
		})
	}
	return nil
}

// Serve answers requests from ln until Shutdown, and then returns nil; at once,
// when that came first. It closes ln, and may be called once.
func (s *Server) Serve(ln net.Listener) error {
	incoming := newListener(ln, s.config.Limits, s.rooms, s.now, s.log, s.tooManyConnections)
	// Either Shutdown sees the listener or we see that it has begun.
	s.incoming.Store(incoming)
	if s.draining.Load() {
		return incoming.Close()
	}
	server := s.app.Server()
	server.Handler = s.serve(s.app.Handler())
	server.HeaderReceived = s.headerReceived
	server.ErrorHandler = s.cannotRead
	server.ConnState = stateChanged
	// fasthttp's errors quote what was received, tokens too.
	server.SecureErrorLogMessage = true
	return s.app.Listener(incoming)
}

// Shutdown ends Serve without cutting anything short that ends before ctx does.
// First /readyz says no and answers close their connections, for DrainDelay, so
// that load balancers send requests elsewhere; then nothing is accepted any
// more and requests in flight finish; at the end of ctx, those that have not
// are cancelled and their connections closed, and the error is ctx's.
func (s *Server) Shutdown(ctx context.Context) error {
	again := s.draining.Swap(true)
	defer s.end()
	incoming := s.incoming.Load()
	if incoming == nil {
		return nil
	}
	if !again {
		select {
		case <-time.After(s.config.Limits.DrainDelay):
		case <-ctx.Done():
		}
	}
	// fasthttp does not know the listener before Serve has got that far.
	err := incoming.Close()
	err = errors.Join(err, s.app.ShutdownWithContext(ctx))
	if err != nil {
		s.end()
		incoming.closeAll()
	}
	incoming.away.Wait()
	return err
}

// tooManyConnections is the answer to a connection that is one too many.
func (s *Server) tooManyConnections() []byte {
	x := &exchange{id: newID(), route: routeUnreadable, began: s.now()}
	code, f := verdict(overloaded())
	x.err, x.code = f, f.Code
	s.metrics.inFlight.Inc()
	s.observe(x, code, 0, 0)
	return rawAnswer(code, title(code), [][2]string{
		{"Content-Type", "application/problem+json"},
		{"Retry-After", retryAfter(code, f)},
		{"X-Request-Id", x.id},
	}, s.problem(x, code, f))
}
