package assembly

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"timesheets/adapters/opentelemetry"
)

// TraceConfig is what the environment says of traces, in the words of the
// OpenTelemetry specification. There are none unless it names a collector or an
// exporter, and then nothing else here is looked at.
//
// What could never work is a mistake like any other. What the specification
// wants passed over with a warning is kept for the log: words that nobody
// knows, and numbers that are none.
type TraceConfig struct {
	Disabled    string `env:"OTEL_SDK_DISABLED"`
	Exporter    string `env:"OTEL_TRACES_EXPORTER"`
	Propagators string `env:"OTEL_PROPAGATORS"`

	All    OTLPConfig `envPrefix:"OTEL_EXPORTER_OTLP_"`
	Traces OTLPConfig `envPrefix:"OTEL_EXPORTER_OTLP_TRACES_"` // counts before All

	// The SDK reads these by itself, and passes over what it does not understand:
	// with a warning of its own, but for the numbers.
	ServiceName        string `env:"OTEL_SERVICE_NAME"`
	ResourceAttributes string `env:"OTEL_RESOURCE_ATTRIBUTES"`
	Sampler            string `env:"OTEL_TRACES_SAMPLER"`
	SamplerArg         string `env:"OTEL_TRACES_SAMPLER_ARG"`
	ScheduleDelay      string `env:"OTEL_BSP_SCHEDULE_DELAY"`
	ExportTimeout      string `env:"OTEL_BSP_EXPORT_TIMEOUT"`
	MaxQueueSize       string `env:"OTEL_BSP_MAX_QUEUE_SIZE"`
	MaxExportBatchSize string `env:"OTEL_BSP_MAX_EXPORT_BATCH_SIZE"`

	on       bool
	to       opentelemetry.Config // holds secrets: never to be printed
	warnings []string
}

// OTLPConfig says how spans are sent, and where.
type OTLPConfig struct {
	Endpoint          string `env:"ENDPOINT"`
	Protocol          string `env:"PROTOCOL"`
	Headers           Secret `env:"HEADERS"`
	Timeout           string `env:"TIMEOUT"` // milliseconds
	Compression       string `env:"COMPRESSION"`
	Certificate       string `env:"CERTIFICATE"`
	ClientCertificate string `env:"CLIENT_CERTIFICATE"`
	ClientKey         string `env:"CLIENT_KEY"`
}

const (
	defaultCollector = "http://localhost:4318"
	exportTimeout    = 10 * time.Second // by the specification
	flushTimeout     = 5 * time.Second  // for what was not sent yet when a program ends
)

// Read makes out what is meant. The error names every mistake.
func (c *TraceConfig) Read() error {
	if err := c.readSwitches(); err != nil || !c.on {
		return err
	}
	c.to = opentelemetry.Config{Timeout: c.timeout(), Gzip: c.gzip(), Continue: c.propagates()}
	return errors.Join(c.checkProtocol(), c.readEndpoint(), c.readHeaders(), c.readTLS(), c.checkNumbers())
}

// On tells whether there are to be traces.
func (c *TraceConfig) On() bool { return c.on }

// Open begins to trace a program; what it gives is nil when nothing is traced.
// Its cleanup sends what was not sent yet, and gives up after five seconds.
func (c *TraceConfig) Open(service string, log *slog.Logger) (*opentelemetry.Traces, func(), error) {
	for _, warning := range c.warnings {
		log.Warn("about traces", "error", warning)
	}
	if !c.on {
		return nil, func() {}, nil
	}
	to := c.to
	to.Service, to.Log, to.Now = service, log, time.Now
	traces, err := opentelemetry.Open(to)
	if err != nil {
		return nil, nil, err
	}
	return traces, func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		traces.Close(ctx)
	}, nil
}

func (c *TraceConfig) warn(variable, value, want string) {
	c.warnings = append(c.warnings, fmt.Sprintf("%s is %s, not %q, which is passed over", variable, want, value))
}

// readSwitches decides whether there are to be traces.
func (c *TraceConfig) readSwitches() error {
	switch strings.ToLower(c.Disabled) {
	case "true":
		return nil
	case "", "false":
	default:
		c.warn("OTEL_SDK_DISABLED", c.Disabled, "true or false")
	}
	switch exporter := strings.ToLower(c.Exporter); exporter {
	case "none":
		return nil
	case "otlp":
		c.on = true
		return nil
	case "":
	case "console", "logging", "jaeger", "zipkin":
		return fmt.Errorf("OTEL_TRACES_EXPORTER is otlp or none; %s is not in this program", exporter)
	default:
		c.warn("OTEL_TRACES_EXPORTER", c.Exporter, "otlp or none")
	}
	c.on = c.All.Endpoint != "" || c.Traces.Endpoint != ""
	return nil
}

// either gives what is said of traces, else what is said of everything, and the
// variable that says it.
func (c *TraceConfig) either(name string, read func(OTLPConfig) string) (variable, value string) {
	if value := read(c.Traces); value != "" {
		return "OTEL_EXPORTER_OTLP_TRACES_" + name, value
	}
	return "OTEL_EXPORTER_OTLP_" + name, read(c.All)
}

