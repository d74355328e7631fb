package localpostgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// base is a temporary folder that every user may enter.
func base(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "localpostgres-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAFolderWhoseOwnersAreGoneIsSwept(t *testing.T) {
	t.Parallel()
	dir := base(t)
	dead := filepath.Join(dir, homePrefix+"dead")
	if err := os.MkdirAll(filepath.Join(dead, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	// The number of a process that is surely not a server of this folder.
	if err := os.WriteFile(filepath.Join(dead, "data", "postmaster.pid"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	others := filepath.Join(dir, "timesheets")
	if err := os.Mkdir(others, 0o700); err != nil {
		t.Fatal(err)
	}
	living, err := newHomeIn(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	sweep(dir)
	if exists(dead) {
		t.Error("the dead folder is still there")
	}
	if !exists(living.dir) || !exists(others) {
		t.Error("a folder was swept that is none of ours, or in use")
	}
	if err := living.remove(); err != nil || exists(living.dir) {
		t.Errorf("the living folder could not be removed: %v", err)
	}
	drafts, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(drafts) != 0 {
		t.Errorf("left behind: %q", drafts)
	}
}

func TestALinkInPlaceOfAFolderIsNotFollowed(t *testing.T) {
	t.Parallel()
	dir := base(t)
	precious := filepath.Join(dir, "precious")
	if err := os.Mkdir(precious, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, filepath.Join(dir, homePrefix+"link")); err != nil {
		t.Fatal(err)
	}
	sweep(dir)
	if !exists(precious) {
		t.Error("what the link pointed to was removed")
	}
}

func TestAServerThatOutlivedItsStarterIsEndedBySweeping(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Disposable: true})
	home := s.instance.(*postmaster).home
	// As if we had been killed together with the guard.
	if err := errors.Join(home.guard.Process.Kill(), home.alive.Close()); err != nil {
		t.Fatal(err)
	}
	sweep(filepath.Dir(home.dir))
	if err := tryConnection(t.Context(), s.URL()); err == nil {
		t.Error("the server still accepts connections")
	}
	if exists(home.dir) {
		t.Error("its folder is still there")
	}
}

func TestDataGoWhereTheServersUserCanFollow(t *testing.T) {
	t.Parallel()
	open := base(t)
	closed := filepath.Join(open, "closed")
	within := filepath.Join(closed, "within")
	if err := errors.Join(os.Mkdir(closed, 0o700), os.Mkdir(within, 0o755)); err != nil {
		t.Fatal(err)
	}
	somebody := &account{name: "somebody", uid: 12345, gid: 12345}
	for dir, want := range map[string]bool{open: true, closed: false, within: false, filepath.Join(open, "missing"): false} {
		if got := somebody.reaches(dir); got != want {
			t.Errorf("%s: got %v, want %v", strings.TrimPrefix(dir, open), got, want)
		}
	}
	var ourselves *account
	if !ourselves.reaches(within) {
		t.Error("we ourselves need no permission of others")
	}
}

func TestAProcessEndsWithItsContext(t *testing.T) {
	t.Parallel()
	h, err := newHomeIn(base(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.remove()
	p := &postmaster{bin: "/bin", home: h}
	proc, err := spawn(p.command("sleep", "3600"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := proc.run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of the context", err)
	}
	if err := proc.cmd.Process.Signal(syscall.Signal(0)); err == nil {
		t.Error("the process lives")
	}
}
