//go:build wireinject

package job

import (
	"github.com/google/wire"

	"timesheets/adapters/timesheetsapi"
	"timesheets/application/importing"
)

// Everything is the whole job; a Config, standard input and a log are to be given.
var Everything = wire.NewSet(
	Clock, OpenTraces, NewTokens, NewUploader, OpenTracker, NewPatience, importing.New, New,
	wire.Bind(new(importing.Timesheets), new(*timesheetsapi.Uploader)),
	wire.Bind(new(importing.Runs), new(*timesheetsapi.Uploader)),
)
