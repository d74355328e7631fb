package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
)

// answer sends v as JSON. The memory of the answer is freed with it: a
// connection keeps only what fasthttp copies for it.
func answer(c *fiber.Ctx, status int, v any) error {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	c.Status(status).Set(fiber.HeaderContentType, typeJSON)
	c.Response().SetBodyRaw(body)
	return nil
}

// answerNothing sends 204.
func answerNothing(c *fiber.Ctx) error {
	c.Status(fiber.StatusNoContent)
	return nil
}

// located names the new thing's address in the answer; path is below /v1 and
// begins with a slash, its parts escaped by url.PathEscape.
func located(c *fiber.Ctx, path string) {
	c.Set(fiber.HeaderLocation, address(c, base+path))
}

// address is path as clients have to ask for it: behind the prefix that the
// public URL may have.
func address(c *fiber.Ctx, path string) string {
	return exchangeOf(c).server.prefix + path
}

// pathParam is the parameter name of the operation's path, unescaped. One that
// is not UTF-8, or has a NUL, names nothing.
func pathParam(c *fiber.Ctx, name string) (string, error) {
	value, err := url.PathUnescape(c.Params(name))
	if err != nil || !utf8.ValidString(value) || value == "" || strings.ContainsRune(value, 0) {
		return "", fault.New(fault.NotFound, "not_found", "There is nothing with this name.")
	}
	return value, nil
}
