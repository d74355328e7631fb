package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// upload lets who writes by hand go first, unless it brings a single object.
func (s *Server) upload(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	if len(contentCodings(c)) == 0 && mediaType(c) == typeJSON && opensWith(c.Request().Body(), '{') {
		return s.takeUpload(ctx, by, c)
	}
	return s.application.RightOfWay.Batch(ctx, func() error { return s.takeUpload(ctx, by, c) })
}

// opensWith tells what a body of JSON is, if it is any: an object or an array.
func opensWith(body []byte, bracket byte) bool {
	first := bytes.TrimLeft(body, " \t\r\n")
	return len(first) > 0 && first[0] == bracket
}

// takeUpload reads what the upload brings, has it judged, and answers.
func (s *Server) takeUpload(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	body, kind, err := uploadBody(c)
	if err != nil {
		return err
	}
	sel, err := readSelection(c, "source", "dry_run", "results", "import_id", "part")
	if err != nil {
		return err
	}
	dryRun, errFlag := sel.flag("dry_run", false)
	results, errResults := resultsWanted(sel)
	var errSource error
	if sel.has("source") {
		if err := timesheet.CheckUploadSource(sel.get("source")); err != nil {
			errSource = fault.InField("/source", fault.Of(err).Code, "%s", fault.Of(err).Text)
		}
	}
	if err := together(errFlag, errResults, errSource); err != nil {
		return err
	}
	ref, part, ofRun, err := partOfRun(c, sel)
	if err != nil {
		return err
	}
	var rows []intake.Row
	if kind == typeNDJSON {
		rows, err = rowsOfLines(body)
	} else {
		switch {
		case opensWith(body, '{') && ofRun:
			return fault.InField("", "wrong_type", "A batch of a run is an array or NDJSON.")
		case opensWith(body, '{'):
			return s.uploadOne(ctx, by, c, body, sel.get("source"), dryRun)
		case opensWith(body, '['):
			rows, err = rowsOfArray(body)
		default:
			err = fault.New(fault.Malformed, "malformed_json", "The body is neither a JSON object nor an array. Send one of them in UTF-8.")
		}
	}
	if err != nil {
		return err
	}
	u := intake.Upload{Source: sel.get("source"), Rows: rows, DryRun: dryRun}
	var report intake.Report
	if ofRun {
		report, err = s.application.Receiver.ReceivePart(ctx, by, ref, part, partDigest(body, kind), u)
	} else {
		report, err = s.application.Receiver.Receive(ctx, by, u)
	}
	if err != nil {
		return err
	}
	return answer(c, fiber.StatusOK, showReport(report, results))
}

// partDigest tells parts apart by what was sent and how it is read: the same bytes
// are one row as NDJSON, and any number as JSON.
func partDigest(body []byte, kind string) [sha256.Size]byte {
	if kind == typeNDJSON { // no JSON begins with its name
		body = append([]byte(typeNDJSON+"\n"), body...)
	}
	return sha256.Sum256(body)
}

// partOfRun reads which batch of which run the request is, if of any.
func partOfRun(c *fiber.Ctx, sel selection) (ref intake.RunRef, part int, ofRun bool, err error) {
	if !sel.has("import_id") && !sel.has("part") {
		return ref, 0, false, nil
	}
	if sel.has("dry_run") {
		return ref, 0, false, fault.InField("/dry_run", "run_decides", "Whether it is a dry run was said when the run was started. Leave dry_run out.")
	}
	part, errPart := strconv.Atoi(sel.get("part"))
	if errPart != nil || part < 1 || part > 1<<31-1 {
		return ref, 0, false, fault.InField("/part", "out_of_range", "Number the batches of a run from 1 on, with the parameter part.")
	}
	if ref.ID, err = timesheet.ParseID(sel.get("import_id")); err != nil {
		return ref, 0, false, fault.InField("/import_id", "not_an_id", "Name the run by the id that its start gave.")
	}
	ref.Fence, err = readFence(c)
	return ref, part, true, err
}

