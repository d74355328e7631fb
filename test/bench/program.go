package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program is a child process that serves HTTP on loopback.
type program struct {
	cmd  *exec.Cmd
	url  string
	log  *os.File
	done chan error
}

const (
	readyWithin = time.Minute
	stopWithin  = 30 * time.Second
)

// start runs a program that listens at address, and waits until ready answers
// 200. What it prints goes to a file.
func start(ctx context.Context, logPath, path string, args, environ []string, address, ready string) (*program, error) {
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environ, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is ours to pass on
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	p := &program{cmd: cmd, url: "http://" + address, log: log, done: make(chan error, 1)}
	go func() { p.done <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+ready, nil)
		if err != nil {
			return nil, err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return p, nil
			}
		}
		select {
		case err := <-p.done:
			text, _ := os.ReadFile(logPath)
			return nil, fmt.Errorf("%s ended before it was ready: %w\n%s", filepath.Base(path), err, text)
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%s is not ready", filepath.Base(path)), p.stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the program in an orderly way, else at once.
func (p *program) stop() error {
	defer p.log.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopWithin):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within %s", filepath.Base(p.cmd.Path), stopWithin)
	}
}

// freeAddress gives a port of loopback that nobody listens on now.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// peakMemory gives the most memory that a living process ever held, in MiB.
func peakMemory(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmHWM", pid)
}

// ticks of /proc are hundredths of a second on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// process is what /proc/PID/stat says of a process.
type process struct {
	parent int
	cpu    time.Duration // its own
	waited time.Duration // of its children that have ended
}

func stat(pid int) (process, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before may contain anything
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return process{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var n [15]int
	for i := 1; i < 15; i++ {
		n[i], _ = strconv.Atoi(fields[i]) // all but the state are numbers
	}
	return process{parent: n[1], cpu: time.Duration(n[11]+n[12]) * tick, waited: time.Duration(n[13]+n[14]) * tick}, nil
}

// cpuOf gives what a process and all its children, living and ended, have used.
func cpuOf(pid int) (time.Duration, error) {
	own, err := stat(pid)
	if err != nil {
		return 0, err
	}
	sum := own.cpu + own.waited
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, path := range all {
		child, _ := strconv.Atoi(filepath.Base(path))
		if p, err := stat(child); err == nil && p.parent == pid {
			sum += p.cpu + p.waited
		}
	}
	return sum, nil
}

// machine says what this runs on.
func machine() string {
	model := "?"
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	memory, _ := os.ReadFile("/proc/meminfo")
	total := strings.Fields(string(memory) + " ? ?")[1]
	kib, _ := strconv.Atoi(total)
	return fmt.Sprintf("%d CPUs (%s), %d GiB, %s, load average %s", runtime.NumCPU(), model, kib>>20, runtime.Version(), load())
}

func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text) + " ? ? ?")[:3], " ")
}
