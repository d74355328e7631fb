package httpapi

import (
	"mime"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
)

// negotiable is nil when Accept allows one of the offers, and then says in the
// answer that it depends on Accept, if it does.
func negotiable(c *fiber.Ctx, offers []string) error {
	if len(offers) > 1 {
		c.Vary(fiber.HeaderAccept)
	}
	if preferred(c, offers) != "" {
		return nil
	}
	return refusal{fiber.StatusNotAcceptable, fault.New(fault.Malformed, "not_acceptable",
		"This can be answered as %s only. Ask for it with the header field Accept.", strings.Join(offers, " or "))}
}

// preferred is the offer that Accept likes best, the first when it does not
// say, "" when it allows none (RFC 9110, section 12.5.1). A range that is more
// specific decides about an offer before one that is less.
func preferred(c *fiber.Ctx, offers []string) string {
	accept := make([]string, 0, 1)
	for _, value := range c.Request().Header.PeekAll(fiber.HeaderAccept) {
		accept = append(accept, string(value))
	}
	ranges := parseAccept(strings.Join(accept, ","))
	best, bestQuality := "", 0.0
	for _, offer := range offers {
		if q := quality(ranges, offer); q > bestQuality {
			best, bestQuality = offer, q
		}
	}
	return best
}

// mediaRange is one element of Accept, its parameters but q ignored.
type mediaRange struct {
	kind    string // text/csv, text/*, */*
	quality float64
}

func parseAccept(accept string) []mediaRange {
	var ranges []mediaRange
	for element := range strings.SplitSeq(accept, ",") {
		kind, parameters, _ := strings.Cut(element, ";")
		if kind = strings.ToLower(strings.TrimSpace(kind)); kind == "" {
			continue
		}
		ranges = append(ranges, mediaRange{kind, qualityOf(parameters)})
	}
	if len(ranges) == 0 {
		return []mediaRange{{"*/*", 1}}
	}
	return ranges
}

// qualityOf reads q, 0 to 1 with up to three decimals. What is not that is 1:
// a client that asks oddly still asks.
func qualityOf(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if !strings.EqualFold(name, "q") || len(value) > 5 {
			continue
		}
		whole, decimals, _ := strings.Cut(value, ".")
		if whole == "0" && strings.Trim(decimals, "0123456789") == "" {
			q, scale := 0.0, 0.1
			for _, digit := range decimals {
				q += float64(digit-'0') * scale
				scale /= 10
			}
			return q
		}
	}
	return 1
}

func quality(ranges []mediaRange, offer string) float64 {
	major, _, _ := strings.Cut(offer, "/")
	q, specificity := 0.0, 0
	for _, r := range ranges {
		is := 0
		switch r.kind {
		case offer:
			is = 3
		case major + "/*":
			is = 2
		case "*/*":
			is = 1
		}
		if is > specificity {
			q, specificity = r.quality, is
		}
	}
	return q
}

// contentType is nil when the body is said to be one of the types, in UTF-8.
func contentType(c *fiber.Ctx, types ...string) error {
	if slices.Contains(types, mediaType(c)) {
		return nil
	}
	return refusal{fiber.StatusUnsupportedMediaType, fault.New(fault.Malformed, "unsupported_media_type",
		"Send %s, in UTF-8, with the header field Content-Type.", strings.Join(types, " or "))}
}

// mediaType is what Content-Type says, in lower case and without parameters;
// "" when it says nothing, something broken or another charset than UTF-8.
func mediaType(c *fiber.Ctx) string {
	said, parameters, err := mime.ParseMediaType(string(c.Request().Header.ContentType()))
	if charset, named := parameters["charset"]; err != nil || named && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	return said
}
