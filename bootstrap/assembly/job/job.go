package job

import (
	"context"
	"fmt"
	"io"
	"time"

	"timesheets/adapters/auth0"
	"timesheets/adapters/opentelemetry"
	"timesheets/adapters/timesheetsapi"
	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// Job is the import job, put together.
type Job struct {
	config   Config
	importer *importing.Importer
	tracker  importing.Tracker
	tokens   *auth0.TokenSource
	uploader *timesheetsapi.Uploader
	traces   *opentelemetry.Traces
}

// New puts the parts together.
func New(c Config, importer *importing.Importer, tracker importing.Tracker, tokens *auth0.TokenSource, uploader *timesheetsapi.Uploader, traces *opentelemetry.Traces) *Job {
	return &Job{c, importer, tracker, tokens, uploader, traces}
}

// Import runs once, for at most limit. The source is the configuration's, and
// so is the mode unless options say another.
func (j *Job) Import(ctx context.Context, window importing.Window, options importing.Options, limit time.Duration) (importing.Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	options.Source = j.config.Source
	if options.Mode == "" {
		options.Mode = j.config.Mode
	}
	return j.importer.Run(ctx, window, options)
}

// Check says of everything that the job depends on whether it is there, a line
// each, and gives the exit code that a run would most likely end with.
func (j *Job) Check(ctx context.Context, w io.Writer) int {
	worst := importing.ExitDone
	line := func(name, found string, err error) {
		if err == nil {
			fmt.Fprintf(w, "ok      %-8s %s\n", name, found)
			return
		}
		fmt.Fprintf(w, "FAILED  %-8s %s\n", name, printable(fault.Of(err).Text))
		worst = max(worst, importing.ExitCode(importing.Summary{}, err))
	}
	line("settings", fmt.Sprintf("entries of %s carry the source %s", j.config.Tracker, j.config.Source), nil)
	_, err := j.tokens.Token(ctx)
	line("token", "the issuer gives one with batch:upload", err)
	if err == nil {
		line("api", j.config.APIURL+" takes uploads with it", j.uploader.Check(ctx))
	} else {
		fmt.Fprintf(w, "        %-8s not asked: there is no token\n", "api")
	}
	found, err := j.tracker.Check(ctx)
	line("tracker", printable(found), err)
	return worst
}
