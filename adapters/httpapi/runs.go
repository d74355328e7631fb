package httpapi

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/replay"
)

// headerFence carries the fence that the start of a run gave.
const headerFence = "Import-Fence"

type declarationJSON struct {
	Source  string   `json:"source"`
	Mode    string   `json:"mode"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	UserIDs []string `json:"user_ids"`
	DryRun  bool     `json:"dry_run"`
}

// startedJSON is what a caller needs for the rest of the run.
type startedJSON struct {
	ID         string `json:"id"`
	Fence      int64  `json:"fence"`
	LeaseUntil string `json:"lease_until,omitempty"`
}

func showStarted(i intake.Import) startedJSON {
	return startedJSON{i.ID.String(), i.Fence, showInstant(i.LeaseEnd)}
}

func (s *Server) startImport(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	var sent declarationJSON
	if err := readBody(c, &sent); err != nil {
		return err
	}
	return s.once(ctx, by, c, func(settle settling) error {
		d := intake.Declaration{Source: sent.Source, Mode: intake.Mode(sent.Mode), DryRun: sent.DryRun, Scope: intake.Scope{UserIDs: sent.UserIDs}}
		var errFrom, errTo error
		if d.Scope.From, errFrom = parseCivilDay(sent.From); errFrom != nil {
			errFrom = fault.InField("/from", "not_a_date", "Write the first day as YYYY-MM-DD.")
		}
		if d.Scope.To, errTo = parseCivilDay(sent.To); errTo != nil {
			errTo = fault.InField("/to", "not_a_date", "Write the last day as YYYY-MM-DD.")
		}
		if err := together(errFrom, errTo); err != nil {
			return err
		}
		var keep func(intake.Import) (replay.Claim, replay.Answer)
		if settle != nil {
			keep = func(i intake.Import) (replay.Claim, replay.Answer) {
				return settle(fiber.StatusCreated, map[string]string{fiber.HeaderLocation: address(c, base+importPath(i))}, showStarted(i))
			}
		}
		started, err := s.application.Runner.Start(ctx, by, d, keep)
		if err != nil {
			return err
		}
		located(c, importPath(started))
		return answer(c, fiber.StatusCreated, showStarted(started))
	})
}

func importPath(i intake.Import) string { return "/imports/" + i.ID.String() }

// runRef is the run in the path with the fence in the header. body reads what else
// there is to the request; nil for nothing.
func (s *Server) runRef(ctx context.Context, by identity.Principal, c *fiber.Ctx, body func() error) (intake.RunRef, error) {
	id, missing := importID(c)
	fence, err := readFence(c)
	if body != nil && !errors.Is(err, fault.Malformed) {
		err = cmp.Or(body(), err)
	}
	if err != nil {
		return intake.RunRef{}, told(err, missing, func() error {
			_, unknown := s.application.Lookback.Import(ctx, by, id)
			return unknown
		})
	}
	return intake.RunRef{ID: id, Fence: fence}, missing
}

func readFence(c *fiber.Ctx) (int64, error) {
	values := c.Request().Header.PeekAll(headerFence)
	if len(values) == 0 {
		return 0, fault.New(fault.Unconditional, "fence_required", "Send the fence that the start of the run gave, as the header Import-Fence.")
	}
	fence, err := strconv.ParseInt(string(values[0]), 10, 64)
	if err != nil || fence < 1 || len(values) > 1 {
		return 0, fault.New(fault.Malformed, "malformed_fence", "The header Import-Fence is there once, with the number that the start of the run gave.")
	}
	return fence, nil
}

func (s *Server) renewImport(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	ref, err := s.runRef(ctx, by, c, nil)
	if err != nil {
		return err
	}
	i, err := s.application.Runner.Renew(ctx, by, ref)
	if err != nil {
		return err
	}
	return answer(c, fiber.StatusOK, showStarted(i))
}

func (s *Server) abortImport(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	ref, err := s.runRef(ctx, by, c, nil)
	if err != nil {
		return err
	}
	i, err := s.application.Runner.Abort(ctx, by, ref)
	if err != nil {
		return err
	}
	return answer(c, fiber.StatusOK, showImport(i))
}

type completionJSON struct {
	Cursor           *string `json:"cursor"`
	DistinctKeys     *int    `json:"distinct_keys"`
	MaxDeletePercent *int    `json:"max_delete_percent"`
	MaxDeleteCount   *int    `json:"max_delete_count"`
	AllowEmpty       bool    `json:"allow_empty"`
}

func (j completionJSON) completion() (intake.Completion, error) {
	completion := intake.Completion{
		DistinctKeys: j.DistinctKeys, AllowEmpty: j.AllowEmpty,
		MaxDeleteCount: intake.DefaultMaxDeleteCount, MaxDeletePercent: intake.DefaultMaxDeletePercent,
	}
	if j.Cursor != nil {
		completion.Cursor = *j.Cursor
	}
	number := func(name string, from, into *int, most int) error {
		if from == nil {
			return nil
		}
		if *from < 0 || *from > most {
			return fault.InField("/"+name, "out_of_range", "%s is a whole number from 0 to %d.", name, most)
		}
		*into = *from
		return nil
	}
	keys := 0
	return completion, together(
		number("distinct_keys", j.DistinctKeys, &keys, 1<<31-1),
		number("max_delete_percent", j.MaxDeletePercent, &completion.MaxDeletePercent, 100),
		number("max_delete_count", j.MaxDeleteCount, &completion.MaxDeleteCount, 1<<31-1),
	)
}

// completedJSON is an import that has just been completed.
type completedJSON struct {
	importJSON       `json:",inline"`
	DeletionsSkipped string `json:"deletions_skipped,omitempty"`
}

func (s *Server) completeImport(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	var completion intake.Completion
	ref, err := s.runRef(ctx, by, c, func() (err error) {
		var sent completionJSON
		if err = readOptionalBody(c, &sent); err == nil {
			completion, err = sent.completion()
		}
		return err
	})
	if err != nil {
		return err
	}
	done, err := s.application.Runner.Complete(ctx, by, ref, completion)
	if err != nil {
		return err
	}
	return answer(c, fiber.StatusOK, completedJSON{showImport(done.Import), done.DeletionsSkipped})
}

func (s *Server) revertImport(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	id, err := importID(c)
	if err != nil {
		return err
	}
	report, err := s.application.Reverter.Revert(ctx, by, id)
	if err != nil {
		return err
	}
	shown := showReport(report, "all")
	shown.ResultsTruncated = len(report.Results) < report.Rejected
	return answer(c, fiber.StatusOK, shown)
}

func (s *Server) retryRows(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	sel, err := readSelection(c, "source", "code")
	if err != nil {
		return err
	}
	if !sel.has("source") {
		return fault.InField("/source", "required", "Name the source whose rows are to be judged again.")
	}
	var report intake.Report
	if err := s.application.RightOfWay.Batch(ctx, func() error {
		report, err = s.application.Retrier.Retry(ctx, by, sel.get("source"), sel.get("code"))
		return err
	}); err != nil {
		return err
	}
	return answer(c, fiber.StatusOK, showReport(report, "all"))
}

// ReadRow reads the text of one row as an upload reads it; a kept row is judged
// again by it.
func ReadRow(text []byte) intake.Row { return readRow(text) }
