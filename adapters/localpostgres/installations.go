package localpostgres

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// places is where packages put PostgreSQL's server programs outside of $PATH.
var places = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // PGDG on Red Hat and SUSE
	"/usr/lib/postgresql[0-9]*/bin",                      // SUSE
	"/usr/libexec/postgresql[0-9]*",                      // Alpine
	"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew, Apple silicon
	"/usr/local/opt/postgresql*/bin",                     // Homebrew, Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",     // Homebrew, Linux
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
	"/Library/PostgreSQL/*/bin",                          // EDB's installer
	"/opt/local/lib/postgresql*/bin",                     // MacPorts
	"/usr/local/pgsql/bin",                               // built from source
}

// installations lists the folders that hold a PostgreSQL server, the best
// first: what $PATH leads to, then all others, newest version first.
func installations(places []string) []string {
	var found []string
	if onPath, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(onPath); err == nil {
			found = append(found, filepath.Dir(real))
		}
	}
	var others []string
	for _, pattern := range places {
		// The patterns are constant and well-formed, which is the only error.
		matches, _ := filepath.Glob(pattern)
		others = append(others, matches...)
	}
	slices.SortStableFunc(others, func(a, b string) int {
		return compareVersions(b, a)
	})
	found = append(found, others...)

	seen := map[string]bool{}
	return slices.DeleteFunc(found, func(dir string) bool {
		known := seen[dir]
		seen[dir] = true
		return known || !executable(filepath.Join(dir, "initdb")) || !executable(filepath.Join(dir, "postgres"))
	})
}

var numbers = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)

// compareVersions orders folders by the last number in their paths; one
// without counts as oldest.
func compareVersions(a, b string) int {
	version := func(dir string) float64 {
		all := numbers.FindAllString(dir, -1)
		if len(all) == 0 {
			return 0
		}
		v, err := strconv.ParseFloat(all[len(all)-1], 64)
		if err != nil {
			return 0 // thousands of digits
		}
		return v
	}
	return cmp.Compare(version(a), version(b))
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// tooOld says why the installation is of no use, or nil. It asks the program,
// since a folder's name is only a hint.
func tooOld(ctx context.Context, bin string) error {
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return fmt.Errorf("%s/postgres --version: %w", bin, err)
	}
	major, err := strconv.ParseFloat(numbers.FindString(string(out)), 64)
	if err != nil || major*10000 < oldest {
		return fmt.Errorf("%s is %s: 15 or newer is needed", bin, strings.TrimSpace(string(out)))
	}
	return nil
}
