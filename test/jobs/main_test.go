// Package jobs proves what the import job promises through the programs
// themselves: the real importer, as a process that is killed, frozen and
// started twice, against the real API over a real PostgreSQL, with tokens of a
// real issuer, and a stand-in for a tracker on which people go on working.
package jobs

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"timesheets/test/integration/apitest"
	"timesheets/test/sources"
)

var seed = flag.Uint64("seed", 0, "of all that is random; 0 is another one each time")

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	code := apitest.Main(m)
	if err := removeImporter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// chance is a source of randomness for one test, which says how to get the
// same again.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	t.Logf("again with: go test ./test/jobs -run '^%s$' -seed %d", t.Name(), *seed)
	return rand.New(rand.NewPCG(*seed, 1))
}

const theImporter = "timesheets/bootstrap/importer"

var built struct {
	once   sync.Once
	folder string
	path   string
	err    error
}

// importer is the path of the program, built when the first test asks.
func importer(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "timesheets-jobs-"); built.err != nil {
			return
		}
		built.path = filepath.Join(built.folder, "importer")
		args := []string{"build", "-o", built.path}
		if apitest.Race {
			args = append(args, "-race")
		}
		output, err := exec.Command("go", append(args, theImporter)...).CombinedOutput()
		if err != nil {
			built.err = errors.Join(err, errors.New(string(output)))
			return
		}
		built.err = sources.Look(theImporter)
	})
	if built.err != nil {
		t.Fatalf("build the importer: %v", built.err)
	}
	return built.path
}

func removeImporter() error {
	if built.folder == "" {
		return nil
	}
	return os.RemoveAll(built.folder)
}
