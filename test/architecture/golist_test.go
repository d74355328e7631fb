package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"timesheets/test/sources"
)

const module = "timesheets"

// gopackage is what the go command says of one of our packages. Files and
// imports of tests are no part of it.
type gopackage struct {
	ImportPath, Name, Doc, Dir string
	GoFiles                    []string // without tests
	Imports                    []string
	Deps                       []string // imports of imports too
}

// name is the package's folder from the project's root.
func (p gopackage) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// family is the layer and the first name below it: adapters/trackers.
func (p gopackage) family() string {
	parts := strings.SplitN(p.name(), "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// The go command is asked twice, and once for what to look at, however many rules
// there are.
var (
	asBuilt  = sync.OnceValues(func() ([]gopackage, error) { return list() })
	looked   = sync.OnceValue(func() error { return sources.Look(module + "/...") })
	withWire = sync.OnceValues(func() ([]gopackage, error) { return list("-tags=wireinject") })
)

// packages gives every package of ours that is more than tests.
func packages(t *testing.T) []gopackage {
	t.Helper()
	all, err := asBuilt()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// list gives the packages that a build with the flags would have. One that does
// not load is listed too (-e): the compiler says what is wrong with it, this
// says what its imports are.
func list(flags ...string) ([]gopackage, error) {
	project, err := root()
	if err != nil {
		return nil, err
	}
	if err := looked(); err != nil {
		return nil, err
	}
	args := append([]string{"list", "-e", "-json=ImportPath,Name,Doc,Dir,GoFiles,Imports,Deps"}, flags...)
	cmd := exec.Command("go", append(args, "./...")...)
	cmd.Dir = project
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []gopackage
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p gopackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF) && len(all) > 0:
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		if len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
}

// under gives the packages whose name begins with prefix; none is an error,
// since a rule about nothing holds always.
func under(t *testing.T, prefix string) []gopackage {
	t.Helper()
	var some []gopackage
	for _, p := range packages(t) {
		if strings.HasPrefix(p.name(), prefix) {
			some = append(some, p)
		}
	}
	if len(some) == 0 {
		t.Fatalf("there is no package under %s", prefix)
	}
	return some
}

// root is the folder that go.mod lies in.
func root() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// inProject is the path of a file of the project, from its root.
func inProject(t *testing.T, path string) string {
	t.Helper()
	project, err := root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(project, path)
}

// isStandard is true for packages of the standard library, which alone have no
// dot in their first element, but for ours.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && first != module
}

// within is true when path is one of roots or lies below it.
func within(path string, roots ...string) bool {
	for _, r := range roots {
		if path == r || strings.HasPrefix(path, r+"/") {
			return true
		}
	}
	return false
}
