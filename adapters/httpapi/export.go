package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
)

var errReaderGone = errors.New("the client stopped reading")

// nextPage gives the next part of an export; io.EOF, alone or with the last
// part, ends it. It is called in turn, by one goroutine, with a context that
// ends with RequestDeadline, so that each part can be a query of its own and a
// slow reader holds nothing in between.
type nextPage func(ctx context.Context) ([]byte, error)

// exportPages answers with all that next gives, however long. The first part is
// fetched before anything is sent, so an export that cannot begin is a problem
// like any other; one that breaks later closes its connection without the last
// chunk, so that it never looks whole.
func exportPages(c *fiber.Ctx, mediaType string, next nextPage) error {
	x := exchangeOf(c)
	if !c.Context().Request.Header.IsHTTP11() {
		return fault.New(fault.Malformed, codeBadRequest, "An export needs HTTP/1.1: without it, a cut one would look whole.")
	}
	ctx, cancel := context.WithTimeout(x.within(x.server.life), x.server.config.Limits.ExportDeadline)
	e := &export{ctx: ctx, cancel: cancel, next: next, x: x}
	if err := e.fetch(); err != nil {
		cancel()
		return err
	}
	c.Set(fiber.HeaderContentType, mediaType)
	if x.method == fiber.MethodHead {
		// Given a stream, fasthttp would write the end of the chunks that it
		// leaves out, in front of the connection's next answer.
		cancel()
		c.Response().Header.SetContentLength(-1)
		return nil
	}
	x.export = e
	c.Context().SetBodyStream(e, -1)
	return nil
}

// export is an answer that goes on after its handler; fasthttp reads it.
type export struct {
	ctx    context.Context
	cancel context.CancelFunc
	next   nextPage
	x      *exchange
	page   []byte
	last   bool // page is the last one
	sent   int  // bytes
	ended  func(sent int)
}

// Read gives what is left of the page, or the next one. A panic must not get
// past it: fasthttp would catch it and never call Close.
func (e *export) Read(p []byte) (n int, err error) {
	for len(e.page) == 0 {
		if e.last {
			return 0, io.EOF
		}
		if err := e.fetch(); err != nil {
			return 0, e.cut(err)
		}
	}
	if err := e.ctx.Err(); err != nil { // a slow reader takes long over one page
		return 0, e.cut(err)
	}
	n = copy(p, e.page)
	e.page = e.page[n:]
	e.sent += n
	return n, nil
}

// cut says why the export breaks off.
func (e *export) cut(err error) error {
	e.x.err, e.x.code = err, "export_cut"
	return err
}

func (e *export) fetch() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in an export: %v\n%s", p, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(e.ctx, e.x.server.config.Limits.RequestDeadline)
	defer cancel()
	page, err := e.next(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	e.page, e.last = page, err != nil
	return nil
}

// Close ends the export, whole or not. fasthttp calls it once.
func (e *export) Close() error {
	e.cancel()
	whole := e.last && len(e.page) == 0
	if !whole && e.x.err == nil {
		_ = e.cut(errReaderGone) // nobody is left who reads it
	}
	if e.ended != nil {
		e.ended(e.sent)
	}
	return nil
}

// cut tells whether the answer broke off after its status was sent.
func (x *exchange) cut() bool { return x.export != nil && x.err != nil }
