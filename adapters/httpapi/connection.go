package httpapi

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

var errTooMuchFraming = errors.New("more bytes of chunk framing than any body needs")

// mostReceived is how many bytes one request may take on the wire, by the room
// that its body has: one in chunks of a byte each would need more, and nobody
// sends that in good faith. What is read ahead of the next request is in it.
func mostReceived(has room) int {
	if has == uploadRoom {
		return 2*maxUpload + 2*maxHeader
	}
	return 2*maxBody + 2*maxHeader
}

// connection is what fasthttp reads requests from and writes answers to. It
// adds what fasthttp 1.51 lacks: it knows what room a request's body has, so
// that few large ones are held at a time; it tells a broken request from a
// finished one; it gives every write its own deadline; and a client that was refused in
// the middle of sending gets to read why.
//
// All methods but Close are called by the connection's own goroutine.
type connection struct {
	net.Conn
	owner *listener

	active   bool  // a request has begun
	heard    bool  // anything was ever received
	received int   // bytes since the request before this one ended
	timers   int   // read deadlines set since the request began
	readErr  error // why the request cannot be read to its end

	room   atomic.Int32 // of owner.rooms, that is ours
	linger atomic.Int64 // for how long the client may still be sending, a time.Duration
	closed atomic.Bool
}

// Read counts. An end of input in the middle of a request is an
// io.ErrUnexpectedEOF, since fasthttp passes over the other in silence. Errors
// of our own come without bytes: fasthttp does not look at one that has some.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received += n
	c.heard = c.heard || n > 0
	switch {
	case errors.Is(err, io.EOF) && c.active && c.heard:
		err = io.ErrUnexpectedEOF
	case err != nil:
	case c.received > mostReceived(room(c.room.Load())):
		n, err = 0, errTooMuchFraming
	}
	if err != nil && c.active {
		c.readErr = err
	}
	return n, err
}

// hold takes room for the request's body in place of what it has, unless that
// is as much; false when there is none left.
func (c *connection) hold(which room) bool {
	if room(c.room.Load()) >= which {
		return true
	}
	if !c.owner.rooms.take(which) {
		return false
	}
	c.has(which)
	return true
}

// has makes room that was taken the connection's, in place of what it has.
func (c *connection) has(taken room) {
	c.owner.rooms.giveBack(room(c.room.Swap(int32(taken))))
	if c.closed.Load() {
		c.hasNone()
	}
}

func (c *connection) hasNone() {
	c.owner.rooms.giveBack(room(c.room.Swap(int32(noRoom))))
}

// Write renews the deadline for each write, so that a reader may be slow and
// never stop: an export lasts longer than any of its parts.
func (c *connection) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(c.owner.now().Add(c.owner.limits.WriteTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// SetReadDeadline also learns what room was taken for the body that it is about.
// It is silent about a connection that shutdown has closed:
// fasthttp panics where it cannot set a deadline, and the next read will tell.
func (c *connection) SetReadDeadline(t time.Time) error {
	c.timers++
	taken, t := roomIn(t)
	if taken != noRoom {
		c.has(taken)
	}
	if err := c.Conn.SetReadDeadline(t); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// headerRead tells whether the present request's header is complete. fasthttp
// sets one read deadline for the header and then one for the body, the latter
// because headerReceived always asks for it.
func (c *connection) headerRead() bool { return c.timers > 1 }

// lingers makes Close wait for the client to read the answer, for a time at most:
// a connection that is closed while its client sends is reset, and the answer
// with it.
func (c *connection) lingers(most time.Duration) { c.linger.Store(int64(most)) }

// Close gives back what the connection holds.
func (c *connection) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.hasNone()
	if most := time.Duration(c.linger.Load()); most > 0 {
		c.drain(most)
	}
	c.owner.forget(c)
	return c.Conn.Close()
}

// drain says that nothing more will be sent, and throws away what the client
// sends until it closes, for so long or an upload's size at most.
func (c *connection) drain(most time.Duration) {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.Conn.SetReadDeadline(c.owner.now().Add(most)) == nil {
		_, _ = io.CopyN(io.Discard, c.Conn, maxUpload)
	}
}

// stateChanged is fasthttp's ConnState hook.
func stateChanged(conn net.Conn, state fasthttp.ConnState) {
	c, ok := conn.(*connection)
	if !ok {
		return
	}
	switch state {
	case fasthttp.StateActive:
		c.active, c.timers = true, 0
	case fasthttp.StateIdle:
		c.active, c.received = false, 0
		c.hasNone()
	case fasthttp.StateNew, fasthttp.StateHijacked, fasthttp.StateClosed:
	}
}
