package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// exporting answers GET /v1/export with what next gives.
func exporting(next func() nextPage) route {
	return readable("/export", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		return exportPages(c, typeCSV, next())
	})
}

// pages gives texts one after the other, the last one with the end if whole.
func pages(end error, texts ...string) func() nextPage {
	return func() nextPage {
		i := 0
		return func(ctx context.Context) ([]byte, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if i == len(texts) {
				return nil, end
			}
			i++
			return []byte(texts[i-1]), nil
		}
	}
}

const exportRequest = "GET /v1/export HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nX-Request-Id: mine\r\n\r\n"

func TestAnExportIsAllItsPages(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789\n", 100_000)
	r := serving(t, configured(), exporting(pages(io.EOF, "a\n", "", "b\n", large)))
	conn := r.dial(t)
	for range 2 { // the connection is good for another one
		got, _ := sendOn(t, conn, exportRequest)
		if got.StatusCode != 200 || got.Header.Get("Content-Type") != "text/csv" || string(got.body) != "a\nb\n"+large {
			t.Errorf("got %d, %s, %d bytes", got.StatusCode, got.Header, len(got.body))
		}
	}
	line := r.log.of(t, "mine")
	if line["level"] != "INFO" || line["answer_bytes"] != float64(4+len(large)) || line["problem"] != nil {
		t.Errorf("the log has %v", line)
	}
}

func TestTheLastPageMayComeWithTheEnd(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), exporting(func() nextPage {
		return func(context.Context) ([]byte, error) { return []byte("all"), io.EOF }
	}))
	if got := r.call(t, "GET", "/v1/export", "ann", ""); string(got.body) != "all" {
		t.Errorf("got %q", got.body)
	}
	if got := r.call(t, "HEAD", "/v1/export", "ann", "", "X-Request-Id", "head"); got.StatusCode != 200 || len(got.body) != 0 {
		t.Errorf("HEAD: %d %q", got.StatusCode, got.body)
	}
	if line := r.log.of(t, "head"); line["level"] != "INFO" || line["problem"] != nil {
		t.Errorf("HEAD: the log has %v", line)
	}
}

func TestAnExportThatCannotBeginIsAProblem(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(),
		exporting(pages(fault.New(fault.Unavailable, "database_unavailable", "The database does not answer."))))
	if got := r.call(t, "GET", "/v1/export", "ann", ""); got.StatusCode != 503 || got.problem(t).Code != "database_unavailable" {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
	if got, _ := r.raw(t, strings.Replace(exportRequest, "HTTP/1.1", "HTTP/1.0", 1), false); got.StatusCode != 400 {
		t.Errorf("in HTTP/1.0: %d %s", got.StatusCode, got.body)
	}
}

func TestAnExportThatBreaksNeverLooksWhole(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func() nextPage{
		"by an error": pages(errors.New("the cause"), "a\n", "b\n"),
		"by a panic": func() nextPage {
			first := pages(nil, "a\n", "b\n")()
			n := 0
			return func(ctx context.Context) ([]byte, error) {
				if n++; n > 2 {
					panic("the cause")
				}
				return first(ctx)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serving(t, configured(), exporting(broken))
			conn := r.dial(t)
			if _, err := io.WriteString(conn, exportRequest); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if response.StatusCode != 200 || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %d, %q, %v", response.StatusCode, body, err)
			}
			line := r.log.of(t, "mine")
			if line["level"] != "WARN" || line["problem"] != "export_cut" || !strings.Contains(fmt.Sprint(line["err"]), "the cause") {
				t.Errorf("the log has %v", line)
			}
			if got := r.call(t, "GET", "/healthz", "", ""); got.StatusCode != 200 {
				t.Errorf("then: %d", got.StatusCode)
			}
		})
	}
}

func TestAnExportEndsWhenItsReaderLeaves(t *testing.T) {
	t.Parallel()
	var fetched atomic.Int64
	page := []byte(strings.Repeat("x", 64<<10))
	r := serving(t, configured(), exporting(func() nextPage {
		return func(context.Context) ([]byte, error) {
			fetched.Add(1)
			return page, nil // for ever
		}
	}))
	conn := r.dial(t)
	if _, err := io.WriteString(conn, exportRequest); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, conn, 1<<20); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if line := r.log.of(t, "mine"); line["problem"] != "export_cut" || line["level"] != "WARN" {
		t.Errorf("the log has %v", line)
	}
	eventually(t, "nothing is in flight", func() bool { return sample(t, r, "timesheets_http_requests_in_flight") == 0 })
}

func TestASlowReaderIsWaitedForOnlySoLong(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.WriteTimeout = instant
	page := []byte(strings.Repeat("x", 64<<10))
	r := serving(t, config, exporting(func() nextPage {
		return func(context.Context) ([]byte, error) { return page, nil }
	}))
	conn := r.dial(t)
	if _, err := io.WriteString(conn, exportRequest); err != nil {
		t.Fatal(err)
	}
	// It reads nothing at all, and stays.
	if line := r.log.of(t, "mine"); line["problem"] != "export_cut" {
		t.Errorf("the log has %v", line)
	}
}

func TestAnExportHasAnEndEvenIfItsPagesHaveNone(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.ExportDeadline = instant
	r := serving(t, config, exporting(func() nextPage {
		return func(ctx context.Context) ([]byte, error) { return []byte("x"), ctx.Err() }
	}))
	conn := r.dial(t)
	if _, err := io.WriteString(conn, exportRequest); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Fatal(err)
	}
	if line := r.log.of(t, "mine"); !strings.Contains(fmt.Sprint(line["err"]), "deadline") {
		t.Errorf("the log has %v", line)
	}
}

func TestAnExportEndsInTheMiddleOfAPageToo(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.ExportDeadline = instant
	r := serving(t, config, exporting(func() nextPage {
		return func(ctx context.Context) ([]byte, error) {
			<-ctx.Done()
			return []byte("x"), io.EOF
		}
	}))
	conn := r.dial(t)
	if _, err := io.WriteString(conn, exportRequest); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Fatal(err)
	}
	if line := r.log.of(t, "mine"); line["problem"] != "export_cut" || !strings.Contains(fmt.Sprint(line["err"]), "deadline") {
		t.Errorf("the log has %v", line)
	}
}

func TestAnExportHoldsNothingAfterItsEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	sent := -1
	e := &export{ctx: ctx, cancel: cancel, x: &exchange{}, ended: func(n int) { sent = n }}
	if err := e.Close(); err != nil || ctx.Err() == nil || sent != 0 {
		t.Errorf("closed: %v, context %v, sent %d", err, ctx.Err(), sent)
	}
}
