//go:build wireinject

package main

import (
	"io"

	"github.com/google/wire"

	"timesheets/bootstrap/assembly/job"
)

// assemble puts the import job together.
func assemble(config job.Config, stdin io.Reader) (*job.Job, error) {
	panic(wire.Build(job.Everything))
}
