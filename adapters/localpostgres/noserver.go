package localpostgres

import (
	"fmt"
	"strings"
)

// refusal is a source that gave no server, and why.
type refusal struct {
	source Source
	err    error
}

// NoServerError is the answer when no source gave a server. Its text is for
// the person in front of the machine.
type NoServerError struct {
	refusals []refusal
	options  Options
}

func (e *NoServerError) Error() string {
	var b strings.Builder
	b.WriteString("there is no PostgreSQL to use:\n")
	for _, r := range e.refusals {
		fmt.Fprintf(&b, "  %s: %s\n", r.source, oneLine(r.err))
	}
	b.WriteString("one of these helps:\n")
	b.WriteString("  on Debian or Ubuntu: apt-get install postgresql\n")
	b.WriteString("  on Fedora or RHEL:   dnf install postgresql-server\n")
	b.WriteString("  on macOS:            brew install postgresql@17\n")
	fmt.Fprintf(&b, "  with Docker:         start it, and: docker pull %s\n", e.options.Image)
	if e.options.URLName != "" {
		fmt.Fprintf(&b, "  with a server:       set %s=postgres://user:password@host:5432/database\n", e.options.URLName)
	}
	return b.String()
}

// Unwrap gives why each source refused.
func (e *NoServerError) Unwrap() []error {
	errs := make([]error, len(e.refusals))
	for i, r := range e.refusals {
		errs[i] = r.err
	}
	return errs
}

// because tells, after what was used, why not something else, in short.
func because(refusals []refusal) string {
	const most = 120 // runes of each reason
	var b strings.Builder
	for _, r := range refusals {
		reason := []rune(oneLine(r.err))
		if len(reason) > most {
			reason = append(reason[:most], '…')
		}
		fmt.Fprintf(&b, " (not %s: %s)", r.source, string(reason))
	}
	return b.String()
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
