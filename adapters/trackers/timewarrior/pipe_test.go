//go:build unix

package timewarrior_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"timesheets/adapters/trackers/settings"
	"timesheets/adapters/trackers/timewarrior"
	"timesheets/application/importing"
	"timesheets/domain/fault"
)

func TestNobodyWaitsForStandardInputLongerThanTheyMay(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	t.Cleanup(func() { out.Close() })
	tracker, err := timewarrior.Open(settings.Values{
		"TRACKER_FILE": "-", "TRACKER_MACHINE": "laptop", "TRACKER_USER": "ann@exampleco.com",
		"TRACKER_TIME_ZONE": "Europe/Berlin", "TRACKER_PROJECT_TAG": "project:",
	}, in)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		_, _ = io.WriteString(out, "[") // which is over when it has been read
		stop()
	}()
	_, err = tracker.Page(ctx, importing.Window{}, "")
	if !errors.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNobodyWaitsForAPipeLongerThanTheyMay(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "export")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // lets whoever was left behind open it, and find nothing in it
		if w, err := os.OpenFile(pipe, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil {
			w.Close()
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	tracker := open(t, pipe, nil)
	if _, err := tracker.Page(ctx, importing.Window{}, ""); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a page: %v", err)
	}
	if _, err := tracker.Check(ctx); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a check: %v", err)
	}
}
