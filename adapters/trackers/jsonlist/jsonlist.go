// Package jsonlist reads a JSON array that someone else wrote, one element at
// a time, whatever its length.
//
// What breaks the array (a cut answer, an HTML page, trailing text) ends the
// reading with an error; what is wrong inside of one element stays with that
// element.
package jsonlist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxElement bounds one element of an array, in bytes.
const MaxElement = 16 << 20

// ErrTooLarge is for an element of more than MaxElement bytes.
var ErrTooLarge = errors.New("an element of the array is too large")

// Elements gives the elements of the one array in r, each as valid JSON that
// holds until the next one is asked for. After an error comes nothing more;
// errors name the byte and the element, from 1, at which the text is wrong.
func Elements(r io.Reader) iter.Seq2[jsontext.Value, error] {
	return func(yield func(jsontext.Value, error) bool) {
		source := &ration{r: r, left: MaxElement}
		// What an element may not hold is for its reader to refuse.
		decoder := jsontext.NewDecoder(source, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		fail := func(err error) { yield(nil, fmt.Errorf("byte %d: %w", decoder.InputOffset(), err)) }
		if kind := decoder.PeekKind(); kind != '[' {
			if _, err := decoder.ReadToken(); err != nil {
				fail(cut(err))
			} else {
				fail(errors.New("this is no JSON array"))
			}
			return
		}
		if _, err := decoder.ReadToken(); err != nil {
			fail(cut(err))
			return
		}
		for n := 1; decoder.PeekKind() != ']'; n++ {
			source.left = MaxElement
			value, err := decoder.ReadValue()
			if err != nil {
				fail(fmt.Errorf("element %d: %w", n, cut(err)))
				return
			}
			if !yield(mend(value), nil) {
				return
			}
		}
		if _, err := decoder.ReadToken(); err != nil {
			fail(cut(err))
			return
		}
		if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
			fail(errors.New("there is text after the end of the array"))
		}
	}
}

// cut says what an unexpected end means to a person.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the text ends too early: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// ration lets left bytes through until it is raised again, so that no element
// fills the memory.
type ration struct {
	r    io.Reader
	left int
}

func (r *ration) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := r.r.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// escapedNUL is NUL as JSON writes it.
var escapedNUL = []byte(`\u0000`)

// mend gives an element in which whatever is no character, a byte that is not
// UTF-8 or half of a surrogate pair, is NUL instead. The API refuses text with
// NUL, so the entry is kept and shown as refused; a replacement character
// would be stored as if someone had typed it.
func mend(value jsontext.Value) jsontext.Value {
	if value.IsValid(jsontext.AllowDuplicateNames(true)) {
		return value
	}
	var mended bytes.Buffer
	for rest := []byte(value); len(rest) > 0; {
		good, bad := character(rest)
		mended.Write(rest[:good])
		if bad > 0 {
			mended.Write(escapedNUL)
		}
		rest = rest[good+bad:]
	}
	return mended.Bytes()
}
