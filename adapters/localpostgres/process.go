package localpostgres

import (
	"context"
	"os/exec"
	"runtime"
	"syscall"
)

// process is a child of ours that the kernel ends when we end, where the
// kernel can do so.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how; readable once done is closed
}

// spawn starts cmd as the account, in a process group of its own, so that
// Ctrl-C reaches us first.
func spawn(cmd *exec.Cmd, a *account) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: a.credential()}
	dieWithParent(cmd.SysProcAttr)
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that started the
		// child ends, so this thread is the child's alone and lives as long.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run waits for the process to end by itself, and ends it with ctx.
func (p *process) run(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		_ = p.cmd.Process.Kill()
		<-p.done
		return ctx.Err()
	}
}

// signal sends a signal and waits until the process has ended.
func (p *process) signal(ctx context.Context, s syscall.Signal) error {
	// That it has ended already is what was wanted.
	_ = p.cmd.Process.Signal(s)
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
