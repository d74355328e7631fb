// Package fault holds the one error type that crosses a layer.
//
// A fault says four things: its Kind (what a caller can do about it), a stable
// Code for programs, a Text that is safe to show to any client and says what
// to do, and a cause that only the log sees. Adapters translate what they meet
// (a constraint name, a closed socket) into a fault; the HTTP adapter turns
// each Kind into a status in one exhaustive switch.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Kind is the class of a fault. It is itself an error, so that
// errors.Is(err, fault.NotFound) asks for the class whatever the code.
type Kind uint8

const (
	// Internal is a defect of ours; its text never reaches a client.
	Internal Kind = iota
	// Malformed input cannot be read at all: broken JSON, a bad cursor.
	Malformed
	// Unauthenticated callers showed no token, or one that proves nothing.
	Unauthenticated
	// Forbidden callers are known and may not do this.
	Forbidden
	// NotFound is what does not exist, or not for this caller.
	NotFound
	// Conflict is a request at odds with the present state.
	Conflict
	// Stale requests name a version (If-Match) that is no longer the present one.
	Stale
	// TooLarge input passes a stated limit.
	TooLarge
	// Invalid input can be read and breaks a rule.
	Invalid
	// Unconditional requests lack the If-Match that they need.
	Unconditional
	// Exhausted callers used up what they may use for now; see RetryAfter.
	Exhausted
	// Unavailable means that something we depend on does not answer; the same
	// request may succeed later, and its outcome may be unknown.
	Unavailable
)

// Error makes a Kind usable as a target of errors.Is.
func (k Kind) Error() string {
	switch k {
	case Internal:
		return "internal error"
	case Malformed:
		return "malformed"
	case Unauthenticated:
		return "unauthenticated"
	case Forbidden:
		return "forbidden"
	case NotFound:
		return "not found"
	case Conflict:
		return "conflict"
	case Stale:
		return "stale"
	case TooLarge:
		return "too large"
	case Invalid:
		return "invalid"
	case Unconditional:
		return "precondition required"
	case Exhausted:
		return "exhausted"
	case Unavailable:
		return "unavailable"
	}
	return fmt.Sprintf("fault kind %d", uint8(k))
}

// Field is one member of the input that is wrong.
type Field struct {
	Pointer string // RFC 6901 JSON Pointer into the request body, "" for the whole
	Code    string // stable and machine-readable, e.g. "required"
	Text    string // one sentence for a person
}

// Error is a fault. Make it with New, Wrap or InField.
type Error struct {
	Kind       Kind
	Code       string            // stable, machine-readable: "entry_approved"
	Text       string            // one or two sentences, safe for clients, that say what to do
	Fields     []Field           // what is wrong where; empty when it is about the whole request
	RetryAfter time.Duration     // how long to wait before the same request makes sense; 0: not said
	Extra      map[string]string // further members a client may want: "correction_id", "import_id"
	cause      error
}

// New makes a fault whose Text is formatted by fmt.Sprintf.
// Never format untrusted secrets into it: clients and logs see it.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Text: fmt.Sprintf(format, args...)}
}

// Wrap makes a fault that keeps cause for the log; clients never see cause.
func Wrap(cause error, kind Kind, code, format string, args ...any) *Error {
	f := New(kind, code, format, args...)
	f.cause = cause
	return f
}

// InField makes an Invalid fault about one member of the input.
func InField(pointer, code, format string, args ...any) *Error {
	f := New(Invalid, code, format, args...)
	f.Fields = []Field{{Pointer: pointer, Code: code, Text: f.Text}}
	return f
}

// With adds a member that a client may want beside code and text.
func (e *Error) With(name, value string) *Error {
	c := *e
	c.Extra = make(map[string]string, len(e.Extra)+1)
	maps.Copy(c.Extra, e.Extra)
	c.Extra[name] = value
	return &c
}

// After says when the same request may make sense again.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// Error is for logs: code, text and cause.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.Text + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Text
}

// Unwrap gives the kind and the cause, so that errors.Is finds either.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}

// Of finds the fault in err. An error without one is Internal with the code
// "internal", and keeps err as its cause. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	return Wrap(err, Internal, "internal", "Something went wrong on our side. Repeating the request is safe.")
}
