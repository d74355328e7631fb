package trackertest

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
)

// Misdeed is one answer that is not as it should be. proper would give the
// proper one.
type Misdeed func(w http.ResponseWriter, r *http.Request, proper http.Handler)

// Misbehave has the next requests for entries answered by misdeeds, one each,
// before all is as it should be again. A nil misdeed is a proper answer.
func (k *Kimai) Misbehave(misdeeds ...Misdeed) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.misdeeds = append(k.misdeeds, misdeeds...)
}

// Status answers with a status, and Retry-After unless it is "".
func Status(status int, retryAfter string) Misdeed {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		problem(w, status, http.StatusText(status))
	}
}

// Redirect sends the client to another place.
func Redirect(to string) Misdeed {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, to, http.StatusFound)
	}
}

// LoginPage answers with HTML and the status 200.
func LoginPage(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!doctype html><title>Log in</title><form method=post></form>")
}

// HTMLAsJSON answers with HTML that is called JSON.
func HTMLAsJSON(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, "<html><body>502 Bad Gateway</body></html>")
}

// ErrorBody answers with an error's body and the status 200.
func ErrorBody(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	problem(w, http.StatusOK, "Internal Server Error")
}

// Latin1 calls the proper answer what no JSON may be.
func Latin1(w http.ResponseWriter, r *http.Request, proper http.Handler) {
	w.Header().Set("Content-Type", "application/json; charset=iso-8859-1")
	_, _ = w.Write(bodyOf(r, proper))
}

// CutShort announces the whole answer and hangs up in its middle.
func CutShort(w http.ResponseWriter, r *http.Request, proper http.Handler) {
	body := bodyOf(r, proper)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

// CutJSON answers with the first half of the proper body, as if it were whole.
func CutJSON(w http.ResponseWriter, r *http.Request, proper http.Handler) {
	body := bodyOf(r, proper)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body[:len(body)/2])
}

// Endless answers with an array that never ends.
func Endless(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/json")
	chunk := append([]byte{'['}, bytes.Repeat([]byte(" "), 1<<16)...)
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
		chunk = bytes.Repeat([]byte(" "), 1<<16)
	}
}

// Silence answers nothing until released is closed or the client leaves.
func Silence(released <-chan struct{}) Misdeed {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		select {
		case <-released:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	}
}

// Page answers with another page than the one that was asked for.
func Page(number int) Misdeed {
	return func(w http.ResponseWriter, r *http.Request, proper http.Handler) {
		other := r.Clone(r.Context())
		q := other.URL.Query()
		q.Set("page", strconv.Itoa(number))
		other.URL.RawQuery = q.Encode()
		proper.ServeHTTP(w, other)
	}
}

// Body answers with a body of one's own.
func Body(body string) Misdeed {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
	}
}

func bodyOf(r *http.Request, proper http.Handler) []byte {
	var kept kept
	proper.ServeHTTP(&kept, r)
	return kept.body.Bytes()
}

// kept is an answer that goes nowhere.
type kept struct{ body bytes.Buffer }

func (k *kept) Header() http.Header         { return http.Header{} }
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }
func (k *kept) WriteHeader(int)             {}
