package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"timesheets/adapters/auth0"
	"timesheets/adapters/httpapi"
	"timesheets/adapters/postgres"
	"timesheets/application/access"
	"timesheets/application/precedence"
	"timesheets/domain/identity"
	"timesheets/migrations"
)

// Authenticate is how HTTP asks who calls.
func Authenticate(a *access.Authenticator) func(context.Context, []byte) (identity.Principal, error) {
	return a.Authenticate
}

// Service is the API, put together.
type Service struct {
	config   Config
	ln       Listener
	metrics  MetricsListener
	http     *httpapi.Server
	verifier *auth0.Verifier
	pool     *pgxpool.Pool
	registry *prometheus.Registry
	log      *slog.Logger
}

// New puts the parts together.
func New(c Config, ln Listener, metrics MetricsListener, server *httpapi.Server, verifier *auth0.Verifier, pool *pgxpool.Pool, way *precedence.RightOfWay, registry *prometheus.Registry, log *slog.Logger) *Service {
	registry.MustRegister(poolMetrics(pool)...)
	registry.MustRegister(waitMetrics(way))
	registry.MustRegister(tokenMetrics(verifier)...)
	return &Service{c, ln, metrics, server, verifier, pool, registry, log}
}

// Addr is where the API listens.
func (s *Service) Addr() net.Addr { return s.ln.Addr() }

// MetricsAddr is where Prometheus finds the metrics.
func (s *Service) MetricsAddr() net.Addr { return s.metrics.Addr() }

const (
	shutdownTimeout   = 20 * time.Second // for requests in flight, once SHUTDOWN_DELAY is over
	migrationPatience = time.Minute      // with tables in use, in one attempt
	longestPause      = 10 * time.Second // between two attempts to migrate
)

// Run serves until ctx ends, and then lets requests in flight finish. What it
// depends on may be away when it starts: it keeps trying, and says so in
// /readyz. The error is what made it give up; nil after an orderly end.
func (s *Service) Run(ctx context.Context) error {
	metrics := httpapi.MetricsServer(s.registry)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { s.verifier.Run(background, s.logKeys) })
	running.Go(func() { s.migrate(background) })
	running.Go(func() {
		if err := metrics.Serve(s.metrics); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("metrics are no longer served", "error", err)
		}
	})
	served := make(chan error, 1)
	running.Go(func() { served <- s.http.Serve(s.ln) })
	s.log.Info("listening", "addr", s.ln.Addr().String(), "metrics", s.MetricsAddr().String())

	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		s.log.Info("shutting down", "reason", context.Cause(ctx).Error())
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.ShutdownDelay+shutdownTimeout)
		err = s.http.Shutdown(ending)
		cancel()
	}
	stop()
	_ = metrics.Close()
	running.Wait()
	return err
}

// migrate brings the schema up to date, however long the database is away. A
// database that is ahead was migrated by a newer program, which this one can
// serve beside.
func (s *Service) migrate(ctx context.Context) {
	for pause := time.Second; ; pause = min(2*pause, longestPause) {
		applied, err := postgres.Migrate(ctx, s.config.migrationURL(), migrations.Files, migrationPatience)
		if err == nil {
			s.log.Info("the schema is up to date", "migrations_applied", applied)
			return
		}
		if ctx.Err() != nil {
			return
		}
		s.log.Warn("cannot migrate the database yet", "error", err, "again_in", pause.String())
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
