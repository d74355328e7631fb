//go:build wireinject

package main

import (
	"io"
	"log/slog"

	"github.com/google/wire"

	"timesheets/bootstrap/assembly/job"
)

// assemble puts the import job together.
func assemble(config job.Config, stdin io.Reader, log *slog.Logger) (*job.Job, func(), error) {
	panic(wire.Build(job.Everything))
}