// uploadOne takes a single object, which is answered by the entry itself, or by
// the problem. Also one that is wrong is received: it is the last receipt of its
// key, and answered by all that is wrong with it.
func (s *Server) uploadOne(ctx context.Context, by identity.Principal, c *fiber.Ctx, body []byte, source string, dryRun bool) error {
	if len(body) > maxBody {
		return fault.New(fault.TooLarge, "body_too_large", "An object has at most %d KiB. Shorten its texts.", maxBody>>10)
	}
	if _, err := scan(body); err != nil {
		return err
	}
	m, err := readMembers(body, formRow)
	if err != nil {
		return malformed(err)
	}
	if m.given&(givenHours|givenSeconds) == 0 {
		m.fault("/hours", "required", "An entry needs hours or seconds.")
	}
	m.row.Text = body
	wrong := invalid(m.wrong)
	if wrong != nil {
		m.row.Problem = intake.FieldProblem(m.wrong[0])
	}
	entry, outcome, err := s.application.Receiver.ReceiveOne(ctx, by, source, m.row, dryRun)
	if wrong != nil && errors.Is(err, fault.Invalid) {
		return wrong
	}
	if err != nil {
		return err
	}
	switch created := outcome == timesheet.OutcomeCreated; {
	case dryRun && created: // what would be has neither a version nor an address
		return answer(c, fiber.StatusCreated, showEntry(entry))
	case dryRun && outcome == timesheet.OutcomeUpdated:
		return answer(c, fiber.StatusOK, showEntry(entry))
	case !created:
		return answerEntry(c, fiber.StatusOK, entry)
	}
	located(c, entryPath(entry))
	return answerEntry(c, fiber.StatusCreated, entry)
}

// resultsWanted is which verdicts a report is to list.
func resultsWanted(sel selection) (string, error) {
	switch value := sel.get("results"); {
	case !sel.has("results"):
		return "all", nil
	case value == "all", value == "problems", value == "none":
		return value, nil
	}
	return "", fault.InField("/results", "not_a_choice", "The parameter results is all, problems or none.")
}

// countsJSON is in every report and every import.
type countsJSON struct {
	Received  int `json:"received"`
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Deleted   int `json:"deleted"`
	Conflicts int `json:"conflicts"`
	Rejected  int `json:"rejected"`
}

type reportJSON struct {
	ImportID         string `json:"import_id"`
	DryRun           bool   `json:"dry_run"`
	countsJSON       `json:",inline"`
	Results          []resultJSON `json:"results"`
	ResultsTruncated bool         `json:"results_truncated"`
}

type resultJSON struct {
	Index        int           `json:"index"`
	ExternalID   string        `json:"external_id,omitempty"`
	ID           string        `json:"id,omitempty"`
	Outcome      string        `json:"outcome"`
	Code         string        `json:"code,omitempty"`
	CorrectionID string        `json:"correction_id,omitempty"`
	Error        *rowErrorJSON `json:"error,omitempty"`
	Known        bool          `json:"known,omitzero"`
}

type rowErrorJSON struct {
	Code   string `json:"code"`
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

func showRowError(p *intake.Problem) *rowErrorJSON {
	if p == nil {
		return nil
	}
	return &rowErrorJSON{p.Code, p.Field, p.Detail}
}

func showReport(r intake.Report, results string) reportJSON {
	shown := reportJSON{ImportID: showID(r.ImportID), DryRun: r.DryRun, countsJSON: countsJSON(r.Counts), Results: []resultJSON{}}
	if results == "all" {
		shown.Results = make([]resultJSON, 0, len(r.Results))
	}
	for _, x := range r.Results {
		if results == "none" || results == "problems" && x.Problem == nil {
			continue
		}
		shown.Results = append(shown.Results, resultJSON{
			Index: x.Index, ExternalID: x.ExternalID, ID: showID(x.ID), Outcome: string(x.Outcome), Code: x.Code,
			CorrectionID: showID(x.CorrectionID), Error: showRowError(x.Problem), Known: x.Known,
		})
	}
	return shown
}
