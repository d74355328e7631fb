package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheTopLevelIsWhatTheReadmeSays(t *testing.T) {
	t.Parallel()
	allowed := []string{"adapters", "application", "bootstrap", "deploy", "domain", "migrations", "test"}
	entries, err := os.ReadDir(inProject(t, "."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("the folder %s is none of %v", e.Name(), allowed)
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if want := "Package " + p.Name + " "; p.Name != "main" && !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: its comment begins with %q, want %q", p.name(), p.Doc, want)
		}
		if p.Name == "main" && p.Doc == "" {
			t.Errorf("%s: a program without a comment", p.name())
		}
	}
}

// Names that say of which kind a thing is, and not what.
func TestNothingIsNamedAfterItsKind(t *testing.T) {
	t.Parallel()
	empty := []string{"common", "dto", "entities", "handlers", "helper", "helpers", "manager", "models", "repositories", "usecases", "util", "utils"}
	for _, p := range packages(t) {
		for element := range strings.SplitSeq(p.name(), "/") {
			if slices.Contains(empty, element) {
				t.Errorf("%s: %q says nothing about timesheets", p.name(), element)
			}
		}
		for _, file := range p.GoFiles {
			if slices.Contains(empty, strings.TrimSuffix(file, ".go")) {
				t.Errorf("%s/%s: the name says nothing about timesheets", p.name(), file)
			}
		}
	}
}

// How a thing looks in JSON or in a table is the adapters' business.
func TestTheDomainHasNoStructTags(t *testing.T) {
	t.Parallel()
	for _, p := range under(t, "domain/") {
		for _, file := range p.GoFiles {
			inspect(t, filepath.Join(p.Dir, file), func(at token.Position, n ast.Node) {
				if field, ok := n.(*ast.Field); ok && field.Tag != nil {
					t.Errorf("%s:%d: the tag %s", file, at.Line, field.Tag.Value)
				}
			})
		}
	}
}

// inspect shows visit every node of a Go file.
func inspect(t *testing.T, path string, visit func(token.Position, ast.Node)) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if n != nil {
			visit(files.Position(n.Pos()), n)
		}
		return true
	})
}
