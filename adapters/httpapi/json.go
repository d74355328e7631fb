package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
)

const (
	maxDepth       = 32 // objects and arrays within each other
	maxFieldFaults = 50 // reported in one answer
)

// readBody reads the request's JSON body into the struct that into points to:
// one object in UTF-8, with no member twice and none that the struct does not
// name, letter for letter. What does not parse is a fault.Malformed, what has
// unknown members or values of the wrong type a fault.Invalid that names all of
// them. Strings in the result are copies.
func readBody(c *fiber.Ctx, into any) error {
	if err := contentType(c, typeJSON); err != nil {
		return err
	}
	if err := uncompressed(c); err != nil {
		return err
	}
	return unmarshalObject(c.Request().Body(), into)
}

// readOptionalBody is readBody where the body may be left out: into stays as it
// is when there is none, or nothing in it but blanks.
func readOptionalBody(c *fiber.Ctx, into any) error {
	if len(bytes.Trim(c.Request().Body(), " \t\r\n")) == 0 {
		return nil
	}
	return readBody(c, into)
}

// unmarshalObject is what readBody does with a body; an uploaded row is read by
// the same rules.
func unmarshalObject(raw []byte, into any) error {
	names, err := scan(raw)
	if err != nil {
		return err
	}
	if jsontext.Value(raw).Kind() != '{' {
		return fault.InField("", "wrong_type", "Send a JSON object.")
	}
	wrong := unknownMembers(names, into)
	collect := json.UnmarshalFromFunc(func(dec *jsontext.Decoder, member any) error {
		if dec.StackDepth() == 0 {
			return errors.ErrUnsupported // the object itself: as usual, member by member
		}
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		at := string(dec.StackPointer())
		if err := json.Unmarshal(value, member, json.RejectUnknownMembers(true), json.WithUnmarshalers(refuseNull)); err != nil {
			wrong = append(wrong, fieldFault(at, err))
		}
		return nil
	})
	if err := json.Unmarshal(raw, into, json.WithUnmarshalers(collect)); err != nil {
		return malformed(err)
	}
	return invalid(wrong)
}

var errNull = errors.New("null where a value belongs")

// refuseNull lets null through only where a type says itself what it means:
// jsontext.Value, and types with a method UnmarshalJSONFrom.
var refuseNull = json.UnmarshalFromFunc(func(dec *jsontext.Decoder, value any) error {
	if dec.PeekKind() != 'n' {
		return errors.ErrUnsupported
	}
	switch value.(type) {
	case *jsontext.Value, json.UnmarshalerFrom:
		return errors.ErrUnsupported
	}
	return errNull
})

// scan checks that raw is one JSON value by RFC 8259 and I-JSON (RFC 7493): no
// name twice, no invalid UTF-8, nothing after it, not too deep. It returns the
// names of the outermost object, in order.
func scan(raw []byte) ([]string, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, fault.New(fault.Malformed, "malformed_json", "The request has no body. Send a JSON object.")
	}
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	var names []string
	for {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, malformed(err)
		}
		depth := dec.StackDepth()
		if depth > maxDepth {
			return nil, fault.New(fault.Malformed, "malformed_json", "The JSON has objects or arrays within each other more than %d deep.", maxDepth)
		}
		// In an object of depth 1, names and values take turns.
		if kind, length := dec.StackIndex(depth); depth == 1 && kind == '{' && length%2 == 1 && token.Kind() == '"' {
			names = append(names, token.String())
		}
	}
}

// malformed says where the JSON breaks, and nothing of what stands there.
func malformed(err error) error {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return fault.Wrap(err, fault.Malformed, "malformed_json", "The body is not JSON. Send one JSON object in UTF-8.")
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		f := fault.New(fault.Malformed, "duplicate_member", "A member is given twice. Give each member once.")
		f.Fields = []fault.Field{{Pointer: string(syntax.JSONPointer), Code: f.Code, Text: f.Text}}
		return f
	}
	return fault.Wrap(err, fault.Malformed, "malformed_json", "The body is not JSON in UTF-8: it cannot be read from byte %d on.", syntax.ByteOffset)
}

