package localpostgres

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	memory     = "/dev/shm"
	homePrefix = "timesheets-postgres-"
	// memoryNeeded is what a disposable server may fill before it is a nuisance, in bytes.
	memoryNeeded = 1 << 30
)

// home is the folder of one server: its data, its log, and the lock that tells
// whether somebody still wants it.
type home struct {
	dir   string
	guard *exec.Cmd
	tie   io.Closer // while it is open, the guard waits
	alive *os.File  // locked while we live
}

// guardScript waits until its standard input ends, which the kernel sees to
// when we are gone for whatever reason; then it ends the server in folder $1
// and removes the folder. It is the one way in which a server's files go.
// A process is the server only if its command line says so, where that can be
// read: its number may belong to another by now.
const guardScript = `
while read -r _; do :; done
exec 2>/dev/null
lives() { if [ -d /proc/self ]; then grep -qF "$1/data" "/proc/$pid/cmdline"; else kill -0 "$pid"; fi; }
if read -r pid <"$1/data/postmaster.pid" && lives "$1"; then
	kill -QUIT "$pid"
	tries=0
	while lives "$1" && [ $tries -lt 250 ]; do sleep 0.02 || sleep 1; tries=$((tries + 1)); done
	if lives "$1"; then kill -KILL "$pid"; fi
fi
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
`

// newHome makes a folder that the account can use, in memory if that is wanted
// and there is room, and a guard that removes it when we are gone. It clears
// away what earlier runs had to leave behind.
func newHome(inMemory bool, a *account) (*home, error) {
	temporary, err := filepath.Abs(os.TempDir())
	if err != nil {
		return nil, err
	}
	bases := []string{temporary, "/tmp", "/var/tmp"}
	if inMemory && freeBytes(memory) >= memoryNeeded {
		bases = append([]string{memory}, bases...)
	}
	var errs []error
	for _, base := range bases {
		if !a.reaches(base) {
			errs = append(errs, fmt.Errorf("%s: the user %s cannot reach it", base, a.name))
			continue
		}
		sweep(base)
		h, err := newHomeIn(base, a)
		if err == nil {
			return h, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no place for the server's files: %w", errors.Join(errs...))
}

func newHomeIn(base string, a *account) (*home, error) {
	// Under its final name the folder is always locked, so that nobody sweeps it.
	draft, err := os.MkdirTemp(base, ".timesheets-draft-")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(base, homePrefix+strings.TrimPrefix(filepath.Base(draft), ".timesheets-draft-"))
	h := &home{dir: dir}
	h.alive, err = lockAlive(draft)
	if err == nil {
		err = os.Chmod(draft, 0o711) // the account passes through, to data
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(draft, "data"), 0o700)
	}
	if err == nil {
		err = a.own(filepath.Join(draft, "data"))
	}
	if err == nil {
		err = os.Rename(draft, dir)
	}
	if err == nil {
		h.guard, h.tie, err = startGuard(dir)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(draft), os.RemoveAll(dir))
	}
	return h, nil
}

// remove ends the server in the folder, if any, and removes the folder.
func (h *home) remove() error {
	h.tie.Close()
	err := h.guard.Wait()
	if err != nil {
		// Somebody ended the guard before it was done.
		err = endAndRemove(h.dir)
	}
	h.alive.Close()
	return err
}

func (h *home) data() string { return filepath.Join(h.dir, "data") }

// sweep removes the folders in base whose makers and guards are both gone.
func sweep(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, homePrefix+"*"))
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
			continue
		}
		alive, err := lockAlive(dir)
		if err != nil {
			continue
		}
		// What cannot be removed now can be removed by the next run.
		_ = endAndRemove(dir)
		alive.Close()
	}
}

// lockAlive locks a server's folder for as long as the file stays open, which
// nobody else can do meanwhile.
func lockAlive(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "alive"), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func startGuard(dir string) (*exec.Cmd, io.Closer, error) {
	cmd := guardCommand(dir)
	tie, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	return cmd, tie, nil
}

func endAndRemove(dir string) error { return guardCommand(dir).Run() }

func guardCommand(dir string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", guardScript, "guard", dir)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	// In a session of its own no signal meant for us reaches it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// freeBytes is 0 when dir is not there.
func freeBytes(dir string) uint64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0
	}
	return fs.Bavail * uint64(fs.Bsize)
}
