package postgres_test

import (
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// letsIn stands before a server and carries so many connections to it, one after
// the other; when the next one comes it calls then, and never answers.
func letsIn(t *testing.T, url string, so int, then func()) (through string) {
	t.Helper()
	listener, address := before(t, url)
	var all sync.WaitGroup
	all.Go(func() {
		for range so {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { carry(conn, address, nil) })
		}
		if next, err := listener.Accept(); err == nil {
			defer next.Close()
			then()
			_, _ = io.Copy(io.Discard, next)
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	return strings.Replace(url, address, listener.Addr().String(), 1)
}

// before listens where a client of the server at address can be sent.
func before(t *testing.T, url string) (listener net.Listener, address string) {
	t.Helper()
	server, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return listener, net.JoinHostPort(server.Host, strconv.Itoa(int(server.Port)))
}

// carry connects a client with the server at address, which it sends first,
// until one of the two ends.
func carry(client net.Conn, address string, first []byte) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	go func() {
		defer client.Close()
		_, _ = io.Copy(client, server)
	}()
	defer server.Close()
	if _, err := server.Write(first); err == nil {
		_, _ = io.Copy(server, client)
	}
}

// pooler stands before a server and refuses what PgBouncer refuses: startup
// parameters that it does not know.
func pooler(t *testing.T, url string) (through string) {
	t.Helper()
	listener, address := before(t, url)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				backend := pgproto3.NewBackend(conn, conn)
				message, err := backend.ReceiveStartupMessage()
				if err != nil {
					return
				}
				if start, ok := message.(*pgproto3.StartupMessage); ok && start.Parameters["lock_timeout"] != "" {
					backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: lock_timeout"})
					_ = backend.Flush()
					return
				}
				if first, err := message.Encode(nil); err == nil {
					carry(conn, address, first)
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	return strings.Replace(url, address, listener.Addr().String(), 1)
}
