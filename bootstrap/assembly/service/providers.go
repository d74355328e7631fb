package service

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"timesheets/adapters/auth0"
	"timesheets/adapters/httpapi"
	"timesheets/adapters/postgres"
	"timesheets/application/access"
	"timesheets/application/intake"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/migrations"
)

// Listener is where the API is served. It listens already, so that a port that
// is taken is an error at start, and a free one can be chosen by the system.
type Listener struct{ net.Listener }

// Listen begins to listen on HTTP_ADDR.
func Listen(c Config) (Listener, func(), error) {
	ln, closing, err := listen("HTTP_ADDR", c.HTTPAddr)
	return Listener{ln}, closing, err
}

// listen begins to listen on the address that the variable has.
func listen(variable, addr string) (net.Listener, func(), error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", variable, err)
	}
	return ln, func() { _ = ln.Close() }, nil
}

// MetricsListener is where Prometheus finds the metrics. It listens already, too.
type MetricsListener struct{ net.Listener }

// ListenForMetrics listens on METRICS_ADDR.
func ListenForMetrics(c Config) (MetricsListener, func(), error) {
	ln, closing, err := listen("METRICS_ADDR", c.MetricsAddr)
	return MetricsListener{ln}, closing, err
}

// Clock is the time, as everything here is given it.
func Clock() func() time.Time { return time.Now }

// NewIDs makes ids: UUIDs of version 7, so that newer ones sort after older.
func NewIDs() func() timesheet.ID {
	return func() timesheet.ID { return timesheet.ID(uuid.Must(uuid.NewV7())) }
}

// OpenPool opens the pool of database connections; tracer may be nil.
func OpenPool(ctx context.Context, c Config, tracer pgx.QueryTracer) (*pgxpool.Pool, func(), error) {
	config := c.pool()
	config.Tracer = tracer
	pool, err := postgres.Open(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	return pool, pool.Close, nil
}

// NewVerifier makes the verifier of tokens.
func NewVerifier(c Config, now func() time.Time) (*auth0.Verifier, error) {
	return auth0.NewVerifier(c.tokens(now))
}

// UserIDs is how user ids are written here.
func UserIDs(c Config) identity.UserIDs { return identity.UserIDsBy(c.UserIDClaim) }

// AccessConfig says how tokens are read here.
func AccessConfig(c Config, ids identity.UserIDs) access.Config {
	return access.Config{UserIDs: ids, OrganizationsRequired: c.Organizations == "required"}
}

// ClosedBefore is the first day that is still open.
func ClosedBefore(c Config) timesheet.Day { return timesheet.Day(c.LockBefore) }

// ClosedToUploadsBefore is the same for uploads.
func ClosedToUploadsBefore(c Config) intake.LockBefore { return intake.LockBefore(c.LockBefore) }

// RereadRows is how kept rows are read again: as uploads read them.
func RereadRows() intake.Reread { return httpapi.ReadRow }

// NewRegistry makes the registry of metrics, with those of the process.
func NewRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Checks is what the API cannot do without. The database is asked on a connection
// that requests do not get: when all of theirs wait for a lock, those of every
// process do, and nobody is to be taken out of service for it.
func Checks(ctx context.Context, c Config, verifier *auth0.Verifier) ([]httpapi.Check, func(), error) {
	config := c.pool()
	config.MaxConnections, config.MinConnections = 1, 1
	pool, err := postgres.Open(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	return []httpapi.Check{
		{Name: "database", Probe: func(ctx context.Context) error {
			schema, err := postgres.ReadSchema(ctx, pool, migrations.Files)
			if err == nil && schema.Behind() {
				err = fmt.Errorf("the schema is at version %d and this program needs %d", schema.Database, schema.Program)
			}
			return err
		}},
		{Name: "signing keys", Probe: func(context.Context) error { return verifier.Ready() }},
	}, pool.Close, nil
}

// NewHTTP makes the HTTP side.
func NewHTTP(c Config, ln Listener, application httpapi.Application, checks []httpapi.Check, traces httpapi.Traces, log *slog.Logger, registry *prometheus.Registry, now func() time.Time) (*httpapi.Server, error) {
	config := c.http(ln.Addr())
	config.Traces = traces
	return httpapi.New(config, application, checks, log, registry, now)
}
