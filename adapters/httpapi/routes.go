package httpapi

import (
	"context"

	"timesheets/application/approval"
	"timesheets/application/directory"
	"timesheets/application/idempotency"
	"timesheets/application/intake"
	"timesheets/application/precedence"
	"timesheets/application/reporting"
	"timesheets/application/timekeeping"
	"timesheets/domain/identity"
)

// Application is what HTTP asks of the program inside: one field for each use
// case, all of them there.
type Application struct {
	// Authenticate proves an access token, of whose memory it keeps nothing, and
	// says who calls.
	Authenticate func(ctx context.Context, token []byte) (identity.Principal, error)

	Receiver    *intake.Receiver
	Lookback    *intake.Lookback
	Runner      *intake.Runner
	Retrier     *intake.Retrier
	Reverter    *intake.Reverter
	Recorder    *timekeeping.Recorder
	Reviewer    *timekeeping.Reviewer
	Queue       *approval.Queue
	Decider     *approval.Decider
	Weeks       *approval.WeekReader
	Mover       *approval.Mover
	Corrector   *approval.Corrector
	Reporter    *reporting.Reporter
	Feed        *reporting.Feed
	Directory   *directory.Directory
	Idempotency *idempotency.Guard
	RightOfWay  *precedence.RightOfWay
}

// routes is the whole surface of the API under /v1. A line says: method,
// path, who may (the caller holds one of these scopes), what the answer may be,
// and who does it. The order counts where a path has a parameter: the literal
// /timesheets/upload stands before /timesheets/:id.
func (s *Server) routes() []route {
	type scopes = []identity.Scope
	var (
		toUpload  = uploadNeeds
		toRead    = scopes{identity.ReadTimesheets}
		toCreate  = scopes{identity.CreateTimesheets}
		toDelete  = scopes{identity.DeleteTimesheets}
		toApprove = scopes{identity.ApproveTimesheets}
		toLookUp  = scopes{identity.BatchUpload, identity.ApproveTimesheets}
	)
	return []route{
		{"POST", "/timesheets/upload", toUpload, jsonOnly, s.upload},
		{"GET", "/timesheets", toRead, jsonOrFiles, s.listEntries},
		{"POST", "/timesheets", toCreate, jsonOnly, s.addEntry},
		{"GET", "/timesheets/:id", toRead, jsonOnly, s.getEntry},
		{"GET", "/timesheets/:id/history", toRead, jsonOnly, s.listHistory},
		{"PATCH", "/timesheets/:id", toCreate, jsonOnly, s.changeEntry},
		{"DELETE", "/timesheets/:id", toDelete, jsonOnly, s.deleteEntry},

		{"GET", "/approvals", toApprove, jsonOnly, s.listApprovals},
		{"PUT", "/approvals/:id", toApprove, jsonOnly, s.decide},

		{"GET", "/weeks", toRead, jsonOnly, s.listWeeks},
		{"GET", "/weeks/:user_id/:week", toRead, jsonOnly, s.getWeek},
		{"POST", "/weeks/:user_id/:week/submit", toCreate, jsonOnly, s.submitWeek},
		{"POST", "/weeks/:user_id/:week/withdraw", toCreate, jsonOnly, s.withdrawWeek},
		{"POST", "/weeks/:user_id/:week/approve", toApprove, jsonOnly, s.approveWeek},
		{"POST", "/weeks/:user_id/:week/reject", toApprove, jsonOnly, s.rejectWeek},
		{"POST", "/weeks/:user_id/:week/reopen", toApprove, jsonOnly, s.reopenWeek},

		{"GET", "/corrections", toApprove, jsonOnly, s.listCorrections},
		{"POST", "/corrections/:id/accept", toApprove, jsonOnly, s.acceptCorrection},
		{"POST", "/corrections/:id/dismiss", toApprove, jsonOnly, s.dismissCorrection},

		{"GET", "/imports", toLookUp, jsonOnly, s.listImports},
		{"POST", "/imports", toUpload, jsonOnly, s.startImport},
		{"POST", "/imports/:id/renew", toUpload, jsonOnly, s.renewImport},
		{"POST", "/imports/:id/complete", toUpload, jsonOnly, s.completeImport},
		{"POST", "/imports/:id/abort", toUpload, jsonOnly, s.abortImport},
		{"POST", "/imports/:id/revert", toLookUp, jsonOnly, s.revertImport},
		{"GET", "/imports/:id", toLookUp, jsonOnly, s.getImport},
		{"GET", "/imports/:id/rows", toLookUp, jsonOnly, s.listImportRows},

		{"GET", "/sources", toUpload, jsonOnly, s.listSources},
		{"GET", "/sources/:source", toUpload, jsonOnly, s.getSource},
		{"POST", "/rows/retry", toUpload, jsonOnly, s.retryRows},

		{"GET", "/changes", toRead, jsonOnly, s.listChanges},
		{"GET", "/reports/hours", toRead, jsonOrCSV, s.reportHours},

		{"GET", "/workers", toRead, jsonOnly, s.listWorkers},
		{"GET", "/workers/:user_id", toRead, jsonOnly, s.getWorker},
		{"PUT", "/workers/:user_id", toApprove, jsonOnly, s.putWorker},
	}
}
