package jobs

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for a job to end.
const patience = time.Minute

// process is one job, as a scheduler starts it.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer // to be read when it has ended
	done           chan struct{}
}

// start starts a job that gives itself less time than a test waits.
func start(t *testing.T, env map[string]string, stdin string, args ...string) *process {
	t.Helper()
	if imports := args[0] == "run" || args[0] == "plan"; imports && !slices.Contains(args, "--timeout") {
		args = append(args, "--timeout", "45s")
	}
	p := &process{cmd: exec.Command(importer(t), args...), done: make(chan struct{})}
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LOG_FORMAT=json"}
	for name, value := range env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = strings.NewReader(stdin), &p.stdout, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(p.cmd.SysProcAttr)
	started := make(chan error)
	go func() {
		// The kernel looks at the thread that started the program, not at the
		// process, when it decides whether the parent is gone.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = p.cmd.Wait() // ProcessState says how it ended
		close(p.done)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		<-p.done
	})
	return p
}

func (p *process) kill()      { _ = p.cmd.Process.Signal(syscall.SIGKILL) }
func (p *process) terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }
func (p *process) freeze()    { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }
func (p *process) thaw()      { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// outcome is how a job ended and what it said.
type outcome struct {
	code           int // -1 when it was killed
	stdout, stderr string
	said
}

// said is the last line of a job's log.
type said struct {
	Message      string `json:"msg"`
	Source       string `json:"source"`
	Import       string `json:"import_id"`
	Mode         string `json:"mode"`
	Window       string `json:"window"`
	Exit         int    `json:"exit"`
	Read         int    `json:"read"`
	Created      int    `json:"created"`
	Updated      int    `json:"updated"`
	Unchanged    int    `json:"unchanged"`
	Deleted      int    `json:"deleted"`
	Conflicts    int    `json:"conflicts"`
	Rejected     int    `json:"rejected"`
	New          int    `json:"new_problems"`
	Known        int    `json:"known_problems"`
	Retries      int    `json:"retries"`
	CursorBefore string `json:"cursor_before"`
	Cursor       string `json:"cursor"`
	Skipped      string `json:"deletions_skipped"`
	Error        string `json:"error"`
}

// end waits until the job has ended.
func (p *process) end(t *testing.T) outcome {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // shows what its goroutines do
		p.thaw()
		<-p.done
		t.Fatalf("the job does not end:\n%s", p.stderr.String())
	}
	o := outcome{code: p.cmd.ProcessState.ExitCode(), stdout: p.stdout.String(), stderr: p.stderr.String()}
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	if last := lines[len(lines)-1]; strings.HasPrefix(last, "{") {
		if err := json.NewDecoder(strings.NewReader(last)).Decode(&o.said); err != nil && err != io.EOF {
			t.Fatalf("%v in %s", err, last)
		}
	}
	if strings.Contains(o.stderr, "DATA RACE") || strings.Contains(o.stderr, "panic:") {
		t.Errorf("the job wrote:\n%s", o.stderr)
	}
	return o
}

// is fails the test unless the job ended with the code.
func (o outcome) is(t *testing.T, code int) outcome {
	t.Helper()
	if o.code != code {
		t.Fatalf("exit %d, want %d\n%s%s", o.code, code, o.stdout, o.stderr)
	}
	return o
}

// over tells whether the job has ended.
func (p *process) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}
