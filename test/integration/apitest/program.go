package apitest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"timesheets/test/sources"
)

// Main runs the tests of a binary and clears up after them. It gives the exit
// status, which is not 0 either when something is left running:
//
//	func TestMain(m *testing.M) { os.Exit(apitest.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	var left []error
	for _, end := range []func() error{lifetime.end, closeIssuer, removeProgram} {
		if err := end(); err != nil {
			left = append(left, err)
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		left = append(left, err)
	}
	for _, err := range left {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

const theAPI = "timesheets/bootstrap/api"

var built struct {
	once   sync.Once
	folder string
	path   string
	err    error
}

// program is the path of the API program, built when the first test asks.
func program() (string, error) {
	built.once.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "timesheets-apitest-"); built.err != nil {
			return
		}
		built.path = filepath.Join(built.folder, "api")
		args := []string{"build", "-o", built.path}
		if Race {
			args = append(args, "-race")
		}
		output, err := exec.Command("go", append(args, theAPI)...).CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("build the API: %w\n%s", err, output)
			return
		}
		built.err = sources.Look(theAPI)
	})
	return built.path, built.err
}

func removeProgram() error {
	if built.folder == "" {
		return nil
	}
	return os.RemoveAll(built.folder)
}
