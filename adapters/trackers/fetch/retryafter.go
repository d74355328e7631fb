package fetch

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// furthest is the longest wait that a header can ask for: more is more than
// any run lasts.
const furthest = 366 * 24 * time.Hour

// retryAfter reads the header Retry-After, seconds or an HTTP date (RFC 9110,
// section 10.2.3); 0 when there is none or none that can be read.
func (c *Client) retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	// What is out of range is the largest number.
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(furthest/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(c.now()), 0), furthest)
	}
	return 0
}
