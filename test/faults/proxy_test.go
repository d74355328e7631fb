package faults

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"timesheets/test/integration/apitest"
)

// proxy stands between a client and the API, and cuts connections. What it
// cuts is reset, as when a machine on the way falls over.
type proxy struct {
	url string

	mu                sync.Mutex
	questions, answer int // bytes that pass in each direction of a connection before it is cut; -1 is all
}

func newProxy(t *testing.T, api *apitest.API) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{url: "http://" + ln.Addr().String(), questions: -1, answer: -1}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.carry(client.(*net.TCPConn), strings.TrimPrefix(api.URL, "http://")) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		all.Wait()
	})
	return p
}

// cut has the connections that come from now on cut after so many bytes of
// the request, or of the answer.
func (p *proxy) cut(questions, answer int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.questions, p.answer = questions, answer
}

func (p *proxy) carry(client *net.TCPConn, to string) {
	p.mu.Lock()
	questions, answer := p.questions, p.answer
	p.mu.Unlock()
	conn, err := net.Dial("tcp", to)
	if err != nil {
		_ = client.Close()
		return
	}
	server := conn.(*net.TCPConn)
	reset := func() {
		for _, c := range []*net.TCPConn{client, server} {
			_ = c.SetLinger(0)
			_ = c.Close()
		}
	}
	var both sync.WaitGroup
	both.Go(func() { pass(server, client, questions, reset) })
	both.Go(func() { pass(client, server, answer, reset) })
	both.Wait()
	_ = client.Close()
	_ = server.Close()
}

// pass carries at most so many bytes, and cuts when the next one comes.
func pass(to, from *net.TCPConn, most int, reset func()) {
	if most < 0 {
		_, _ = io.Copy(to, from)
		_ = to.CloseWrite()
		return
	}
	_, err := io.CopyN(to, from, int64(most))
	if _, more := from.Read(make([]byte, 1)); err == nil && more == nil {
		reset()
		return
	}
	_ = to.CloseWrite()
}
