package httpapi

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

// rowsOfArray cuts a JSON array into rows. Only an array that does not parse
// is an error: a row with a mistake is a row with a problem. The rows keep
// slices of body as their Text, all else is copied.
func rowsOfArray(body []byte) ([]intake.Row, error) {
	p := plain{in: body, texts: new(texts)}
	if rows, ok := p.rows(); ok {
		return rows, nil
	}
	return strictRows(body)
}

// strictRows is rowsOfArray for every array, and says where it breaks.
func strictRows(body []byte) ([]intake.Row, error) {
	// What is wrong within a row is for the row to say.
	dec := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := dec.ReadToken(); err != nil {
		return nil, malformed(err)
	}
	var rows []intake.Row
	for dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if err != nil {
			return nil, malformed(err)
		}
		if rows == nil { // rows resemble each other: the first tells how many there are
			rows = make([]intake.Row, 0, min(len(body)/len(value)+1, intake.MaxRows))
		}
		if len(rows) == intake.MaxRows {
			return nil, tooManyRows()
		}
		rows = append(rows, readRow(body[dec.InputOffset()-int64(len(value)):dec.InputOffset()]))
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, malformed(err)
	}
	if err := atEnd(dec); err != nil {
		return nil, malformed(err)
	}
	return rows, nil
}

// rowsOfLines cuts NDJSON into rows: an object a line, blank lines skipped. A
// line that is not JSON is a row with a problem.
func rowsOfLines(body []byte) ([]intake.Row, error) {
	var rows []intake.Row
	p := plain{texts: new(texts)}
	for line := range bytes.Lines(body) {
		if line = bytes.Trim(line, " \t\r\n"); len(line) == 0 {
			continue
		}
		if len(rows) == intake.MaxRows {
			return nil, tooManyRows()
		}
		if rows == nil {
			rows = make([]intake.Row, 0, min(len(body)/len(line)+1, intake.MaxRows))
		}
		var row intake.Row
		if p.in, p.at = line, 0; !p.row(&row) || p.at < len(line) {
			row = readRow(line)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func tooManyRows() error {
	return fault.New(fault.TooLarge, "too_many_rows", "An upload has at most %d rows. Send the rest in another request.", intake.MaxRows)
}

// readRow reads one row, whatever it is.
func readRow(raw []byte) intake.Row {
	if len(raw) > maxBody {
		return lost(raw, "row_too_large", "A row has at most 64 KiB. Shorten its texts.")
	}
	if tooDeep(raw) {
		return lost(raw, "malformed_json", "The row has objects or arrays within each other more than 32 deep.")
	}
	m, err := readMembers(raw, formRow)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return lost(raw, "malformed_json", "The row is not JSON: it ends too early.")
		}
		if length, ok := valueLength(raw); ok && length < len(raw) {
			return lost(raw, "malformed_json", "The row goes on behind its end. Begin a new line for each row.")
		}
		return lost(raw, "malformed_json", "The row is not JSON in UTF-8.")
	}
	row := m.row
	row.Text = raw
	if len(m.wrong) > 0 {
		row.Problem = intake.FieldProblem(m.wrong[0])
	} else if m.given&(givenHours|givenSeconds) == 0 {
		row.Problem = &intake.Problem{Code: "required", Field: "/hours", Detail: "An entry needs hours or seconds."}
	}
	return row
}

// lost is a row that could not be read; its key may be readable all the same.
func lost(raw []byte, code, text string) intake.Row {
	return intake.Row{Text: raw, ExternalID: keyIn(raw), Problem: &intake.Problem{Code: code, Detail: text}}
}

// keyIn looks for the external id in a row that is otherwise unreadable; ""
// when it cannot be told for sure. What ends too early, or goes on behind its
// end, may be what is left of several rows.
func keyIn(raw []byte) string {
	if tooDeep(raw) {
		return ""
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return ""
	}
	key := ""
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return ""
		}
		isKey := name.String() == "external_id"
		value, err := dec.ReadValue()
		if err != nil {
			return ""
		}
		if !isKey {
			continue
		}
		id, err := jsontext.AppendUnquote(nil, value)
		if key != "" || err != nil || value.Kind() != '"' || timesheet.CheckExternalID(string(id)) != nil {
			return ""
		}
		key = string(id)
	}
	if _, err := dec.ReadToken(); err != nil || atEnd(dec) != nil {
		return ""
	}
	return key
}

// tooDeep tells whether raw has objects or arrays within each other more than
// maxDepth deep. Most rows have too few brackets for a closer look.
func tooDeep(raw []byte) bool {
	if bytes.Count(raw, []byte("{"))+bytes.Count(raw, []byte("[")) <= maxDepth {
		return false
	}
	depth, inString := 0, false
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case inString && b == '\\':
			i++
		case b == '"':
			inString = !inString
		case inString:
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return false
}
