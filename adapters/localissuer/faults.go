package localissuer

import (
	"net/http"
	"strconv"
	"strings"
)

// BreakKeys puts h in the place of the key set; nil repairs it.
func (i *Issuer) BreakKeys(h http.Handler) { i.breakWith(&i.brokenKeys, h) }

// BreakTokens puts h in the place of the token endpoint; nil repairs it.
func (i *Issuer) BreakTokens(h http.Handler) { i.breakWith(&i.brokenTokens, h) }

func (i *Issuer) breakWith(place *http.Handler, h http.Handler) {
	i.mu.Lock()
	defer i.mu.Unlock()
	*place = h
}

func (i *Issuer) broken(place *http.Handler) http.Handler {
	i.mu.Lock()
	defer i.mu.Unlock()
	return *place
}

// Answer always answers the same. Headers are name, value, name, value.
func Answer(status int, body string, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for n := 0; n+1 < len(headers); n += 2 {
			w.Header().Set(headers[n], headers[n+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

// Hang takes the request and never answers; it ends when the caller gives up.
func Hang() http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// Redirect sends the caller to another address.
func Redirect(to string) http.Handler { return http.RedirectHandler(to, http.StatusFound) }

// RateLimited answers as Auth0 does when a client's quota is used up.
func RateLimited(seconds int) http.Handler {
	return Answer(http.StatusTooManyRequests, `{"error":"too_many_requests","error_description":"Client quota exceeded"}`,
		"Retry-After", strconv.Itoa(seconds))
}

// Huge answers with a body of so many bytes, which would be a key set without
// keys if anybody read it to its end.
func Huge(bytes int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"keys":[],"padding":"`))
		block := []byte(strings.Repeat("x", 64<<10))
		for sent := 0; sent < bytes; sent += len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
		_, _ = w.Write([]byte(`"}`))
	})
}
