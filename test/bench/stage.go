package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/adapters/localissuer"
	"timesheets/adapters/localpostgres"
	"timesheets/adapters/postgres"
	"timesheets/domain/identity"
	"timesheets/migrations"
)

const audience = "https://api.exampleco.com/timesheets"

// stage is what is measured and what it stands on.
type stage struct {
	folder, logs string
	stderr       io.Writer
	self         string // this program's own file
	server       *localpostgres.Server
	admin        *pgxpool.Pool // as the superuser
	postmaster   int           // its process
	issuer       *localissuer.Issuer
	key          *rsa.PublicKey // of the issuer's tokens
	jobSecret    string
	uploads      string         // a token for batch:upload
	creates      string         // a token for create:timesheets
	base         *database      // the one that most parts use
	filled       *database      // the one with many entries; nil until it is needed
	down         []func() error // in the order of starting
}

// database is one database with the API in front of it.
type database struct {
	name, url string
	pool      *pgxpool.Pool
	api       *program
	client    *client
}

func newStage(ctx context.Context, o options, stderr io.Writer) (_ *stage, err error) {
	s := &stage{stderr: stderr, jobSecret: rand.Text()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.strike())
		}
	}()
	if s.folder, err = os.MkdirTemp("", "timesheets-bench-"); err != nil {
		return s, err
	}
	s.down = append(s.down, func() error { return os.RemoveAll(s.folder) })
	s.logs = s.folder
	if o.keep != "" {
		s.logs = o.keep
	}
	if s.self, err = os.Executable(); err != nil {
		return s, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", s.folder+"/", "timesheets/bootstrap/api", "timesheets/bootstrap/importer")
	build.Stderr = stderr
	if err := build.Run(); err != nil {
		return s, fmt.Errorf("build the programs: %w", err)
	}
	if s.server, err = localpostgres.Start(ctx, localpostgres.Options{}); err != nil {
		return s, err
	}
	s.down = append(s.down, s.server.Stop)
	if s.admin, err = pgxpool.New(ctx, s.server.SuperuserURL()); err != nil {
		return s, err
	}
	s.down = append(s.down, func() error { s.admin.Close(); return nil })
	if err := s.findPostmaster(ctx); err != nil {
		return s, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return s, err
	}
	s.key = &key.PublicKey
	s.issuer, err = localissuer.Start(localissuer.Options{
		Audience: audience, Now: time.Now, Keys: []*rsa.PrivateKey{key},
		Clients: []localissuer.Client{{ID: "import-job", Secret: s.jobSecret, Scopes: []string{string(identity.BatchUpload)}}},
	})
	if err != nil {
		return s, err
	}
	s.down = append(s.down, func() error { s.issuer.Close(); return nil })
	s.uploads = s.issuer.MachineToken(localissuer.Machine{Client: "import-job", Scopes: []string{string(identity.BatchUpload)}})
	s.creates = s.issuer.MachineToken(localissuer.Machine{Client: "desk", Scopes: []string{string(identity.CreateTimesheets)}})
	s.base, err = s.open(ctx, "bench")
	return s, err
}

// open makes a database and starts an API in front of it, with its default
// settings but for the rate limits, which one client is not to meet.
func (s *stage) open(ctx context.Context, name string) (*database, error) {
	u, err := url.Parse(s.server.URL())
	if err != nil {
		return nil, err
	}
	if _, err := s.admin.Exec(ctx, `CREATE DATABASE `+name+` OWNER `+u.User.Username()); err != nil {
		return nil, err
	}
	u.Path = "/" + name
	db := &database{name: name, url: u.String()}
	if _, err := postgres.Migrate(ctx, db.url, migrations.Files, time.Minute); err != nil {
		return nil, err
	}
	if db.pool, err = pgxpool.New(ctx, db.url); err != nil {
		return nil, err
	}
	s.down = append(s.down, func() error { db.pool.Close(); return nil })
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	db.api, err = start(ctx, filepath.Join(s.logs, name+"-api.log"), filepath.Join(s.folder, "api"), nil, []string{
		"DATABASE_URL=" + db.url, "HTTP_ADDR=" + address, "METRICS_ADDR=127.0.0.1:0", "LOG_LEVEL=warn",
		"AUTH0_ISSUER_URL=" + s.issuer.URL(), "AUTH0_AUDIENCE=" + audience,
		"RATE_LIMIT_REQUESTS_PER_SECOND=0", "RATE_LIMIT_UPLOADS_PER_SECOND=0", "RATE_LIMIT_FAILURES_PER_SECOND=0",
	}, address, "/readyz")
	if err != nil {
		return nil, err
	}
	s.down = append(s.down, db.api.stop)
	db.client = newClient(db.api.url+"/v1", s.uploads)
	return db, nil
}

