package pgtest

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"timesheets/adapters/localpostgres"
	"timesheets/migrations"
)

const (
	urlVariable   = "TEST_DATABASE_URL"
	imageVariable = "TEST_POSTGRES_IMAGE"
)

var order = []localpostgres.Source{localpostgres.Docker, localpostgres.Programs}

// membership is the right of this process to use the shared server. It ends
// with the process, however that ends.
type membership struct {
	published
	users *os.File // locked (shared) while we live
}

// published is what the keeper lets all users know.
type published struct {
	URL         string // of a role that may create databases
	Template    string // the migrated database to copy
	Prefix      string // of the names of all databases
	Description string // of the server, for people
	Failure     string // why there is none of the above; "" when there is
}

// join makes this process a user of the shared server, once and for all.
var join = sync.OnceValues(func() (membership, error) {
	folder, err := meetingPlace()
	if err != nil {
		return membership{}, err
	}
	gate, users, err := enter(folder)
	if err != nil {
		return membership{}, err
	}
	defer gate.Close()
	p, err := meetKeeper(folder)
	if err == nil && p.Failure != "" {
		err = errors.New(p.Failure)
	}
	if err != nil {
		users.Close()
		return membership{}, err
	}
	return membership{p, users}, nil
})

// meetingPlace is the folder in which test binaries of the same user that want
// the same find each other.
func meetingPlace() (string, error) {
	wanted := sha256.New()
	fmt.Fprintf(wanted, "1\n%s\n%s\n", os.Getenv(urlVariable), os.Getenv(imageVariable))
	err := fs.WalkDir(migrations.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(migrations.Files, path)
		fmt.Fprintf(wanted, "%s %d\n%s", path, len(content), content)
		return err
	})
	name := fmt.Sprintf("timesheets-pgtest-%d-%x", os.Geteuid(), wanted.Sum(nil)[:6])
	return filepath.Join(os.TempDir(), name), err
}

// enter locks the gate, which one process passes at a time, and makes us a user.
func enter(folder string) (gate, users *os.File, err error) {
	for {
		if err := ownFolder(folder); err != nil {
			return nil, nil, err
		}
		gate, err = lock(filepath.Join(folder, "gate"), syscall.LOCK_EX)
		if err == nil {
			users, err = lock(filepath.Join(folder, "users"), syscall.LOCK_SH)
			if err == nil {
				return gate, users, nil
			}
			gate.Close()
		}
		// A keeper that ends takes its folder along; the next one makes a new one.
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}
}

// ownFolder makes the folder, and refuses one that somebody else has made.
func ownFolder(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
		return fmt.Errorf("%s belongs to somebody else: remove it, or set TMPDIR", folder)
	}
	return nil
}

// lock opens and locks a file, and waits for it if need be. When the file is no
// longer the one of that name by then, the error is fs.ErrNotExist.
func lock(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(f.Fd()), how)
	}
	if err == nil {
		err = same(f, path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func same(f *os.File, path string) error {
	ours, err := f.Stat()
	if err != nil {
		return err
	}
	present, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(ours, present) {
		return fs.ErrNotExist
	}
	return nil
}

// meetKeeper waits for what the keeper publishes, and starts one if there is
// none. The caller has passed the gate, so nobody else does so now.
func meetKeeper(folder string) (published, error) {
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	started := false
	for ; ; <-poll.C {
		place, err := lock(filepath.Join(folder, "keeper"), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK): // there is one
			p, err := read(folder)
			if !errors.Is(err, fs.ErrNotExist) {
				return p, err
			}
		case err != nil:
			return published{}, err
		case started:
			place.Close()
			output, _ := os.ReadFile(filepath.Join(folder, "log"))
			return published{}, fmt.Errorf("pgtest: the keeper of the shared server ended: %s", output)
		default:
			started = true
			if err := startKeeper(folder, place); err != nil {
				return published{}, err
			}
		}
	}
}

// read gets what the keeper has published; before that it is fs.ErrNotExist.
func read(folder string) (p published, err error) {
	content, err := os.ReadFile(filepath.Join(folder, "server"))
	if err != nil {
		return published{}, err
	}
	return p, json.Unmarshal(content, &p)
}

// startKeeper starts a keeper, which is this program once more. It inherits
// the locked file, and with it the lock.
func startKeeper(folder string, place *os.File) error {
	defer place.Close()
	if err := os.RemoveAll(filepath.Join(folder, "server")); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), keeperVariable+"="+folder)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{place}
	// In a session of its own it survives what ends us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
