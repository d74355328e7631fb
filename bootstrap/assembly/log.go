package assembly

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/mattn/go-isatty"
)

// LogConfig says how much is logged, and how it is written.
type LogConfig struct {
	Level  slog.Level `env:"LOG_LEVEL" envDefault:"info"`
	Format string     `env:"LOG_FORMAT"` // text or json; "" is text on a terminal, else json
}

// NewLog makes a log that writes to w.
func NewLog(c LogConfig, w io.Writer) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: c.Level}
	format := c.Format
	if format == "" {
		format = "json"
		if IsTerminal(w) {
			format = "text"
		}
	}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, fmt.Errorf("LOG_FORMAT is text or json, not %q", c.Format)
}

// IsTerminal tells whether somebody watches w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