// strike takes everything down again, last things first.
func (s *stage) strike() error {
	var failed []error
	for _, down := range slices.Backward(s.down) {
		failed = append(failed, down())
	}
	s.down = nil
	return errors.Join(failed...)
}

func (s *stage) findPostmaster(ctx context.Context) error {
	var backend int
	if err := s.admin.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		return err
	}
	p, err := stat(backend)
	if err != nil {
		return fmt.Errorf("the server's processes cannot be seen from here, as its CPU must be: %w", err)
	}
	s.postmaster = p.parent
	return nil
}

// usage is processor time.
type usage struct{ api, server time.Duration }

// cpu gives what the API of db and all of PostgreSQL have used until now.
func (s *stage) cpu(db *database) (u usage, err error) {
	if u.server, err = cpuOf(s.postmaster); err != nil {
		return u, err
	}
	u.api, err = cpuOf(db.api.cmd.Process.Pid)
	return u, err
}

// perRow are µs a row, of the API and of PostgreSQL.
type perRow struct{ api, server figures }

func (p *perRow) add(before, after usage, rows int) {
	p.api = append(p.api, float64((after.api-before.api)/time.Microsecond)/float64(rows))
	p.server = append(p.server, float64((after.server-before.server)/time.Microsecond)/float64(rows))
}

func (p perRow) both() figures {
	sums := make(figures, len(p.api))
	for i := range sums {
		sums[i] = p.api[i] + p.server[i]
	}
	return sums
}

func (p perRow) String() string {
	return number(p.api.median()) + " + " + number(p.server.median()) + " µs"
}

// describe says which server it is and how durable it is.
func (s *stage) describe(ctx context.Context) string {
	settings := []string{s.server.Description()}
	for _, name := range []string{"fsync", "synchronous_commit", "shared_buffers", "max_wal_size"} {
		var value string
		if err := s.admin.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
			value = err.Error()
		}
		settings = append(settings, name+"="+value)
	}
	return strings.Join(settings, ", ")
}

// settle brings the server to rest, so that no measurement pays for what was
// before it.
func (s *stage) settle(ctx context.Context) error {
	_, err := s.admin.Exec(ctx, `CHECKPOINT`)
	return err
}

// wal gives how many bytes of the write-ahead log there are.
func (s *stage) wal(ctx context.Context) (int64, error) {
	var bytes int64
	err := s.admin.QueryRow(ctx, `SELECT (pg_current_wal_insert_lsn() - '0/0')::int8`).Scan(&bytes)
	return bytes, err
}

// psql runs one command of the program that people use for \copy, and says how
// long it took.
func (s *stage) psql(ctx context.Context, db *database, command string) (time.Duration, error) {
	path, err := exec.LookPath("psql")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
		if len(found) == 0 {
			return 0, errors.New(`\copy needs psql, and there is none on this machine`)
		}
		path = found[len(found)-1]
	}
	u, err := url.Parse(db.url)
	if err != nil {
		return 0, err
	}
	password, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	cmd := exec.CommandContext(ctx, path, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", u.String(), "-c", command)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("psql: %w: %s", err, out)
	}
	return time.Since(began), nil
}

func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

func thousands(f figures) string { return strconv.Itoa(int(f.median()/1000+0.5)) + ",000" }
