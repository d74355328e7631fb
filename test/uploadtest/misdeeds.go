package uploadtest

import (
	"io"
	"net"
	"net/http"
)

// Misdeed is one answer that is not as it should be. proper would give the
// proper one.
type Misdeed func(w http.ResponseWriter, r *http.Request, proper http.Handler)

// Misbehave has the next uploads answered by misdeeds, one each, before all is
// as it should be again. A nil misdeed is a proper answer.
func (a *API) Misbehave(misdeeds ...Misdeed) { a.MisbehaveAt(Upload, misdeeds...) }

// MisbehaveAt is Misbehave for the next calls of another kind.
func (a *API) MisbehaveAt(call Call, misdeeds ...Misdeed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.misdeeds[call] = append(a.misdeeds[call], misdeeds...)
}

// Status answers with a problem, and Retry-After unless it is "".
func Status(status int, code, retryAfter string) Misdeed {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		Problem(w, status, code, "As the test wants it.")
	}
}

// Answer answers with a body of one's own.
func Answer(status int, contentType, body string) Misdeed {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Redirect sends the client to another place.
func Redirect(to string) Misdeed {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	}
}

// LoseAnswer does what was asked and hangs up instead of answering.
func LoseAnswer(_ http.ResponseWriter, r *http.Request, proper http.Handler) {
	proper.ServeHTTP(nowhere{}, r)
	panic(http.ErrAbortHandler)
}

// HangUp resets the connection while the request is still being sent.
func HangUp(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // close with a reset
	}
	_ = connection.Close()
}

// HangUpOnMoreThan resets the connection of each request of more than so many
// bytes, for good, as a server does that refuses large bodies unread.
func HangUpOnMoreThan(bytes int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > bytes {
			HangUp(w, r, nil)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// nowhere takes an answer that nobody gets.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}
