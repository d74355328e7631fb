package job

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/schollz/progressbar/v3"

	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// Bar shows on a terminal how far a run is. How many entries there are, no
// tracker says beforehand. finish takes it away again.
func Bar(w io.Writer) (watch func(importing.Progress), finish func()) {
	bar := progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(w), progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("entries"),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("reading"))
	watch = func(p importing.Progress) {
		text := fmt.Sprintf("%s (%d of %d), %d landed", p.Window, p.Part, p.Parts, p.Landed)
		if p.Waiting > 0 {
			text = fmt.Sprintf("again in %s: %s", p.Waiting.Round(time.Second), short(fault.Of(p.Reason).Text, 80))
		}
		bar.Describe(text)
		_ = bar.Set(p.Read)
	}
	return watch, func() { _ = bar.Finish() }
}

// LogWaits logs that a run waits before it tries something again, and why.
func LogWaits(ctx context.Context, log *slog.Logger) func(importing.Progress) {
	return func(p importing.Progress) {
		if p.Waiting > 0 {
			log.WarnContext(ctx, "trying again", "in", seconds(p.Waiting), "why", p.Reason, "read", p.Read, "landed", p.Landed)
		}
	}
}
