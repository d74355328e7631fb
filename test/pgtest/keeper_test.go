package pgtest

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"timesheets/adapters/localpostgres"
)

func TestUsersShareOneServerUntilTheLastIsGone(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	var users [5]user
	var all sync.WaitGroup
	for i := range users {
		all.Go(func() { users[i] = m.join(t) })
	}
	all.Wait()
	for _, u := range users {
		if u.Error != "" || u.Got != users[0].Got {
			t.Errorf("got %+v, want what the first got, %+v", u.said, users[0].said)
		}
	}
	for _, u := range users[1:] {
		u.kill()
	}
	if !serves(t, users[0].Got.URL) {
		t.Fatal("the server is gone while it has a user")
	}
	if later := m.join(t); later.Got != users[0].Got {
		t.Errorf("who comes later gets %+v, want %+v", later.Got, users[0].Got)
	} else {
		later.kill()
	}
	users[0].kill()
	eventually(t, "the server is gone", func() bool { return !serves(t, users[0].Got.URL) })
	eventually(t, "nothing is left", func() bool { return len(m.left(t)) == 0 })
}

func TestUsersThatComeAndGoAlwaysFindAServer(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for range 4 {
				u := m.join(t)
				if u.Error != "" || !serves(t, u.Got.URL) {
					t.Errorf("got no server: %+v", u.said)
				}
				u.kill()
			}
		})
	}
	all.Wait()
	eventually(t, "nothing is left", func() bool { return len(m.left(t)) == 0 })
}

// keeper is the process that keeps the server of a meeting.
func (m meeting) keeper(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.folder, "*", "keeper"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got the keepers %q, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// kept tells whether a keeper holds its lock.
func (m meeting) kept(t *testing.T) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.folder, "*", "keeper"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got the keepers %q, %v", files, err)
	}
	place, err := lock(files[0], syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return true
	}
	place.Close()
	return false
}

func TestAKilledKeeperTakesItsServerAlongAndIsReplaced(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	first := m.join(t)
	if first.Error != "" {
		t.Fatal(first.Error)
	}
	if err := syscall.Kill(m.keeper(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its server is gone", func() bool { return !serves(t, first.Got.URL) })
	// The server goes with the keeper's thread that started it, the lock with the
	// keeper's last thread, which may be a moment later.
	eventually(t, "the keeper is gone", func() bool { return !m.kept(t) })
	second := m.join(t)
	if second.Error != "" || !serves(t, second.Got.URL) || second.Got.Prefix == first.Got.Prefix {
		t.Errorf("got %+v, want another server", second.said)
	}
	first.kill()
	second.kill()
	eventually(t, "nothing is left", func() bool { return len(m.left(t)) == 0 })
}

func TestAFailureIsToldToAllAndLeavesNothing(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	bad := urlVariable + "=postgres://u:s3cret@127.0.0.1:1/d"
	for range 2 {
		u := m.join(t, bad)
		if !strings.Contains(u.Error, urlVariable+" names a PostgreSQL that does not accept us") || strings.Contains(u.Error, "s3cret") {
			t.Errorf("got %q", u.Error)
		}
		u.kill()
	}
	eventually(t, "nothing is left", func() bool { return len(m.left(t)) == 0 })
}

func TestAGivenServerIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	theirs, err := localpostgres.Start(t.Context(), localpostgres.Options{Order: order, Disposable: true, Image: os.Getenv(imageVariable)})
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Stop()
	databases := func() string {
		return ask(t, theirs.SuperuserURL(), "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database")
	}
	before := databases()
	m := newMeeting(t)
	u := m.join(t, urlVariable+"="+theirs.URL())
	if u.Error != "" {
		t.Fatal(u.Error)
	}
	if u.Got.URL != theirs.URL() || !slices.Contains(strings.Fields(databases()), u.Got.Template) {
		t.Errorf("the given server is not used: %+v; it has %s", u.Got, databases())
	}
	// As a killed test leaves it.
	if err := run(u.Got.URL, "CREATE DATABASE "+u.Got.Prefix+"left"); err != nil {
		t.Fatal(err)
	}
	u.kill()
	eventually(t, "its databases are as before", func() bool { return databases() == before })
	eventually(t, "nothing is left", func() bool { return len(m.left(t)) == 0 })
}

func TestAFolderOfSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	if err := os.Symlink(m.folder, filepath.Join(m.folder, "link")); err != nil {
		t.Fatal(err)
	}
	if err := ownFolder(filepath.Join(m.folder, "link")); err == nil || !strings.Contains(err.Error(), "set TMPDIR") {
		t.Errorf("got %v", err)
	}
}
