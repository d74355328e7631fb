package httpapi

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"

	"timesheets/domain/fault"
)

// codeBadRequest is what is not HTTP as we can read it.
const codeBadRequest = "bad_request"

// checkHead refuses request lines and header fields that fasthttp 1.51 reads
// and RFC 9110 and 9112 do not allow. What two programs on the way read
// differently is how one request is smuggled inside another, so nothing here
// is repaired: whitespace around names, folded lines, fields that end in a bare
// line feed, a second Host or Content-Length, a Transfer-Encoding that is not
// exactly "chunked" or that comes with a Content-Length.
func checkHead(h *fasthttp.RequestHeader) *fault.Error {
	version := string(h.Protocol())
	if version != "HTTP/1.1" && version != "HTTP/1.0" {
		return unreadable("This is not a version of HTTP that is understood here. Use HTTP/1.1.")
	}
	if !isToken(h.Method()) {
		return unreadable("The request's method is not a token (RFC 9110, section 9.1).")
	}
	if f := checkTarget(h.RequestURI()); f != nil {
		return f
	}
	fields, f := countFields(h.RawHeaders())
	if f != nil {
		return f
	}
	return checkFraming(fields, version)
}

// fieldCounts is how often the fields appear on which routing and framing hang.
type fieldCounts struct{ host, contentLength, contentType, transferEncoding int }

// countFields checks every line of raw, which ends with the empty line, by the
// grammar of RFC 9112, section 5.
func countFields(raw []byte) (n fieldCounts, f *fault.Error) {
	for len(raw) > 0 {
		line, rest, found := bytes.Cut(raw, []byte("\n"))
		if !found || !bytes.HasSuffix(line, []byte("\r")) {
			return n, unreadable("A header line does not end with CR LF.")
		}
		raw, line = rest, line[:len(line)-1]
		if len(line) == 0 {
			break
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || !isToken(name) {
			return n, unreadable("A header line is not a name, a colon and a value.")
		}
		if !isFieldValue(value) {
			return n, unreadable("A header field has a control character in its value.")
		}
		switch strings.ToLower(string(name)) {
		case "host":
			n.host++
			if !isHost(bytes.Trim(value, " \t")) {
				return n, unreadable("The header field Host is not a host with an optional port.")
			}
		case "content-length":
			n.contentLength++
		case "content-type":
			n.contentType++
		case "transfer-encoding":
			n.transferEncoding++
			if !strings.EqualFold(string(bytes.Trim(value, " \t")), "chunked") {
				return n, unreadable("The only Transfer-Encoding that is understood here is chunked.")
			}
		}
	}
	return n, nil
}

// checkFraming refuses requests whose end, or whose host, is in doubt
// (RFC 9112, sections 3.2 and 6).
func checkFraming(n fieldCounts, version string) *fault.Error {
	switch {
	case n.host > 1, n.host == 0 && version == "HTTP/1.1":
		return unreadable("A request has the header field Host once.")
	case n.contentLength > 1, n.contentType > 1:
		return unreadable("A request has the header fields Content-Length and Content-Type at most once.")
	case n.transferEncoding > 1, n.transferEncoding == 1 && version == "HTTP/1.0":
		return unreadable("A request has the header field Transfer-Encoding at most once, and not with HTTP/1.0.")
	case n.transferEncoding == 1 && n.contentLength == 1:
		return unreadable("A request has Content-Length or Transfer-Encoding, never both.")
	}
	return nil
}

// checkTarget wants a path with an optional query, or the same after
// http://host (RFC 9112, section 3.2), in characters that need no guessing.
func checkTarget(target []byte) *fault.Error {
	path, _, _ := bytes.Cut(pathAndQuery(target), []byte("?"))
	if len(path) == 0 || path[0] != '/' || bytes.HasPrefix(path, []byte("//")) {
		return unreadable("The request's target is not a path that begins with one slash.")
	}
	for _, c := range target {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return unreadable("The request's target has a character that must be percent-encoded.")
		}
	}
	for i := range path {
		if path[i] == '%' && (i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2])) {
			return unreadable("The request's path has a percent sign without two hexadecimal digits.")
		}
	}
	return nil
}

// pathAndQuery is target without http://host, which a proxy may have put there.
func pathAndQuery(target []byte) []byte {
	for _, scheme := range []string{"http://", "https://"} {
		if len(target) >= len(scheme) && strings.EqualFold(string(target[:len(scheme)]), scheme) {
			after := target[len(scheme):]
			if slash := bytes.IndexAny(after, "/?"); slash >= 0 {
				return after[slash:]
			}
			return nil
		}
	}
	return target
}

func unreadable(text string) *fault.Error {
	return fault.New(fault.Malformed, codeBadRequest, "%s", text)
}

func trailersRefused() *fault.Error {
	return unreadable("Trailer fields are not understood here. Send header fields.")
}

// isToken follows RFC 9110, section 5.6.2. 128 bytes are more than any method
// or field name has.
func isToken(b []byte) bool {
	if len(b) == 0 || len(b) > 128 {
		return false
	}
	for _, c := range b {
		if !isAlphanumeric(c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}

// isFieldValue follows RFC 9110, section 5.5: visible characters, blanks, tabs
// and anything from 0x80 on.
func isFieldValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isHost lets through names, IPv4 and bracketed IPv6 addresses, with a port;
// empty is allowed, for targets that have no authority.
func isHost(b []byte) bool {
	if len(b) > 255 || bytes.Count(b, []byte("[")) != bytes.Count(b, []byte("]")) {
		return false
	}
	for _, c := range b {
		if !isAlphanumeric(c) && !strings.ContainsRune("-._:[]", rune(c)) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
