package timesheetsapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// Cursor gives the cursor of a source; "" too when nothing was ever imported
// from it.
func (u *Uploader) Cursor(ctx context.Context, source string) (string, error) {
	var state SourceState
	err := u.call(ctx, http.StatusOK, &state, func(ctx context.Context, sign RequestEditorFn) (*http.Response, error) {
		return u.client.GetSource(ctx, source, sign)
	})
	if errors.Is(err, fault.NotFound) && fault.Of(err).Code == "not_found" {
		return "", nil
	}
	if err != nil || state.Cursor == nil {
		return "", err
	}
	return *state.Cursor, nil
}

// Start begins a run.
func (u *Uploader) Start(ctx context.Context, d importing.Declaration, key string) (importing.Run, error) {
	declaration := ImportDeclaration{Source: d.Source, Mode: ImportDeclarationMode(d.Mode), From: d.Window.From.String(), To: d.Window.To.String(), UserIds: d.UserIDs}
	if d.DryRun {
		declaration.DryRun = &d.DryRun
	}
	var started StartedImport
	err := u.call(ctx, http.StatusCreated, &started, func(ctx context.Context, sign RequestEditorFn) (*http.Response, error) {
		return u.client.StartImport(ctx, &StartImportParams{IdempotencyKey: &key}, declaration, sign)
	})
	switch {
	case err != nil:
		return importing.Run{}, err
	case started.Fence < 1:
		return importing.Run{}, fault.New(fault.Unavailable, "api_garbage", "What answers at %s starts a run and gives it no fence.", u.host)
	}
	return importing.Run{ID: started.ID.String(), Fence: started.Fence}, nil
}

// Renew keeps a run alive.
func (u *Uploader) Renew(ctx context.Context, run importing.Run) error {
	id, err := idOf(run)
	if err != nil {
		return err
	}
	var renewed StartedImport
	return u.call(ctx, http.StatusOK, &renewed, func(ctx context.Context, sign RequestEditorFn) (*http.Response, error) {
		return u.client.RenewImport(ctx, id, &RenewImportParams{ImportFence: run.Fence}, sign)
	})
}

// Complete ends a run. A run that is complete already was completed by this
// call, whose answer was lost: nobody else has its fence.
func (u *Uploader) Complete(ctx context.Context, run importing.Run, c importing.Completion) (importing.Ending, error) {
	id, err := idOf(run)
	if err != nil {
		return importing.Ending{}, err
	}
	var done CompletedImport
	err = u.call(ctx, http.StatusOK, &done, func(ctx context.Context, sign RequestEditorFn) (*http.Response, error) {
		return u.client.CompleteImport(ctx, id, &CompleteImportParams{ImportFence: run.Fence}, completionOf(c), sign)
	})
	if errors.Is(err, fault.Conflict) && fault.Of(err).Code == "import_not_open" {
		return u.completed(ctx, id, err)
	}
	if err != nil {
		return importing.Ending{}, err
	}
	ending := importing.Ending{Received: done.Received, Deleted: done.Deleted}
	if done.DeletionsSkipped != nil {
		ending.DeletionsSkipped = code(string(*done.DeletionsSkipped))
	}
	return ending, nil
}

func completionOf(c importing.Completion) ImportCompletion {
	completion := ImportCompletion{DistinctKeys: c.DistinctKeys, MaxDeleteCount: c.Guards.MaxDeleteCount, MaxDeletePercent: c.Guards.MaxDeletePercent}
	if c.Cursor != "" {
		completion.Cursor = &c.Cursor
	}
	if c.Guards.AllowEmpty {
		completion.AllowEmpty = &c.Guards.AllowEmpty
	}
	return completion
}

// completed gives the ending of a run that is not open, or refused if it was
// not completed. Why deletions were skipped is not kept.
func (u *Uploader) completed(ctx context.Context, id uuid.UUID, refused error) (importing.Ending, error) {
	var found Import
	err := u.call(ctx, http.StatusOK, &found, func(ctx context.Context, sign RequestEditorFn) (*http.Response, error) {
		return u.client.GetImport(ctx, id, sign)
	})
	switch {
	case err != nil:
		return importing.Ending{}, err
	case found.State != ImportStateCompleted:
		return importing.Ending{}, refused
	}
	return importing.Ending{Received: found.Received, Deleted: found.Deleted}, nil
}

// Abort ends a run where it stands.
func (u *Uploader) Abort(ctx context.Context, run importing.Run) error {
	id, err := idOf(run)
	if err != nil {
		return err
	}
	var aborted Import
	return u.call(ctx, http.StatusOK, &aborted, func(ctx context.Context, sign RequestEditorFn) (*http.Response, error) {
		return u.client.AbortImport(ctx, id, &AbortImportParams{ImportFence: run.Fence}, sign)
	})
}

func idOf(run importing.Run) (uuid.UUID, error) {
	id, err := uuid.Parse(run.ID)
	if err != nil {
		return id, fault.Wrap(err, fault.Internal, "not_an_id", "%q is the id of no run.", run.ID)
	}
	return id, nil
}
