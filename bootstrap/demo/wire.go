//go:build wireinject

package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/google/wire"

	"timesheets/bootstrap/assembly/job"
	"timesheets/bootstrap/assembly/service"
)

// assembleAPI puts the API together, as bootstrap/api does.
func assembleAPI(ctx context.Context, config service.Config, log *slog.Logger) (*service.Service, func(), error) {
	panic(wire.Build(service.Everything))
}

// assembleJob puts the import job together, as bootstrap/importer does.
func assembleJob(config job.Config, stdin io.Reader, log *slog.Logger) (*job.Job, func(), error) {
	panic(wire.Build(job.Everything))
}
