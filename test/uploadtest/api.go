// Package uploadtest is a stand-in for what the import job needs of the API,
// on a real socket: it keeps runs, judges rows by the plain rules of the
// contract, keeps what it took and what it refused, and misbehaves on demand.
// It has no database, no approvals, no corrections and no guards of mirrors.
package uploadtest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// API answers the calls of the import job. It is safe for concurrent use.
type API struct {
	// MaxBody is the most bytes that a request may have.
	MaxBody int64
	// Forget has it keep nothing of the rows, which are then all new.
	Forget bool
	// Uploads, unless nil, answers uploads in its place.
	Uploads http.Handler

	mu       sync.Mutex
	token    string
	entries  map[string]string // source and external id → the row, in canonical form
	problems map[string]bool   // the same with code and row → recorded before
	runs     []*run            // in their order
	cursors  map[string]string // by source
	misdeeds map[Call][]Misdeed
	calls    map[Call]int
	batches  []Batch
	underway int
	widest   int // the most uploads at once
}

// Call is one of the things that can be asked for.
type Call string

// The calls.
const (
	Upload   Call = "upload"
	Cursor   Call = "cursor"
	Start    Call = "start"
	Renew    Call = "renew"
	Complete Call = "complete"
	Abort    Call = "abort"
	Look     Call = "look"
)

// Batch is one upload that was judged.
type Batch struct {
	Query  string
	Rows   int
	Bytes  int
	Digest [sha256.Size]byte // of the body
}

// New gives an API that lets in who shows token.
func New(token string) *API {
	return &API{
		MaxBody: 8 << 20, token: token, entries: map[string]string{}, problems: map[string]bool{},
		cursors: map[string]string{}, misdeeds: map[Call][]Misdeed{}, calls: map[Call]int{},
	}
}

// Token changes the token that is let in.
func (a *API) Token(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.token = token
}

// Entries gives what is kept, by source, a slash and external id.
func (a *API) Entries() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.entries)
}

// Refused gives the number of different problems that were recorded.
func (a *API) Refused() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.problems)
}

// Batches gives the uploads that were judged, in their order.
func (a *API) Batches() []Batch {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.batches)
}

// Widest gives the most uploads that were under way at once.
func (a *API) Widest() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.widest
}

// Calls gives how often something was asked for, misdeeds included.
func (a *API) Calls(call Call) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[call]
}

// callOf tells what a request asks for, and of which run or source.
func callOf(r *http.Request) (call Call, of string) {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	switch {
	case r.URL.Path == "/v1/timesheets/upload" && r.Method == http.MethodPost:
		return Upload, ""
	case path[0] == "sources" && len(path) == 2 && r.Method == http.MethodGet:
		return Cursor, path[1]
	case path[0] == "imports" && len(path) == 1 && r.Method == http.MethodPost:
		return Start, ""
	case path[0] == "imports" && len(path) == 2 && r.Method == http.MethodGet:
		return Look, path[1]
	case path[0] == "imports" && len(path) == 3 && r.Method == http.MethodPost:
		return Call(path[2]), path[1]
	}
	return "", ""
}

// ServeHTTP answers as the API does, or misbehaves as was asked for.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, of := callOf(r)
	proper := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, call, of) })
	misdeed := a.begin(call)
	defer a.end(call)
	switch {
	case misdeed != nil:
		misdeed(w, r, proper)
	case call == Upload && a.Uploads != nil:
		a.Uploads.ServeHTTP(w, r)
	default:
		proper(w, r)
	}
}

func (a *API) begin(call Call) (misdeed Misdeed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[call]++
	if call == Upload {
		a.underway++
		a.widest = max(a.widest, a.underway)
	}
	if list := a.misdeeds[call]; len(list) > 0 {
		misdeed, a.misdeeds[call] = list[0], list[1:]
	}
	return misdeed
}

func (a *API) end(call Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if call == Upload {
		a.underway--
	}
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, call Call, of string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, a.MaxBody+1))
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err != nil:
		Problem(w, http.StatusBadRequest, "bad_request", "The request was cut off.")
	case int64(len(body)) > a.MaxBody:
		Problem(w, http.StatusRequestEntityTooLarge, "body_too_large", "The body passes its limit.")
	case call == "":
		Problem(w, http.StatusNotFound, "not_found", "There is no such path.")
	case r.Header.Get("Authorization") != "Bearer "+a.token:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		Problem(w, http.StatusUnauthorized, "invalid_token", "Get a new token.")
	case len(body) > 0 && r.Header.Get("Content-Type") != "application/json":
		Problem(w, http.StatusUnsupportedMediaType, "unsupported_media_type", "Send application/json.")
	case call == Upload:
		a.upload(w, r, body)
	case call == Start:
		a.start(w, r, body)
	case call == Cursor:
		a.cursor(w, of)
	default:
		a.ofRun(w, r, call, of, body)
	}
}

// Problem answers with a problem of RFC 9457.
func Problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"/docs/problems#%s","title":%q,"status":%d,"detail":%q,"instance":"","request_id":"1","code":%q}`,
		code, http.StatusText(status), status, detail, code)
}
