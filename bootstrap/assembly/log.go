package assembly

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/mattn/go-isatty"

	"timesheets/adapters/opentelemetry"
)

// LogConfig says how much is logged, and how it is written.
type LogConfig struct {
	Level  slog.Level `env:"LOG_LEVEL" envDefault:"info"`
	Format string     `env:"LOG_FORMAT"` // text or json; "" is text on a terminal, else json
}

// Check says what is wrong with c, as a Mistake.
func (c LogConfig) Check() error {
	switch c.Format {
	case "", "json", "text":
		return nil
	}
	return Mistake{"LOG_FORMAT", fmt.Sprintf("LOG_FORMAT is text or json, not %q", c.Format)}
}

// NewLog makes a log that writes to w. When there are traces, lines of what is
// traced name its trace and span.
func NewLog(c LogConfig, traces TraceConfig, w io.Writer) (*slog.Logger, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	options := &slog.HandlerOptions{Level: c.Level}
	format := c.Format
	if format == "" {
		format = "json"
		if IsTerminal(w) {
			format = "text"
		}
	}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if format == "text" {
		handler = slog.NewTextHandler(w, options)
	}
	if traces.On() {
		handler = opentelemetry.NameTraces(handler)
	}
	return slog.New(handler), nil
}

// IsTerminal tells whether somebody watches w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
