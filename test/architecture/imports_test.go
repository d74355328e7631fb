// Package architecture keeps the shape of the project: which way imports
// point, what is linked into which program, and which folders there are. It
// runs with every other test, needs nothing but the go command, and says in a
// sentence what is wrong.
package architecture

import (
	"slices"
	"strings"
	"testing"
)

// Doors to the outside, and what waits: not for the domain, which is told what
// it needs to know, the time included.
var notForTheDomain = []string{
	"context", "database/sql", "embed", "flag", "log", "net", "os", "plugin", "runtime", "sync", "syscall", "testing",
}

// The application decides; what it needs from outside stands behind its ports.
var notForTheApplication = []string{
	"database/sql", "embed", "flag", "log", "net", "os", "plugin", "runtime", "syscall", "testing",
}

func TestTheDomainStandsAlone(t *testing.T) {
	t.Parallel()
	for _, p := range under(t, "domain/") {
		for _, imported := range p.Imports {
			switch {
			case isStandard(imported):
				if within(imported, notForTheDomain...) {
					t.Errorf("%s imports %s: the domain does no I/O, waits for nothing and has no clock", p.name(), imported)
				}
			case !strings.HasPrefix(imported, module+"/domain/"):
				t.Errorf("%s imports %s: the domain has the standard library and itself", p.name(), imported)
			}
		}
	}
}

func TestModulesOfTheApplicationMeetOnlyInTheDomain(t *testing.T) {
	t.Parallel()
	for _, p := range under(t, "application/") {
		for _, imported := range p.Imports {
			switch {
			case isStandard(imported):
				if within(imported, notForTheApplication...) {
					t.Errorf("%s imports %s: the outside stands behind a port", p.name(), imported)
				}
			case strings.HasPrefix(imported, module+"/domain/"), within(imported, module+"/"+p.family()):
			case strings.HasPrefix(imported, module+"/application/"):
				t.Errorf("%s imports %s: modules never import each other, they meet in domain", p.name(), imported)
			default:
				t.Errorf("%s imports %s: a module has the standard library and domain", p.name(), imported)
			}
		}
	}
}

// The packages under adapters/trackers are one adapter with a package for each
// tracker, and some that trackers share; trackers do not know of each other.
func TestAdaptersNeverImportEachOther(t *testing.T) {
	t.Parallel()
	for _, p := range under(t, "adapters/") {
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, module+"/") {
				continue
			}
			switch other := strings.TrimPrefix(imported, module+"/"); {
			case within(other, "domain", "application", "migrations"):
			case within(other, "adapters") && within(other, p.family()) && mayShare(p.name(), other):
			case within(other, "adapters"):
				t.Errorf("%s imports %s: adapters never import each other", p.name(), other)
			default:
				t.Errorf("%s imports %s: an adapter has application and domain", p.name(), other)
			}
		}
	}
}

// mayShare is true unless both are trackers: packages that know the interface
// of a tracker, which the shared ones do not.
func mayShare(name, other string) bool {
	shared := []string{"adapters/trackers/fetch", "adapters/trackers/jsonlist", "adapters/trackers/settings"}
	return name == "adapters/trackers" || slices.Contains(shared, other) || !strings.HasPrefix(other, "adapters/trackers/")
}

func TestOnlyTheDemoUsesWhatIsForTests(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if strings.HasPrefix(p.name(), "test/") {
			continue
		}
		for _, imported := range p.Imports {
			switch {
			case imported == "testing" || strings.HasPrefix(imported, "testing/"):
				t.Errorf("%s imports %s: it would be linked into a program", p.name(), imported)
			case strings.HasPrefix(imported, module+"/test/"):
				// The demo shows the stand-in tracker that tests use.
				if p.name() != "bootstrap/demo" || imported != module+"/test/trackertest" {
					t.Errorf("%s imports %s: production code never needs what is for tests", p.name(), imported)
				}
			}
		}
	}
	for _, p := range packages(t) {
		if p.name() == "test/trackertest" && slices.Contains(p.Imports, "testing") {
			t.Errorf("%s imports testing: the demo would be linked with it", p.name())
		}
	}
}

func TestOnlyBootstrapKnowsEverything(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if within(p.name(), "bootstrap", "test") {
			continue
		}
		if p.Name == "main" {
			t.Errorf("%s is a program: programs stand in bootstrap", p.name())
		}
		for _, imported := range p.Imports {
			if within(imported, module+"/bootstrap") {
				t.Errorf("%s imports %s: nothing knows who assembles it", p.name(), imported)
			}
		}
	}
}

// Wire writes code and is not part of it: it is seen by the files with the tag
// wireinject alone, which no build has.
func TestWireIsNoPartOfAnyProgram(t *testing.T) {
	t.Parallel()
	const wire = "github.com/google/wire"
	for _, p := range packages(t) {
		if slices.Contains(p.Imports, wire) || slices.Contains(p.Deps, wire) {
			t.Errorf("%s is linked with Wire: give the file that imports it the build tag wireinject", p.name())
		}
	}
	tagged, err := withWire()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range tagged {
		if slices.Contains(p.Imports, wire) && !strings.HasPrefix(p.name(), "bootstrap/") {
			t.Errorf("%s imports Wire: only bootstrap assembles", p.name())
		}
	}
}
