package timesheet

import (
	"math/big"
	"strconv"
	"strings"

	"timesheets/domain/fault"
)

// SecondsADay is the most that a worker can log for one day.
const SecondsADay = 24 * 3600

// Duration is time worked on one day, in whole seconds, from 1 to 86,400. The
// zero value is "no time" and is never stored.
type Duration struct{ seconds int32 }

// DurationFromSeconds takes 1 to 86,400 seconds.
func DurationFromSeconds(s int64) (Duration, error) {
	if s < 1 || s > SecondsADay {
		return Duration{}, fault.New(fault.Invalid, "out_of_range", "A duration goes from 1 second to 24 hours (86400 seconds).")
	}
	return Duration{int32(s)}, nil
}

// maxDecimal bounds the text of a number of hours: 64 characters are more
// than any clock needs and cost nothing to read exactly.
const maxDecimal = 64

// DurationFromHours reads a decimal number of hours, as JSON writes numbers
// ("7.5", "7.33", "1e0"), exactly, and rounds half up to the second. More than
// 0 and at most 24 hours.
func DurationFromHours(decimal string) (Duration, error) {
	if len(decimal) == 0 || len(decimal) > maxDecimal || !isDecimal(decimal) {
		return Duration{}, fault.New(fault.Invalid, "not_a_number", "Write the hours as a decimal number with a point, such as 7.5.")
	}
	if d, ok := everyday(decimal); ok {
		return d, nil
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(decimal), "e"); ok {
		// Far exponents make big.Rat write out as many digits.
		if e, err := strconv.Atoi(exponent); err != nil || e > 2*maxDecimal || e < -2*maxDecimal {
			return Duration{}, fault.New(fault.Invalid, "out_of_range", "Hours are more than 0 and at most 24.")
		}
	}
	hours, ok := new(big.Rat).SetString(decimal)
	if !ok {
		return Duration{}, fault.New(fault.Invalid, "not_a_number", "Write the hours as a decimal number with a point, such as 7.5.")
	}
	seconds := hours.Mul(hours, big.NewRat(3600, 1))
	if seconds.Sign() <= 0 || seconds.Cmp(big.NewRat(SecondsADay, 1)) > 0 {
		return Duration{}, fault.New(fault.Invalid, "out_of_range", "Hours are more than 0 and at most 24.")
	}
	// floor(seconds + 1/2)
	half := seconds.Add(seconds, big.NewRat(1, 2))
	whole := new(big.Int).Quo(half.Num(), half.Denom()).Int64()
	if whole == 0 {
		return Duration{}, fault.New(fault.Invalid, "out_of_range", "This rounds to no time at all: the shortest duration is one second.")
	}
	return DurationFromSeconds(whole)
}

// everyday reads, exactly as DurationFromHours does and without its big
// numbers, what nearly everybody sends: up to 15 digits and no sign or
// exponent. Not ok is anything else, durations that are out of range included.
func everyday(decimal string) (d Duration, ok bool) {
	const digits = 15 // 7200 times as much still fits an int64
	if len(decimal) > digits+1 {
		return Duration{}, false
	}
	units, unit, point := int64(0), int64(1), false // hours are units/unit
	for i := range len(decimal) {
		switch c := decimal[i]; {
		case c == '.':
			point = true
			continue
		case c < '0' || c > '9':
			return Duration{}, false
		default:
			units = 10*units + int64(c-'0')
		}
		if point {
			unit *= 10
		}
	}
	if units >= 1e15 || units*3600 > SecondsADay*unit {
		return Duration{}, false
	}
	seconds := (units*7200 + unit) / (2 * unit) // floor(seconds + 1/2)
	return Duration{int32(seconds)}, seconds > 0
}

// isDecimal tells whether s has the form of a JSON number (RFC 8259, section 6).
func isDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	digits := func() int {
		n := 0
		for len(s) > n && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n
	}
	zero := strings.HasPrefix(s, "0")
	if n := digits(); n == 0 || zero && n > 1 {
		return false
	}
	if strings.HasPrefix(s, ".") {
		s = s[1:]
		if digits() == 0 {
			return false
		}
	}
	if len(s) > 0 && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return s == ""
}

// Seconds gives the whole seconds.
func (d Duration) Seconds() int { return int(d.seconds) }

// Hours gives the decimal hours with at most 4 digits after the point and no
// trailing zeros, which read back to the same seconds.
func (d Duration) Hours() string { return Hours(int64(d.seconds)) }

// Hours writes any number of seconds, sums included, as Duration.Hours does.
func Hours(seconds int64) string {
	sign := ""
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	// Rounding to 1/10000 h = 0.36 s is off by 0.18 s at most: less than the
	// half second that would read back as another number.
	tenThousandths := (seconds*10000 + 1800) / 3600
	s := sign + strconv.FormatInt(tenThousandths/10000, 10)
	if rest := tenThousandths % 10000; rest != 0 {
		s += "." + strings.TrimRight(strconv.FormatInt(10000+rest, 10)[1:], "0")
	}
	return s
}
