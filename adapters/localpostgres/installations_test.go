package localpostgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write makes a program. No child is forked meanwhile: one that has the file
// open for writing, however shortly, makes it "busy" for who wants to run it.
func write(t *testing.T, path, script string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

// install makes a folder with programs that only tell their version.
func install(t *testing.T, dir, version string, programs ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range programs {
		write(t, filepath.Join(dir, program), fmt.Sprintf("#!/bin/sh\necho '%s (PostgreSQL) %s'\n", program, version))
	}
}

func TestInstallationsAreTheOneInThePathThenTheNewest(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for version, programs := range map[string][]string{
		"9.6": {"initdb", "postgres"},
		"15":  {"initdb", "postgres"},
		"16":  {"initdb", "postgres"},
		"17":  {"psql"}, // a client alone
		"18":  {"initdb"},
	} {
		install(t, filepath.Join(dir, "lib", version, "bin"), version, programs...)
	}
	install(t, filepath.Join(dir, "own"), "14", "initdb", "postgres")
	onPath := filepath.Join(dir, "path")
	if err := os.Mkdir(onPath, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"initdb", "postgres"} {
		if err := os.Symlink(filepath.Join(dir, "own", program), filepath.Join(onPath, program)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", onPath)
	got := installations([]string{filepath.Join(dir, "lib", "*", "bin"), filepath.Join(dir, "own"), filepath.Join(dir, "none*")})
	for i := range got {
		got[i] = strings.TrimPrefix(got[i], dir)
	}
	want := []string{"/own", "/lib/16/bin", "/lib/15/bin", "/lib/9.6/bin"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestVersionsInFolderNamesAreComparedAsNumbers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		older, newer string
	}{
		{"/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/10/bin"},
		{"/usr/pgsql-15/bin", "/usr/pgsql-16/bin"},
		{"/usr/local/opt/postgresql/bin", "/usr/local/opt/postgresql@16/bin"},
		{"/usr/local/pgsql/bin", "/opt/local/lib/postgresql15/bin"},
	} {
		if compareVersions(tt.older, tt.newer) >= 0 || compareVersions(tt.newer, tt.older) <= 0 {
			t.Errorf("%s should come after %s", tt.older, tt.newer)
		}
	}
}

func TestAnInstallationThatIsTooOldSaysSo(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"14.2": true, "9.6.24": true, "15.18 (Debian 15.18-0+deb12u1)": false, "19beta1": false, "devel": true} {
		bin := filepath.Join(t.TempDir(), "bin")
		install(t, bin, version, "postgres")
		if err := tooOld(t.Context(), bin); (err != nil) != want {
			t.Errorf("%s: got %v, want an error: %v", version, err, want)
		}
	}
	if err := tooOld(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder without programs is good enough")
	}
}

func TestAnInstallationThatDoesNotWorkIsNamedWithItsWords(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(base(t), "bin")
	install(t, bin, "17.1", "postgres")
	write(t, filepath.Join(bin, "initdb"), "#!/bin/sh\necho 'initdb: error: the library libicu is missing' >&2\nexit 1\n")
	a, err := unprivileged()
	if err != nil {
		t.Fatal(err)
	}
	_, err = startPostmaster(t.Context(), bin, Options{MaxConnections: 10}, a, "secret")
	if err == nil || !strings.Contains(err.Error(), "libicu is missing") || !strings.Contains(err.Error(), bin) {
		t.Errorf("got %v", err)
	}
}
