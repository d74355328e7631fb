package auth0

import (
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// lastSecond is the end of the year 9999, the last instant that RFC 3339 can
// write: in seconds since 1970. No honest token lives as long.
const lastSecond = 253402300799

// numericDate reads a NumericDate (RFC 7519, section 2): a JSON number of
// seconds since 1970, whole or not. What lies before 1970 or after the year
// 9999 is refused here, in floating point, before it could turn into another
// instant as an integer.
func numericDate(written string) (*jwt.NumericDate, error) {
	seconds, err := strconv.ParseFloat(written, 64)
	if err != nil || !(0 <= seconds && seconds <= lastSecond) {
		return nil, errNotStrict
	}
	whole := int64(seconds)
	nanos := int64((seconds - float64(whole)) * 1e9)
	return &jwt.NumericDate{Time: time.Unix(whole, nanos)}, nil
}
