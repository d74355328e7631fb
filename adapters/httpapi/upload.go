package httpapi

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"

	"timesheets/domain/fault"
)

// uploadBody is the body of an upload, unpacked if it came as gzip, and what
// kind it is: typeJSON or typeNDJSON. It is never longer than maxUpload, and
// is valid until the handler returns. The memory that unpacking takes is
// bounded by the reader, not by what the client claims.
func uploadBody(c *fiber.Ctx) (body []byte, kind string, err error) {
	if err := contentType(c, typeJSON, typeNDJSON); err != nil {
		return nil, "", err
	}
	body, kind = c.Request().Body(), mediaType(c)
	switch codings := contentCodings(c); {
	case len(codings) == 0:
		return body, kind, nil
	case len(codings) > 1 || codings[0] != "gzip":
		c.Set(fiber.HeaderAcceptEncoding, "gzip")
		return nil, "", refusal{fiber.StatusUnsupportedMediaType, fault.New(fault.Malformed, "unsupported_media_type",
			"An upload comes as it is or as gzip, once. Send it with Content-Encoding: gzip, or without.")}
	}
	if !c.Context().Conn().(*connection).hold(uploadRoom) { // however short it is, it may unpack to a large body
		return nil, "", overloaded()
	}
	body, err = gunzip(body)
	return body, kind, err
}

// gunzip unpacks at most maxUpload bytes, with twice their memory at most.
func gunzip(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, brokenGzip(err)
	}
	defer reader.Close()
	unpacked := make([]byte, 0, min(8*len(packed)+1, maxUpload+1))
	for {
		n, err := reader.Read(unpacked[len(unpacked):cap(unpacked)])
		unpacked = unpacked[:len(unpacked)+n]
		switch {
		case len(unpacked) > maxUpload:
			return nil, fault.New(fault.TooLarge, "body_too_large", "An upload has at most %d MiB, unpacked. Send it in parts.", maxUpload>>20)
		case errors.Is(err, io.EOF):
			return unpacked, nil
		case err != nil:
			return nil, brokenGzip(err)
		case len(unpacked) == cap(unpacked):
			larger := make([]byte, len(unpacked), min(2*cap(unpacked), maxUpload+1))
			copy(larger, unpacked)
			unpacked = larger
		}
	}
}

func brokenGzip(err error) error {
	text := "The body is not gzip, as Content-Encoding says it is."
	if errors.Is(err, io.ErrUnexpectedEOF) {
		text = "The gzip body ends too early. Send it again."
	}
	return fault.Wrap(err, fault.Malformed, codeBadRequest, "%s", text)
}

// uncompressed is nil when the body is not encoded: only uploads may be.
func uncompressed(c *fiber.Ctx) error {
	if len(contentCodings(c)) == 0 {
		return nil
	}
	c.Set(fiber.HeaderAcceptEncoding, "identity")
	return refusal{fiber.StatusUnsupportedMediaType, fault.New(fault.Malformed, "unsupported_media_type",
		"A body cannot be compressed here, only an upload can. Send it without Content-Encoding.")}
}

// contentCodings are the body's codings in lower case, in the order in which
// they were applied, without identity (RFC 9110, section 8.4).
func contentCodings(c *fiber.Ctx) []string {
	var codings []string
	for _, value := range c.Request().Header.PeekAll(fiber.HeaderContentEncoding) {
		for coding := range strings.SplitSeq(strings.ToLower(string(value)), ",") {
			if coding = strings.TrimSpace(coding); coding != "" && coding != "identity" {
				codings = append(codings, coding)
			}
		}
	}
	return codings
}
