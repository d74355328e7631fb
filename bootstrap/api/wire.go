//go:build wireinject

package main

import (
	"context"
	"log/slog"

	"github.com/google/wire"

	"timesheets/bootstrap/assembly/service"
)

// assemble puts the API together.
func assemble(ctx context.Context, config service.Config, log *slog.Logger) (*service.Service, func(), error) {
	panic(wire.Build(service.Everything))
}
