package httpapi

import (
	"net/http"
	"strings"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// challenge is the field WWW-Authenticate of an answer with this status, by
// RFC 6750, section 3, and RFC 9728, section 5.1; "" when there is none.
// A request without credentials gets no error attribute. Nothing from the
// request stands in it.
func (s *Server) challenge(code int, f *fault.Error, needs []identity.Scope) string {
	var reason string
	switch {
	case code == http.StatusBadRequest && f.Code == codeInvalidRequest:
		reason = "invalid_request"
	case code == http.StatusUnauthorized && f.Code == codeUnauthenticated, code == http.StatusForbidden && f.Extra["scope"] == "":
	case code == http.StatusUnauthorized:
		reason = "invalid_token"
	case code == http.StatusForbidden:
		reason = "insufficient_scope"
	default:
		return ""
	}
	attributes := []string{`realm="timesheets"`}
	if reason != "" {
		attributes = append(attributes, `error="`+reason+`"`, `error_description="`+quotable(f.Text)+`"`)
	}
	// A rule that no token satisfies asks for no scope.
	if len(needs) > 0 && (code == http.StatusUnauthorized || reason == "insufficient_scope") {
		attributes = append(attributes, `scope="`+scopeNames(needs)+`"`)
	}
	attributes = append(attributes, `resource_metadata="`+s.metadataURL()+`"`)
	return "Bearer " + strings.Join(attributes, ", ")
}

// quotable leaves the characters that RFC 6750, section 3, allows in an
// error_description.
func quotable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, text)
}

func scopeNames(scopes []identity.Scope) string {
	names := make([]string, len(scopes))
	for i, scope := range scopes {
		names[i] = string(scope)
	}
	return strings.Join(names, " ")
}
