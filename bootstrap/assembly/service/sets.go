//go:build wireinject

package service

import (
	"github.com/google/wire"

	"timesheets/adapters/auth0"
	"timesheets/adapters/httpapi"
	"timesheets/adapters/postgres"
	"timesheets/application/access"
	"timesheets/application/approval"
	"timesheets/application/directory"
	"timesheets/application/idempotency"
	"timesheets/application/intake"
	"timesheets/application/precedence"
	"timesheets/application/reporting"
	"timesheets/application/timekeeping"
)

// Storage keeps everything in PostgreSQL.
var Storage = wire.NewSet(
	OpenPool, precedence.New, postgres.NewLedger, postgres.NewEntries, postgres.NewWeeks, postgres.NewWorkers, postgres.NewIdempotencyKeys, postgres.NewRuns, postgres.NewUndoing, postgres.NewBooks,
	wire.Bind(new(intake.Way), new(*precedence.RightOfWay)),
	wire.Bind(new(intake.Ledger), new(*postgres.Ledger)),
	wire.Bind(new(intake.Archive), new(*postgres.Ledger)),
	wire.Bind(new(intake.Runs), new(*postgres.Runs)),
	wire.Bind(new(intake.Undoing), new(*postgres.Undoing)),
	wire.Bind(new(timekeeping.Entries), new(*postgres.Entries)),
	wire.Bind(new(approval.Entries), new(*postgres.Entries)),
	wire.Bind(new(approval.Weeks), new(*postgres.Weeks)),
	wire.Bind(new(reporting.Books), new(*postgres.Books)),
	wire.Bind(new(directory.Workers), new(*postgres.Workers)),
	wire.Bind(new(idempotency.Keys), new(*postgres.IdempotencyKeys)),
)

// Tokens proves who calls.
var Tokens = wire.NewSet(
	NewVerifier, AccessConfig, access.NewAuthenticator, Authenticate,
	wire.Bind(new(access.TokenVerifier), new(*auth0.Verifier)),
)

// UseCases is what the API does.
var UseCases = wire.NewSet(
	Clock, NewIDs, UserIDs, ClosedBefore, ClosedToUploadsBefore,
	intake.NewReceiver, intake.NewLookback, intake.NewRunner, intake.NewRetrier, intake.NewReverter, RereadRows,
	timekeeping.NewRecorder, timekeeping.NewReviewer,
	approval.NewQueue, approval.NewDecider, approval.NewWeekReader, approval.NewMover, approval.NewCorrector, reporting.NewReporter, reporting.NewFeed, directory.NewDirectory, idempotency.NewGuard,
	wire.Struct(new(httpapi.Application), "*"),
)

// Tracing tells a collector, if there is one, what the API does.
var Tracing = wire.NewSet(OpenTraces, TraceRequests, TraceStatements)

// Everything is the whole API; a Config, a context and a log are to be given.
var Everything = wire.NewSet(Storage, Tokens, UseCases, Tracing, Listen, ListenForMetrics, NewRegistry, Checks, NewHTTP, New)