// unknownMembers are those of names that the struct into points to does not
// name in its json tags.
func unknownMembers(names []string, into any) []fault.Field {
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeOf(into).Elem()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		known[name] = true
	}
	var wrong []fault.Field
	for _, name := range names {
		if !known[name] {
			wrong = append(wrong, unknownMember("/"+escapePointer(name)))
		}
	}
	return wrong
}

func unknownMember(pointer string) fault.Field {
	return fault.Field{Pointer: pointer, Code: "unknown_member", Text: "There is no such member here, or only the server sets it. Leave it out."}
}

// escapePointer follows RFC 6901, section 3.
func escapePointer(name string) string {
	return pointerEscapes.Replace(name)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// fieldFault says what is wrong with the value at pointer.
func fieldFault(pointer string, err error) fault.Field {
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return fault.Field{Pointer: pointer, Code: "wrong_type", Text: "This value cannot be read."}
	}
	pointer += string(semantic.JSONPointer)
	if errors.Is(err, json.ErrUnknownName) {
		return unknownMember(pointer)
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return fault.Field{Pointer: pointer, Code: f.Code, Text: f.Text}
	}
	if errors.Is(err, errNull) {
		return fault.Field{Pointer: pointer, Code: "wrong_type", Text: "null is no value here. Give one, or leave the member out."}
	}
	return fault.Field{Pointer: pointer, Code: "wrong_type", Text: fmt.Sprintf("Give %s here.", inWords(semantic.GoType))}
}

// inWords is what a Go type is in JSON.
func inWords(t reflect.Type) string {
	if t == nil {
		return "another value"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number within reach"
	case reflect.Float32, reflect.Float64:
		return "a number within reach"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Pointer:
		return inWords(t.Elem())
	default:
		return "an object"
	}
}

// invalid is nil without fields, else one fault that names them all.
func invalid(wrong []fault.Field) error {
	if len(wrong) == 0 {
		return nil
	}
	f := fault.New(fault.Invalid, wrong[0].Code, "%s", wrong[0].Text)
	if len(wrong) > 1 {
		f = fault.New(fault.Invalid, "invalid", "Several members are not valid; errors names them.")
	}
	f.Fields = wrong[:min(len(wrong), maxFieldFaults)]
	return f
}

// together is one fault.Invalid with the fields of all errs that are, so that
// a client corrects them at once. An error of another kind goes first and
// alone; nil when there is none.
func together(errs ...error) error {
	var wrong []fault.Field
	for _, err := range errs {
		if err == nil {
			continue
		}
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Kind != fault.Invalid || len(f.Fields) == 0 {
			return err
		}
		wrong = append(wrong, f.Fields...)
	}
	return invalid(wrong)
}

// told gives what to answer to a request with something wrong in it. Existence
// comes before content: unless the path names nothing, which missing says, known
// tells whether there is such a thing for the caller. What cannot be read at all
// comes first.
func told(wrong, missing error, known func() error) error {
	if !errors.Is(wrong, fault.Invalid) && !errors.Is(wrong, fault.Unconditional) {
		return wrong
	}
	if missing != nil {
		return missing
	}
	if err := known(); err != nil {
		return err
	}
	return wrong
}

// objectBody is the request's body when it is one JSON object, read as readBody
// reads it, for routes that look at its members themselves.
func objectBody(c *fiber.Ctx, types ...string) ([]byte, error) {
	if err := contentType(c, types...); err != nil {
		return nil, err
	}
	if err := uncompressed(c); err != nil {
		return nil, err
	}
	body := c.Request().Body()
	if _, err := scan(body); err != nil {
		return nil, err
	}
	if jsontext.Value(body).Kind() != '{' {
		return nil, fault.InField("", "wrong_type", "Send a JSON object.")
	}
	return body, nil
}
