package httpapi

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
)

// tagged gives the answer the entity tag of a version: strong, since If-Match
// takes no other, and a version stands for one state. A newer stamp of the same
// content, received from a tracker, shows in source_updated_at and makes none.
func tagged(c *fiber.Ctx, version int64) {
	c.Set(fiber.HeaderETag, entityTag(version))
}

func entityTag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// precondition is what the header field If-Match asks for. Its zero value,
// which stands for none, holds for every version.
type precondition struct {
	given bool
	any   bool
	tags  []string // strong entity tags, with their quotes
}

// codeBadHeader is a header field that cannot be read, or stands there twice.
const codeBadHeader = "bad_header"

// opaqueTag is an entity tag without what makes it weak (RFC 9110, section 8.8.3).
var opaqueTag = regexp.MustCompile(`^"[!#-~\x{80}-\x{10ffff}]*"`)

// readIfMatch reads If-Match by RFC 9110, section 13.1.1. Weak tags are
// remembered as nothing, since they never match.
func readIfMatch(c *fiber.Ctx) (precondition, error) {
	values := c.Request().Header.PeekAll(fiber.HeaderIfMatch)
	if len(values) == 0 {
		return precondition{}, nil
	}
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = string(value)
	}
	rest := strings.Trim(strings.Join(list, ","), " \t")
	if rest == "*" {
		return precondition{given: true, any: true}, nil
	}
	var p precondition
	for rest = strings.TrimLeft(rest, ", \t"); rest != ""; rest = strings.TrimLeft(rest, ", \t") {
		var weak bool
		rest, weak = strings.CutPrefix(rest, "W/")
		tag := opaqueTag.FindString(rest)
		rest = strings.TrimLeft(rest[len(tag):], " \t")
		if tag == "" || rest != "" && rest[0] != ',' {
			return p, malformedIfMatch()
		}
		p.given = true
		if !weak {
			p.tags = append(p.tags, tag)
		}
	}
	if !p.given {
		return p, malformedIfMatch()
	}
	return p, nil
}

func malformedIfMatch() error {
	return fault.New(fault.Malformed, codeBadHeader, `The header field If-Match is *, or entity tags in quotes such as "3".`)
}

// required is a fault.Unconditional when nothing was asked for.
func (p precondition) required() error {
	if p.given {
		return nil
	}
	return fault.New(fault.Unconditional, "if_match_required", "Say which version you have seen: send its ETag as the header field If-Match.")
}

// check is a fault.Stale when the present version is not one that was asked
// for. It has no effects, so a transaction may call it more than once.
func (p precondition) check(version int64) error { return p.checkTag(entityTag(version)) }

// checkTag is check by the present entity tag, with its quotes.
func (p precondition) checkTag(tag string) error {
	if !p.given || p.any || slices.Contains(p.tags, tag) {
		return nil
	}
	return fault.New(fault.Stale, "stale_version", "This has changed since you read it. Read it again, then decide.")
}

// expected is check for use cases, which count versions as int.
func (p precondition) expected(version int) error { return p.check(int64(version)) }

// missing is what If-Match answers when there is nothing yet (RFC 9110,
// section 13.1.1: "*" is false then).
func (p precondition) missing() error {
	return fault.New(fault.Stale, "stale_version", "There is nothing here yet. Leave If-Match out to create it.")
}
