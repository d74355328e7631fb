package httpapi

import (
	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
)

// idempotencyKey is the header field Idempotency-Key: 1 to 255 visible ASCII
// characters, byte for byte; "" when there is none.
func idempotencyKey(c *fiber.Ctx) (string, error) {
	values := c.Request().Header.PeekAll("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := string(values[0])
	good := len(values) == 1 && key != "" && len(key) <= 255
	for _, b := range []byte(key) {
		good = good && b > ' ' && b < 0x7f
	}
	if !good {
		return "", fault.New(fault.Malformed, codeBadHeader, "The header field Idempotency-Key is there once, with 1 to 255 visible ASCII characters.")
	}
	return key, nil
}
