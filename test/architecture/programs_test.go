package architecture

import "testing"

// What is linked into a program is what can go wrong in it, and what an
// attacker finds there.
func TestProgramsAreLinkedWithNothingThatTheyDoNotNeed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		program string
		without []string
	}{
		{"bootstrap/api", []string{
			module + "/adapters/localissuer", module + "/adapters/localpostgres",
			module + "/adapters/trackers", module + "/adapters/timesheetsapi", module + "/application/importing",
			module + "/test", "github.com/testcontainers",
		}},
		{"bootstrap/importer", []string{
			module + "/adapters/postgres", module + "/adapters/httpapi", module + "/migrations",
			module + "/adapters/localissuer", module + "/adapters/localpostgres",
			"github.com/jackc", "github.com/gofiber", "github.com/valyala/fasthttp",
			module + "/test", "github.com/testcontainers",
		}},
		{"bootstrap/demo", nil}, // which is the product with all that stands around it
	} {
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			program := packageAt(t, tt.program)
			if program.Name != "main" {
				t.Errorf("%s is package %s, not a program", tt.program, program.Name)
			}
			for _, linked := range program.Deps {
				if within(linked, tt.without...) {
					t.Errorf("%s is linked with %s; go list -deps says by which way", tt.program, linked)
				}
			}
		})
	}
}

func packageAt(t *testing.T, name string) gopackage {
	t.Helper()
	for _, p := range packages(t) {
		if p.name() == name {
			return p
		}
	}
	t.Fatalf("there is no package %s", name)
	return gopackage{}
}
