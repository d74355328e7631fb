package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"timesheets/adapters/localissuer"
	"timesheets/adapters/localpostgres"
	"timesheets/adapters/postgres"
	"timesheets/bootstrap/assembly"
	"timesheets/bootstrap/assembly/job"
	"timesheets/bootstrap/assembly/service"
	"timesheets/domain/identity"
	"timesheets/migrations"
	"timesheets/test/trackertest"
)

// audience is the API's identifier, as it could be in Auth0.
const audience = "https://api.exampleco.com/timesheets"

// emailClaim is the claim by which people are named, that of Auth0's published
// scenario: a token's person is the worker whom trackers know by e-mail.
const emailClaim = "https://api.exampleco.com/email"

// stage is everything that the system stands on, and the system.
type stage struct {
	environ        assembly.Environment
	stdout, stderr io.Writer
	secret         string // of the import job, made anew each time
	took           []took
	down           []func() error // in the order of starting

	issuer       *localissuer.Issuer
	kimai        *trackertest.Kimai
	tracker      string // its URL
	trackerToken string
	api          string // its URL, with /v1
	metrics      string // the address of its metrics
	job          *job.Job
}

// took is how long a step took.
type took struct {
	step   string
	lasted time.Duration
}

func newStage(environ []string, stdout, stderr io.Writer) *stage {
	return &stage{environ: environ, stdout: stdout, stderr: stderr, secret: rand.Text()}
}

// step runs one step and takes its time.
func (s *stage) step(name string, do func() (string, error)) error {
	began := time.Now()
	found, err := do()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t := took{name, time.Since(began)}
	s.took = append(s.took, t)
	if found != "" {
		fmt.Fprintf(s.stdout, "%-14s %s\n", name, found)
	}
	return nil
}

// set builds the stage.
func (s *stage) set(ctx context.Context) error {
	var databaseURL string
	for _, step := range []struct {
		name string
		do   func() (string, error)
	}{
		{"PostgreSQL", func() (string, error) {
			server, err := localpostgres.Start(ctx, localpostgres.Options{
				URLName: "DATABASE_URL", URL: s.variable("DATABASE_URL"), OwnDatabase: "timesheets_demo",
			})
			if err != nil {
				return "", err
			}
			s.down = append(s.down, server.Stop)
			databaseURL = server.URL()
			return server.Description(), nil
		}},
		{"Migrations", func() (string, error) {
			n, err := postgres.Migrate(ctx, databaseURL, migrations.Files, time.Minute)
			return fmt.Sprintf("%d applied", n), err
		}},
		{"Issuer", s.startIssuer},
		{"API", func() (string, error) { return s.startAPI(ctx, databaseURL) }},
		{"Tracker", s.startTracker},
	} {
		if err := s.step(step.name, step.do); err != nil {
			return err
		}
	}
	return nil
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

func (s *stage) variable(name string) string {
	for _, line := range s.environ {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}

func (s *stage) startIssuer() (string, error) {
	everything := make([]string, 0, len(identity.Scopes()))
	for _, scope := range identity.Scopes() {
		everything = append(everything, string(scope))
	}
	own := []string{string(identity.ReadTimesheets), string(identity.CreateTimesheets), string(identity.DeleteTimesheets)}
	issuer, err := localissuer.Start(localissuer.Options{
		Audience: audience, EmailClaim: emailClaim, Now: time.Now,
		Clients: []localissuer.Client{{ID: "import-job", Secret: s.secret, Scopes: []string{string(identity.BatchUpload)}}},
		Users: []localissuer.User{
			{Subject: "auth0|worker", Email: worker, Password: rand.Text(), Scopes: own},
			{Subject: "auth0|approver", Email: approver, Password: rand.Text(), Scopes: everything},
		},
	})
	if err != nil {
		return "", err
	}
	s.issuer = issuer
	s.down = append(s.down, func() error { issuer.Close(); return nil })
	return issuer.URL() + "  (behaves like Auth0)", nil
}

// startAPI runs the real API on a real port.
func (s *stage) startAPI(ctx context.Context, databaseURL string) (string, error) {
	config, err := service.ReadConfig(assembly.Environment{
		"DATABASE_URL=" + databaseURL, "HTTP_ADDR=127.0.0.1:0", "METRICS_ADDR=127.0.0.1:0",
		"AUTH0_ISSUER_URL=" + s.issuer.URL(), "AUTH0_AUDIENCE=" + audience, "AUTH0_USER_ID_CLAIM=" + emailClaim,
	})
	if err != nil {
		return "", err
	}
	api, cleanup, err := assembleAPI(ctx, config, s.log())
	if err != nil {
		return "", err
	}
	s.metrics = api.MetricsAddr().String()
	running, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- api.Run(running) }()
	s.down = append(s.down, func() error {
		stop(errors.New("the demo is over"))
		err := <-ended
		cleanup()
		return err
	})
	address := "http://" + api.Addr().String()
	s.api = address + "/v1"
	return s.api, waitFor(ctx, address+"/readyz")
}

// log is of errors alone.
func (s *stage) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(s.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// waitFor asks until the address answers 200.
func waitFor(ctx context.Context, address string) error {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready within %s", address, patience)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// startTracker serves the recorded answers of a Kimai over HTTP, moved so that
// they end this week, and puts the import job together for it.
func (s *stage) startTracker() (string, error) {
	s.trackerToken = rand.Text()
	s.kimai = trackertest.NewKimai(s.trackerToken)
	s.kimai.Shift(trackertest.WeeksTo(time.Now()))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: s.kimai, ReadHeaderTimeout: time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	s.down = append(s.down, func() error {
		err := server.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	})
	s.tracker = "http://" + ln.Addr().String()
	config, err := job.ReadConfig(assembly.Environment{
		"TIMESHEETS_API_URL=" + s.api, "AUTH0_ISSUER_URL=" + s.issuer.URL(), "AUTH0_AUDIENCE=" + audience,
		"AUTH0_CLIENT_ID=import-job", "AUTH0_CLIENT_SECRET=" + s.secret,
		"TRACKER=kimai", "TRACKER_URL=" + s.tracker, "TRACKER_TOKEN=" + s.trackerToken,
	})
	if err != nil {
		return "", err
	}
	var cleanup func()
	if s.job, cleanup, err = assembleJob(config, strings.NewReader(""), s.log()); err == nil {
		s.down = append(s.down, func() error { cleanup(); return nil })
	}
	return s.tracker + "  (a stand-in for Kimai, with recorded answers)", err
}

// printTimes says how long each step took.
func (s *stage) printTimes() {
	fmt.Fprintln(s.stdout, "\nHow long it took")
	table := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	var all time.Duration
	for _, t := range s.took {
		fmt.Fprintf(table, "  %s\t%.3f s\t\n", t.step, t.lasted.Seconds())
		all += t.lasted
	}
	fmt.Fprintf(table, "  all\t%.3f s\t\n", all.Seconds())
	_ = table.Flush()
}
