package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// What serves requests: the faults made here can reach a client.
var servesRequests = []string{
	"domain/*/*.go",
	"application/access/*.go", "application/approval/*.go", "application/directory/*.go",
	"application/idempotency/*.go", "application/intake/*.go", "application/reporting/*.go", "application/timekeeping/*.go",
	"adapters/httpapi/*.go",
	"adapters/postgres/*.go",
	"adapters/auth0/key*.go", "adapters/auth0/reason.go",
}

// Codes that are no problem of a request: of faults that a program shows when
// it starts, and ends; and of rows that are well, but come late.
var notOfRequests = regexp.MustCompile(`^(database_(pool|url)_|http_|migration_|user_id_claim_unusable$|stale$|superseded$)`)

// Every code that a client can read stands in the table of problems, where its
// type leads, and nothing does that no code mentions. The rule knows a code by
// the sentence that follows it, as in fault.New(kind, "own_entry", "Nobody
// decides about their own hours."), or by the name Code.
func TestEveryCodeThatAClientCanReadIsExplained(t *testing.T) {
	t.Parallel()
	explained := explainedCodes(t)
	used, mentioned := map[string]string{}, map[string]bool{}
	for _, pattern := range servesRequests {
		files, err := filepath.Glob(inProject(t, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s names no file (%v)", pattern, err)
		}
		for _, file := range files {
			if matched, _ := filepath.Match("*_test.go", filepath.Base(file)); !matched {
				codesIn(t, file, used, mentioned)
			}
		}
	}
	if len(used) < 30 {
		t.Fatalf("%d codes were found: this test looks past most", len(used))
	}
	for _, code := range slices.Sorted(maps.Keys(used)) {
		if !explained[code] && !notOfRequests.MatchString(code) {
			t.Errorf("%s (%s) is not in the table of ProblemCode in adapters/httpapi/openapi.yaml", code, used[code])
		}
	}
	for _, code := range slices.Sorted(maps.Keys(explained)) {
		if !mentioned[code] {
			t.Errorf("%s is in the table of ProblemCode, and no code mentions it", code)
		}
	}
}

func explainedCodes(t *testing.T) map[string]bool {
	t.Helper()
	document, err := os.ReadFile(inProject(t, "adapters/httpapi/openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^ +\\| `([a-z0-9_]+)` \\| [0-9]").FindAllSubmatch(document, -1) {
		codes[string(row[1])] = true
	}
	return codes
}

// codesIn adds the codes that a file gives faults, each with the place, and all
// that it mentions.
func codesIn(t *testing.T, path string, codes map[string]string, mentioned map[string]bool) {
	t.Helper()
	constants := constantsBeside(t, path)
	inspect(t, path, func(at token.Position, n ast.Node) {
		var found []string
		switch n := n.(type) {
		case *ast.BasicLit:
			mentioned[text(n, nil)] = true
		case *ast.CallExpr:
			found = codesBeforeSentences(n.Args, constants)
		case *ast.CompositeLit:
			found = codesBeforeSentences(n.Elts, constants)
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
				found = []string{text(n.Value, constants)}
			}
		case *ast.ValueSpec:
			if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "Code" {
				for _, value := range n.Values {
					found = append(found, text(value, nil))
				}
			}
		}
		for _, code := range found {
			if codeForm.MatchString(code) {
				codes[code] = filepath.Base(path) + ":" + strconv.Itoa(at.Line)
			}
		}
	})
}

var (
	codeForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	sentence = regexp.MustCompile(`^%s$| .*\.$`)
)

// codesBeforeSentences are the texts that a sentence follows, without the
// codes of fault.Internal, which no client sees.
func codesBeforeSentences(list []ast.Expr, constants map[string]string) []string {
	var found []string
	for i := range len(list) - 1 {
		if i > 0 {
			if kind, ok := list[i-1].(*ast.SelectorExpr); ok && kind.Sel.Name == "Internal" {
				continue
			}
		}
		if sentence.MatchString(text(list[i+1], nil)) {
			found = append(found, text(list[i], constants))
		}
	}
	return found
}

// constantsBeside gives the textual constants of the package that path is in.
func constantsBeside(t *testing.T, path string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			declaration, ok := d.(*ast.GenDecl)
			if !ok || declaration.Tok != token.CONST {
				continue
			}
			for _, s := range declaration.Specs {
				spec := s.(*ast.ValueSpec)
				for i, value := range spec.Values {
					constants[spec.Names[i].Name] = text(value, nil)
				}
			}
		}
	}
	return constants
}

// text is the string that e stands for; "" when it is not written out.
func text(e ast.Expr, constants map[string]string) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return s
		}
	case *ast.Ident:
		return constants[e.Name]
	}
	return ""
}
