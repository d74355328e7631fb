package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"timesheets/application/precedence"
	"timesheets/domain/identity"
)

func TestABatchWaitsForItsTurnAndASingleObjectDoesNot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body string
		header     []string
		waits      bool
	}{
		{"an object", " {", nil, false},
		{"an array", "[", nil, true},
		{"lines", "", []string{"Content-Type", "application/x-ndjson"}, true},
		{"gzip", packed(t, strings.NewReader("{")), []string{"Content-Encoding", "gzip"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// Somebody writes by hand, and a batch is at it, until the answer is there.
			way, ready, done := precedence.New(time.Now), make(chan struct{}), make(chan struct{})
			var others sync.WaitGroup
			defer others.Wait()
			defer close(done)
			others.Go(func() {
				_ = way.Hand(func() error {
					return way.Batch(context.Background(), func() error { close(ready); <-done; return nil })
				})
			})
			<-ready
			s := &Server{application: Application{RightOfWay: way}}
			r := serving(t, configured(), route{"POST", "/timesheets/upload", []identity.Scope{identity.BatchUpload}, jsonOnly, s.upload})
			before := way.Waited()
			if got := r.call(t, "POST", "/v1/timesheets/upload?results=bad", "machine", tt.body, tt.header...); got.StatusCode != 422 {
				t.Errorf("got %d %s", got.StatusCode, got.body)
			}
			if waited := way.Waited() > before; waited != tt.waits {
				t.Errorf("it waited: %t", waited)
			}
		})
	}
}

func packed(t testing.TB, from io.Reader) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.Copy(w, from); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAnUploadComesAsItIsOrAsGzip(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), uploads())
	rows := strings.Repeat("{}\n", 50_000)
	gz := packed(t, strings.NewReader(rows))
	for _, tt := range []struct {
		name, body string
		header     []string
		status     int
		want       string
	}{
		{"JSON", "[]", nil, 200, `{"bytes":2,"kind":"application/json"}`},
		{"NDJSON", rows, []string{"Content-Type", "application/x-ndjson"}, 200, `{"bytes":150000,"kind":"application/x-ndjson"}`},
		{"gzip", gz, []string{"Content-Type", "application/x-ndjson", "Content-Encoding", "gzip"}, 200, `{"bytes":150000,"kind":"application/x-ndjson"}`},
		{"gzip in other letters", gz, []string{"Content-Encoding", "GZip"}, 200, `{"bytes":150000,"kind":"application/json"}`},
		{"gzip and identity", gz, []string{"Content-Encoding", "identity, gzip"}, 200, `{"bytes":150000,"kind":"application/json"}`},
		{"two gzip members", gz + gz, []string{"Content-Encoding", "gzip"}, 200, `{"bytes":300000,"kind":"application/json"}`},
		{"gzip of gzip", packed(t, strings.NewReader(gz)), []string{"Content-Encoding", "gzip, gzip"}, 415, "unsupported_media_type"},
		{"gzip of gzip in two fields", packed(t, strings.NewReader(gz)), []string{"Content-Encoding", "gzip", "Content-Encoding", "gzip"}, 415, "unsupported_media_type"},
		{"deflate", "[]", []string{"Content-Encoding", "deflate"}, 415, "unsupported_media_type"},
		{"brotli", "[]", []string{"Content-Encoding", "br"}, 415, "unsupported_media_type"},
		{"zstd", "[]", []string{"Content-Encoding", "zstd"}, 415, "unsupported_media_type"},
		{"a form", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"},
		{"a file", "--x\r\n\r\n--x--", []string{"Content-Type", "multipart/form-data; boundary=x"}, 415, "unsupported_media_type"},
		{"no gzip", "[]", []string{"Content-Encoding", "gzip"}, 400, "bad_request"},
		{"half of it", gz[:len(gz)/2], []string{"Content-Encoding", "gzip"}, 400, "bad_request"},
		{"a wrong checksum", gz[:len(gz)-8] + strings.Repeat("\x00", 8), []string{"Content-Encoding", "gzip"}, 400, "bad_request"},
		{"rubbish after it", gz + "rubbish", []string{"Content-Encoding", "gzip"}, 400, "bad_request"},
		{"8 MiB unpacked", packed(t, io.LimitReader(zeros{}, maxUpload)), []string{"Content-Encoding", "gzip"}, 200, `{"bytes":8388608,"kind":"application/json"}`},
		{"a byte more", packed(t, io.LimitReader(zeros{}, maxUpload+1)), []string{"Content-Encoding", "gzip"}, 413, "body_too_large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := r.call(t, "POST", "/v1/timesheets/upload", "machine", tt.body, tt.header...)
			is := string(got.body)
			if got.StatusCode >= 400 {
				is = got.problem(t).Code
			}
			if got.StatusCode != tt.status || is != tt.want {
				t.Errorf("%d %s, want %d %s", got.StatusCode, is, tt.status, tt.want)
			}
			if encoding := got.Header.Get("Accept-Encoding"); tt.status == 415 && fmt.Sprint(tt.header)[:10] == "[Content-E" && encoding != "gzip" {
				t.Errorf("Accept-Encoding %q, want gzip", encoding)
			}
		})
	}
}

//nolint:paralleltest // it looks at what the whole process allocates
func TestAGzipBombCostsNoMoreThanAnUpload(t *testing.T) {
	bomb := []byte(strings.Repeat(packed(t, io.LimitReader(zeros{}, 10<<20)), 30)) // 300 MiB
	if len(bomb) > 400<<10 {
		t.Fatalf("a bomb of %d bytes", len(bomb))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := gunzip(bomb)
	runtime.ReadMemStats(&after)
	if inShort(err) != "too large body_too_large" {
		t.Errorf("got %v", err)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 3*maxUpload {
		t.Errorf("unpacking 300 MiB allocated %d MiB", spent>>20)
	}
}
