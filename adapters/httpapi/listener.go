package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// listener accepts as many connections as Limits allows. What comes beyond is
// told so and closed, and what cannot be accepted (no file descriptors left)
// is tried again, since fasthttp would stop serving.
type listener struct {
	net.Listener
	limits Limits
	now    func() time.Time
	log    *slog.Logger
	busy   func() []byte // the whole answer for a connection too many
	rooms  rooms

	done     chan struct{}
	closing  sync.Once
	turnAway chan struct{} // bounds the goroutines that say no
	away     sync.WaitGroup

	mu   sync.Mutex
	open map[*connection]struct{}
}

func newListener(ln net.Listener, limits Limits, rooms rooms, now func() time.Time, log *slog.Logger, busy func() []byte) *listener {
	return &listener{
		Listener: ln,
		limits:   limits,
		now:      now,
		log:      log,
		busy:     busy,
		rooms:    rooms,
		done:     make(chan struct{}),
		turnAway: make(chan struct{}, 64),
		open:     make(map[*connection]struct{}),
	}
}

// Accept returns connections until the listener is closed.
func (l *listener) Accept() (net.Conn, error) {
	pause := time.Millisecond
	for {
		conn, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			if pause = min(2*pause, time.Second); pause == time.Second {
				l.log.Error("connections cannot be accepted", "err", err)
			}
			select {
			case <-l.done:
				return nil, net.ErrClosed
			case <-time.After(pause):
			}
			continue
		}
		pause = time.Millisecond
		if c := l.admit(conn); c != nil {
			return c, nil
		}
		l.refuse(conn)
	}
}

func (l *listener) admit(conn net.Conn) *connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.limits.Connections {
		return nil
	}
	c := &connection{Conn: conn, owner: l}
	l.open[c] = struct{}{}
	return c
}

func (l *listener) forget(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// refuse says 503 to a connection too many, without reading from it and without
// holding up the next.
func (l *listener) refuse(conn net.Conn) {
	select {
	case l.turnAway <- struct{}{}:
	default:
		_ = conn.Close()
		return
	}
	l.away.Go(func() {
		defer func() { <-l.turnAway }()
		c := &connection{Conn: conn, owner: l}
		c.lingers(l.limits.LingerTimeout)
		_, _ = c.Write(l.busy())
		_ = c.Close()
	})
}

// Close stops accepting; connections stay open. Closing again does nothing.
func (l *listener) Close() (err error) {
	l.closing.Do(func() {
		close(l.done)
		err = l.Listener.Close()
	})
	return err
}

// closeAll ends what is still open, whatever it is doing.
func (l *listener) closeAll() {
	l.mu.Lock()
	open := make([]*connection, 0, len(l.open))
	for c := range l.open {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Conn.Close()
	}
}

// connections is how many are open.
func (l *listener) connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// rawAnswer writes an answer for a connection that fasthttp never sees.
func rawAnswer(status int, reason string, fields [][2]string, body []byte) []byte {
	out := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %d\r\n", status, reason, len(body))
	for _, f := range fields {
		out = fmt.Appendf(out, "%s: %s\r\n", f[0], f[1])
	}
	return append(append(out, "\r\n"...), body...)
}
