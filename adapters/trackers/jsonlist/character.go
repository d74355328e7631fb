package jsonlist

import (
	"strconv"
	"unicode/utf8"
)

// character reads what stands first in JSON text: good bytes to keep, or bad
// ones that stand for no character.
func character(text []byte) (good, bad int) {
	if text[0] >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			return 0, 1
		}
		return size, 0
	}
	if text[0] != '\\' {
		return 1, 0
	}
	first, ok := escape(text)
	switch {
	case !ok:
		return min(2, len(text)), 0 // \n, \\, \" …
	case first < 0xd800 || first > 0xdfff:
		return 6, 0
	}
	// RFC 8259, section 7: beyond the BMP a character is two escapes, the first
	// of them D800 to DBFF, the second DC00 to DFFF.
	if second, ok := escape(text[6:]); ok && first < 0xdc00 && second >= 0xdc00 && second <= 0xdfff {
		return 12, 0
	}
	return 0, 6
}

// escape reads \uXXXX.
func escape(text []byte) (code uint64, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	code, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return code, err == nil
}
