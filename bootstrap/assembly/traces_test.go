package assembly

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// read reads the lines of an environment.
func read(t *testing.T, lines ...string) (TraceConfig, error) {
	t.Helper()
	c, err := Read[TraceConfig](lines)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Read()
	return c, err
}

func TestThereAreTracesWhereTheOperatorSaysSo(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=https://collector.example.com:4318/otlp/"
	for _, tt := range []struct {
		name  string
		lines []string
		want  string // where they go; "" for nowhere
	}{
		{"nothing is said", nil, ""},
		{"something that decides nothing", []string{"OTEL_SERVICE_NAME=x", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_HEADERS=broken"}, ""},
		{"an address", []string{endpoint}, "https://collector.example.com:4318/otlp/v1/traces"},
		{"an address of traces, which is whole", []string{endpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://other/in"}, "http://other/in"},
		{"an exporter", []string{"OTEL_TRACES_EXPORTER=otlp"}, "http://localhost:4318/v1/traces"},
		{"no exporter", []string{endpoint, "OTEL_TRACES_EXPORTER=none"}, ""},
		{"switched off", []string{endpoint, "OTEL_SDK_DISABLED=TRUE", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, ""},
		{"not switched off", []string{endpoint, "OTEL_SDK_DISABLED=false"}, "https://collector.example.com:4318/otlp/v1/traces"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := read(t, tt.lines...)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if c.On() {
				got = c.to.Endpoint.String()
			}
			if got != tt.want || len(c.warnings) != 0 {
				t.Errorf("traces go to %q with %v, want %q", got, c.warnings, tt.want)
			}
		})
	}
}

func TestWhatCouldNeverWorkIsAMistake(t *testing.T) {
	t.Parallel()
	const on = "OTEL_TRACES_EXPORTER=otlp"
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ line, names string }{
		{"OTEL_TRACES_EXPORTER=zipkin", "OTEL_TRACES_EXPORTER"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4317", "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=https://user:secret@collector", "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{"OTEL_EXPORTER_OTLP_HEADERS=secret", "OTEL_EXPORTER_OTLP_HEADERS"},
		{"OTEL_EXPORTER_OTLP_HEADERS=a key=secret", "OTEL_EXPORTER_OTLP_HEADERS"},
		{"OTEL_EXPORTER_OTLP_TRACES_HEADERS=api-key=secret%0d%0aHost:x", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE=/nowhere.pem", "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE=" + empty, "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{"OTEL_EXPORTER_OTLP_CLIENT_KEY=" + empty, "OTEL_EXPORTER_OTLP_CLIENT_KEY"},
		{"OTEL_BSP_MAX_QUEUE_SIZE=-1", "OTEL_BSP_MAX_QUEUE_SIZE"},
		{"OTEL_BSP_MAX_QUEUE_SIZE=1000001", "OTEL_BSP_MAX_QUEUE_SIZE"},
		{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE=-1", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"},
		{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE=99999999999999999999", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"},
		{"OTEL_BSP_SCHEDULE_DELAY=0", "OTEL_BSP_SCHEDULE_DELAY"},
		{"OTEL_BSP_EXPORT_TIMEOUT=-99999999999999999999", "OTEL_BSP_EXPORT_TIMEOUT"},
		{"OTEL_BSP_EXPORT_TIMEOUT=9223372036854775807", "OTEL_BSP_EXPORT_TIMEOUT"},
	} {
		_, err := read(t, on, tt.line)
		if err == nil || !strings.Contains(err.Error(), tt.names) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", tt.line, err)
		}
	}
	_, err := read(t, on, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_ENDPOINT=x", "OTEL_EXPORTER_OTLP_HEADERS=x")
	if lines := strings.Count(fmt.Sprint(err), "\n") + 1; lines != 3 {
		t.Errorf("of three mistakes %d are told: %v", lines, err)
	}
}

func TestWhatTheSpecificationPassesOverIsWarnedOf(t *testing.T) {
	t.Parallel()
	const on = "OTEL_TRACES_EXPORTER=otlp"
	for _, line := range []string{
		"OTEL_SDK_DISABLED=yes", "OTEL_PROPAGATORS=tracecontext,b3", "OTEL_EXPORTER_OTLP_PROTOCOL=udp",
		"OTEL_EXPORTER_OTLP_TIMEOUT=10s", "OTEL_EXPORTER_OTLP_COMPRESSION=zstd", "OTEL_BSP_MAX_QUEUE_SIZE=many",
	} {
		c, err := read(t, on, line)
		name, _, _ := strings.Cut(line, "=")
		if err != nil || !c.On() || len(c.warnings) != 1 || !strings.Contains(c.warnings[0], name) {
			t.Errorf("%s: got %v and %q", line, err, c.warnings)
		}
		if !c.to.Continue || c.to.Timeout != exportTimeout || c.to.Gzip {
			t.Errorf("%s counts: %+v", line, c.to)
		}
	}
	c, err := read(t, "OTEL_TRACES_EXPORTER=smoke")
	if err != nil || c.On() || len(c.warnings) != 1 {
		t.Errorf("an unknown exporter: %v, %v, %q", err, c.On(), c.warnings)
	}
}

func TestHowSpansAreSent(t *testing.T) {
	t.Parallel()
	c, err := read(t, "OTEL_TRACES_EXPORTER=otlp", "OTEL_PROPAGATORS=none", "OTEL_EXPORTER_OTLP_TIMEOUT=1500", "OTEL_EXPORTER_OTLP_COMPRESSION=none",
		"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION=gzip", "OTEL_EXPORTER_OTLP_HEADERS=api-key=a%20b%3D, x=y ,")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.to.Continue, c.to.Timeout, c.to.Gzip, c.to.Header); got != "false 1.5s true map[Api-Key:[a b=] X:[y]]" {
		t.Errorf("got %s", got)
	}
	if printed := fmt.Sprintf("%v %+v %#v", c.All, c.All, c.All); strings.Contains(printed, "a%20b") {
		t.Errorf("a secret is printed: %s", printed)
	}
}

func TestWithoutTracesNothingIsOpened(t *testing.T) {
	t.Parallel()
	c, _ := read(t)
	traces, cleanup, err := c.Open("x", slog.New(slog.DiscardHandler))
	if traces != nil || err != nil {
		t.Errorf("got %v, %v", traces, err)
	}
	cleanup()
}
