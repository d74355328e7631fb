package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
)

// Pages of lists.
const (
	defaultPage = 100  // elements
	maxPage     = 500  // elements
	maxCursor   = 4096 // bytes, as it stands in the query: room for a user_id of 255 escaped characters
)

// selection is what a request's query selects of a list. Its parameters are
// those that the operation knows, each at most once.
type selection struct {
	path   string // as clients ask for it
	list   string // the path without what the public URL puts before it
	values map[string]string
}

// readSelection reads the query, which may have the parameters names. Another
// one is refused: a mistyped filter would silently select everything.
func readSelection(c *fiber.Ctx, names ...string) (selection, error) {
	path := exchangeOf(c).path
	sel := selection{path: address(c, path), list: path, values: map[string]string{}}
	query, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	if err != nil {
		return sel, fault.New(fault.Malformed, codeBadRequest, "The query cannot be read. Percent-encode its values.")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch values := query[name]; {
		case !utf8.ValidString(name):
			return sel, fault.InField("", "not_utf8", "A parameter's name is not text in UTF-8.")
		case !slices.Contains(names, name):
			return sel, fault.InField("/"+escapePointer(name), "unknown_member", "There is no such parameter here. Known are: %s.", strings.Join(names, ", "))
		case len(values) > 1:
			return sel, fault.InField("/"+name, "too_many", "Give the parameter %s once.", name)
		case !utf8.ValidString(values[0]):
			return sel, fault.InField("/"+name, "not_utf8", "The parameter %s is not text in UTF-8.", name)
		case strings.ContainsRune(values[0], 0):
			return sel, fault.InField("/"+name, "nul", "The parameter %s has the character NUL.", name)
		default:
			sel.values[name] = values[0]
		}
	}
	return sel, nil
}

// get is the value of the parameter name, "" when it is not given.
func (sel selection) get(name string) string { return sel.values[name] }

// has tells an empty parameter from none.
func (sel selection) has(name string) bool {
	_, given := sel.values[name]
	return given
}

// checkText refuses an empty parameter, and one of more characters than what it
// is compared with can have.
func (sel selection) checkText(name string, longest int) error {
	switch value := sel.get(name); {
	case sel.has(name) && value == "":
		return fault.InField("/"+name, "required", "Give the parameter %s a value, or leave it out.", name)
	case utf8.RuneCountInString(value) > longest:
		return fault.InField("/"+name, "length", "The parameter %s has at most %d characters.", name, longest)
	}
	return nil
}

// flag is the value of a parameter that is true or false.
func (sel selection) flag(name string, otherwise bool) (bool, error) {
	switch value := sel.values[name]; {
	case !sel.has(name):
		return otherwise, nil
	case value == "true", value == "false":
		return value == "true", nil
	}
	return false, fault.InField("/"+name, "wrong_type", "The parameter %s is true or false.", name)
}

// limit is how many elements a page may have.
func (sel selection) limit() (int, error) {
	if !sel.has("limit") {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(sel.values["limit"])
	if err != nil || n < 1 || n > maxPage {
		return 0, fault.InField("/limit", "out_of_range", "The parameter limit is a whole number from 1 to %d.", maxPage)
	}
	return n, nil
}

// asked is what a request wants of a list: which page of which selection. K is
// what the list is sorted by.
type asked[K any] struct {
	selection
	limit int
	after *K // the key of the last element of the page before; nil for the first page
}

// readList reads the query of a list that has the given filters.
func readList[K any](c *fiber.Ctx, filters ...string) (a asked[K], err error) {
	if a.selection, err = readSelection(c, append(filters, "limit", "cursor")...); err != nil {
		return a, err
	}
	if a.limit, err = a.selection.limit(); err != nil {
		return a, err
	}
	a.after, err = readCursor[K](a.selection)
	return a, err
}

// readCursor is the key of the last element of the page before; nil for the
// first page. K is what a list is sorted by, as a struct with json tags.
// A cursor proves nothing: a client may make one, and gets what its filters
// and its token allow. It belongs to the filters that it was made for, else it
// is a fault.Malformed (cursor_mismatch).
func readCursor[K any](sel selection) (*K, error) {
	if !sel.has("cursor") {
		return nil, nil
	}
	broken := fault.New(fault.Malformed, "cursor_mismatch", "The cursor is not one that was given out here. Begin with the first page.")
	sent := sel.values["cursor"]
	raw, err := base64.RawURLEncoding.DecodeString(sent)
	if err != nil || len(sent) > maxCursor {
		return nil, broken
	}
	digest := sel.digest()
	if len(raw) < len(digest) {
		return nil, broken
	}
	var last K
	if err := json.Unmarshal(raw[len(digest):], &last, json.RejectUnknownMembers(true)); err != nil {
		return nil, broken
	}
	if string(raw[:len(digest)]) != digest {
		return nil, fault.New(fault.Malformed, "cursor_mismatch", "The cursor belongs to other filters. Follow the link as it is, or begin with the first page.")
	}
	return &last, nil
}

func malformedCursor() error {
	return fault.New(fault.Malformed, "malformed_cursor", "The cursor is not one that was given out here. Begin with the first page.")
}

// linkNext says in the answer where the next page is, which begins after last.
func linkNext[K any](c *fiber.Ctx, sel selection, last K) error {
	cursor, err := sel.cursorAt(last)
	if err != nil {
		return err
	}
	query := url.Values{}
	for name, value := range sel.values {
		query.Set(name, value)
	}
	query.Set("cursor", cursor)
	c.Append(fiber.HeaderLink, "<"+sel.path+"?"+query.Encode()+`>; rel="next"`)
	return nil
}

// cursorAt is the cursor of the page that begins after last, which is what the
// list is sorted by, as a struct with json tags.
func (sel selection) cursorAt(last any) (string, error) {
	key, err := json.Marshal(last)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append([]byte(sel.digest()), key...)), nil
}

// digest tells selections apart: the list and all parameters but those that
// page through it. A cursor outlives a change of the public URL. Eight bytes are enough, since nothing is gained by a
// collision.
func (sel selection) digest() string {
	filters := url.Values{}
	for name, value := range sel.values {
		if name != "cursor" && name != "limit" {
			filters.Set(name, value)
		}
	}
	digest := sha256.Sum256([]byte(sel.list + "?" + filters.Encode()))
	return string(digest[:8])
}