func (c *TraceConfig) checkProtocol() error {
	variable, protocol := c.either("PROTOCOL", func(o OTLPConfig) string { return o.Protocol })
	switch strings.ToLower(protocol) {
	case "", "http/protobuf":
	case "grpc", "http/json":
		return fmt.Errorf("%s is http/protobuf, which collectors take on port 4318; %s is not in this program. OTEL_SDK_DISABLED=true does without traces", variable, protocol)
	default:
		c.warn(variable, protocol, "http/protobuf")
	}
	return nil
}

// readEndpoint finds out where spans go: an address for everything has paths
// below it, one for traces is the whole address.
func (c *TraceConfig) readEndpoint() error {
	variable, address := c.either("ENDPOINT", func(o OTLPConfig) string { return o.Endpoint })
	u, err := url.Parse(cmp.Or(address, defaultCollector))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%s is an address such as https://collector.example.com:4318, without user and password", variable)
	}
	if c.Traces.Endpoint == "" {
		u = u.JoinPath("v1", "traces")
	}
	c.to.Endpoint = u
	return nil
}

// readHeaders reads name=value,name=value, the values percent-encoded. What is
// wrong with them is said without showing them.
func (c *TraceConfig) readHeaders() error {
	variable, list := c.either("HEADERS", func(o OTLPConfig) string { return o.Headers.Reveal() })
	c.to.Header = http.Header{}
	for pair := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !found || err != nil || !isFieldName(name) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%s is name=value,name=value, with the values percent-encoded", variable)
		}
		c.to.Header.Set(textproto.CanonicalMIMEHeaderKey(name), value)
	}
	return nil
}

// isFieldName follows RFC 9110, section 5.6.2.
func isFieldName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		alphanumeric := r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		return !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// readTLS reads the certificates that the collector is known by, and that it
// knows us by.
func (c *TraceConfig) readTLS() error {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	var mistakes []error
	if variable, path := c.either("CERTIFICATE", func(o OTLPConfig) string { return o.Certificate }); path != "" {
		text, err := os.ReadFile(path)
		settings.RootCAs = x509.NewCertPool()
		if err == nil && !settings.RootCAs.AppendCertsFromPEM(text) {
			err = fmt.Errorf("there is no certificate in %s", path)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", variable, err))
		}
	}
	variable, certificate := c.either("CLIENT_CERTIFICATE", func(o OTLPConfig) string { return o.ClientCertificate })
	keyVariable, key := c.either("CLIENT_KEY", func(o OTLPConfig) string { return o.ClientKey })
	switch {
	case (certificate == "") != (key == ""):
		mistakes = append(mistakes, fmt.Errorf("%s and %s go together", variable, keyVariable))
	case certificate != "":
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s, %s: %w", variable, keyVariable, err))
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	c.to.TLS = settings
	return errors.Join(mistakes...)
}

func (c *TraceConfig) timeout() time.Duration {
	variable, value := c.either("TIMEOUT", func(o OTLPConfig) string { return o.Timeout })
	if value == "" {
		return exportTimeout
	}
	ms, err := strconv.ParseUint(value, 10, 31)
	if err != nil || ms == 0 {
		c.warn(variable, value, "a number of milliseconds")
		return exportTimeout
	}
	return time.Duration(ms) * time.Millisecond
}

func (c *TraceConfig) gzip() bool {
	variable, value := c.either("COMPRESSION", func(o OTLPConfig) string { return o.Compression })
	switch strings.ToLower(value) {
	case "gzip":
		return true
	case "", "none":
	default:
		c.warn(variable, value, "gzip or none")
	}
	return false
}

// propagates tells whether trace contexts are passed on. Baggage is among the
// specification's defaults, and nothing here would carry any.
func (c *TraceConfig) propagates() bool {
	if c.Propagators == "" {
		return true
	}
	found := false
	for name := range strings.SplitSeq(c.Propagators, ",") {
		switch name := strings.ToLower(strings.TrimSpace(name)); name {
		case "tracecontext":
			found = true
		case "", "baggage", "none":
		default:
			c.warn("OTEL_PROPAGATORS", name, "tracecontext or none")
		}
	}
	return found
}

// What the SDK's batches may be. It takes any whole number at its word, and then
// does not start, or never pauses.
const (
	longestBatching = 24 * 60 * 60 * 1000 // milliseconds
	mostSpans       = 1_000_000
)

// checkNumbers refuses numbers that cannot be, and warns of those that are none,
// which the SDK will pass over in silence.
func (c *TraceConfig) checkNumbers() error {
	var mistakes []error
	for _, number := range []struct {
		variable, value string
		most            int
	}{
		{"OTEL_BSP_SCHEDULE_DELAY", c.ScheduleDelay, longestBatching},
		{"OTEL_BSP_EXPORT_TIMEOUT", c.ExportTimeout, longestBatching},
		{"OTEL_BSP_MAX_QUEUE_SIZE", c.MaxQueueSize, mostSpans},
		{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", c.MaxExportBatchSize, mostSpans},
	} {
		if number.value == "" {
			continue
		}
		n, err := strconv.Atoi(number.value)
		switch {
		case errors.Is(err, strconv.ErrSyntax):
			c.warn(number.variable, number.value, "a whole number")
		case err != nil || n < 1 || n > number.most:
			mistakes = append(mistakes, fmt.Errorf("%s goes from 1 to %d, and is %s", number.variable, number.most, number.value))
		}
	}
	return errors.Join(mistakes...)
}
