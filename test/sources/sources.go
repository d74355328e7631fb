// Package sources has tests run again when programs have changed that they
// build, or packages that they list. The go command gives a test's last result
// again while nothing has changed that the test imports or looks at, and knows
// of nothing that the test's child processes read.
package sources

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Look looks at every file of ours that the packages are made of, with all that
// they import, and at every folder in which another file or package could come.
func Look(packages ...string) error {
	const ours = `{{with .Module}}{{if .Main}}{{.Dir}}{{"\t"}}{{$.Dir}}{{range $.GoFiles}}{{"\t"}}{{.}}{{end}}` +
		`{{range $.IgnoredGoFiles}}{{"\t"}}{{.}}{{end}}{{range $.EmbedFiles}}{{"\t"}}{{.}}{{end}}{{"\n"}}{{end}}{{end}}`
	output, err := exec.Command("go", append([]string{"list", "-e", "-deps", "-f", ours}, packages...)...).Output()
	if err != nil {
		return fmt.Errorf("list what %v are made of: %w", packages, err)
	}
	seen := map[string]bool{}
	look := func(path string) error {
		if seen[path] {
			return nil
		}
		seen[path] = true
		_, err := os.Stat(path)
		return err
	}
	for line := range strings.Lines(string(output)) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		root, folder := parts[0], parts[1]
		paths := []string{root, filepath.Join(root, "go.mod")}
		for _, file := range parts[2:] {
			paths = append(paths, filepath.Join(folder, file))
		}
		for ; len(folder) > len(root); folder = filepath.Dir(folder) {
			paths = append(paths, folder)
		}
		for _, path := range paths {
			if err := look(path); err != nil {
				return err
			}
		}
	}
	return nil
}
