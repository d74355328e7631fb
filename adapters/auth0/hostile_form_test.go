package auth0_test

import (
	"encoding/base64"
	"strings"

	"timesheets/adapters/auth0"
)

func hostileForms() []hostile {
	lineBreak := func(at int, char string) forge {
		return parts(func(h, c, s *string) {
			p := []*string{h, c, s}[at]
			*p = (*p)[:8] + char + (*p)[8:]
		})
	}
	return []hostile{
		{"the empty string", text(func(string) string { return "" }), auth0.Malformed},
		{"a word", text(func(string) string { return "token" }), auth0.Malformed},
		{"one dot", text(func(string) string { return "." }), auth0.Malformed},
		{"two dots", text(func(string) string { return ".." }), auth0.Malformed},
		{"three dots", text(func(string) string { return "..." }), auth0.Malformed},
		{"4,000 dots", text(func(string) string { return strings.Repeat(".", 4000) }), auth0.Malformed},
		{"two parts", text(func(g string) string { return g[:strings.LastIndex(g, ".")] }), auth0.Malformed},
		{"four parts", text(func(g string) string { return g + ".e30" }), auth0.Malformed},
		{"a dot at the end", text(func(g string) string { return g + "." }), auth0.Malformed},
		{"a dot at the start", text(func(g string) string { return "." + g }), auth0.Malformed},
		{"five parts, as an encrypted token has", text(func(g string) string { return g + ".e30.e30" }), auth0.Encrypted},
		{"six parts", text(func(g string) string { return g + ".a.b.c" }), auth0.Malformed},
		{"an encrypted token with an empty key", text(func(string) string { return "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn" }), auth0.Encrypted},

		{"no header", parts(func(h, _, _ *string) { *h = "" }), auth0.Malformed},
		{"no claims", parts(func(_, c, _ *string) { *c = "" }), auth0.Malformed},
		{"no signature", parts(func(_, _, s *string) { *s = "" }), auth0.Malformed},

		{"padding after the header", parts(func(h, _, _ *string) { *h += "=" }), auth0.Malformed},
		{"padding after the claims", parts(func(_, c, _ *string) { *c += "==" }), auth0.Malformed},
		{"padding after the signature", parts(func(_, _, s *string) { *s += "==" }), auth0.Malformed},
		{"a line feed in the header", lineBreak(0, "\n"), auth0.Malformed},
		{"a line feed in the claims", lineBreak(1, "\n"), auth0.Malformed},
		{"a line feed in the signature", lineBreak(2, "\n"), auth0.Malformed},
		{"a carriage return in the header", lineBreak(0, "\r"), auth0.Malformed},
		{"a carriage return in the claims", lineBreak(1, "\r\n"), auth0.Malformed},
		{"a carriage return in the signature", lineBreak(2, "\r"), auth0.Malformed},
		{"a blank in the claims", lineBreak(1, " "), auth0.Malformed},
		{"a tab in the signature", lineBreak(2, "\t"), auth0.Malformed},
		{"a zero byte in the signature", lineBreak(2, "\x00"), auth0.Malformed},
		{"a letter that is not ASCII in the claims", lineBreak(1, "\u0435"), auth0.Malformed},
		{"a byte that is not UTF-8 in the claims", lineBreak(1, "\xff"), auth0.Malformed},
		{"a percent sign in the header", lineBreak(0, "%2E"), auth0.Malformed},
		{"the other base64 alphabet, plus", lineBreak(2, "+"), auth0.Malformed},
		{"the other base64 alphabet, slash", lineBreak(2, "/"), auth0.Malformed},
		{"a blank before", text(func(g string) string { return " " + g }), auth0.Malformed},
		{"a blank behind", text(func(g string) string { return g + " " }), auth0.Malformed},
		{"a line feed behind", text(func(g string) string { return g + "\n" }), auth0.Malformed},
		{"the scheme before", text(func(g string) string { return "Bearer " + g }), auth0.Malformed},
		{"quotes around", text(func(g string) string { return `"` + g + `"` }), auth0.Malformed},
		{"two tokens", text(func(g string) string { return g + "," + g }), auth0.Malformed},
		{"the JSON serialization", text(func(g string) string {
			p := strings.Split(g, ".")
			return `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`
		}), auth0.Malformed},

		{"bits left over in the header", spareBits(0), auth0.Malformed},
		{"bits left over in the claims", spareBits(1), auth0.Malformed},
		{"bits left over in the signature", spareBits(2), auth0.Malformed},
		{"one character too many in the signature", parts(func(_, _, s *string) { *s += "AAA" }), auth0.Malformed},
		{"claims of a length that base64 does not have", parts(func(_, c, _ *string) { *c = strings.Repeat("A", 5) }), auth0.Malformed},
		{"the claims in base64 twice", func(w *world) string {
			return w.SignText(jsonOf(w.Header()), base64.RawURLEncoding.EncodeToString([]byte(jsonOf(goodClaims(w)))))
		}, auth0.BadClaims},

		{"one byte too long", func(w *world) string {
			short := claims(j{"padding": ""})(w)
			return claims(j{"padding": strings.Repeat("x", (auth0.MaxTokenLength-len(short))*3/4+2)})(w)
		}, auth0.TooLong},
		{"a megabyte", text(func(g string) string { return g + strings.Repeat("A", 1<<20) }), auth0.TooLong},
		{"a megabyte of dots", text(func(string) string { return strings.Repeat(".", 1<<20) }), auth0.TooLong},
	}
}

// spareBits is a token in which the last character of one part is another that
// decodes to the same bytes for a lenient decoder.
func spareBits(part int) forge {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return func(w *world) string {
		for padding := ""; ; padding += "x" {
			h := w.Header()
			h["padding"] = padding
			c := goodClaims(w)
			c["padding"] = padding
			p := strings.Split(w.Sign(h, c), ".")
			if len(p[part])%4 == 0 {
				continue // no bits to spare at this length
			}
			last := strings.IndexByte(alphabet, p[part][len(p[part])-1])
			p[part] = p[part][:len(p[part])-1] + alphabet[last|1:last|1+1]
			return strings.Join(p, ".")
		}
	}
}
