package pgtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// userVariable turns this test binary into another user of the shared server,
// which says what it got and stays until its input ends.
const userVariable = "PGTEST_USER"

func TestMain(m *testing.M) {
	if os.Getenv(userVariable) != "" {
		os.Exit(beUser())
	}
	os.Exit(m.Run())
}

// said is what a user says.
type said struct {
	Error string
	Got   published
}

func beUser() int {
	var s said
	member, err := join()
	s.Got = member.published
	if err != nil {
		s.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// meeting is a place where users meet that have nothing to do with this process.
type meeting struct {
	folder string // their TMPDIR
}

func newMeeting(t *testing.T) meeting {
	t.Helper()
	folder, err := os.MkdirTemp("", "pgtest meeting ")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return meeting{folder}
}

// left is what lies in the meeting's folder.
func (m meeting) left(t *testing.T) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(m.folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// user is another process that has joined, or tried to.
type user struct {
	said
	cmd *exec.Cmd
}

func (m meeting) join(t *testing.T, environment ...string) user {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	u := user{cmd: exec.Command(program)}
	u.cmd.Env = append(append(os.Environ(), userVariable+"=1", "TMPDIR="+m.folder), environment...)
	u.cmd.Stderr = os.Stderr
	if _, err := u.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := u.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(line), &u.said); err != nil {
		t.Fatal(err)
	}
	return u
}

func (u user) kill() {
	_ = u.cmd.Process.Kill()
	_ = u.cmd.Wait()
}

// ask runs a query that answers with one value, in text.
func ask(t *testing.T, url, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var answer string
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// exists tells whether the server has a database of that URL's name.
func exists(t *testing.T, server, url string) bool {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, server, fmt.Sprintf("SELECT count(*)::text FROM pg_database WHERE datname = '%s'", config.Database)) == "1"
}

func serves(t *testing.T, url string) bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return false
	}
	return conn.Close(t.Context()) == nil
}

// eventually waits for what must become true within a generous time.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			t.Fatalf("never happened: %s", what)
		case <-poll.C:
		}
	}
}

// serverAndPort is where a URL leads, whatever database it names.
func serverAndPort(t *testing.T, url string) string {
	t.Helper()
	_, rest, _ := strings.Cut(url, "@")
	address, _, _ := strings.Cut(rest, "/")
	if address == "" {
		t.Fatalf("%q leads nowhere", url)
	}
	return address
}
