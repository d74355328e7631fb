package deploy

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"timesheets/test/sources"
)

// user is who runs everything: nobody, as distroless images number them.
const user = 65532

func recipe(t *testing.T) string {
	t.Helper()
	return string(read(t, deployFolder+"/Dockerfile"))
}

func TestTheImageIsOneProgramRunByNobody(t *testing.T) {
	t.Parallel()
	_, last, found := strings.Cut(recipe(t), "\nFROM scratch\n")
	if !found || strings.Contains(last, "\nFROM ") {
		t.Fatal("the last stage does not begin with nothing")
	}
	var instructions []string
	for text := range strings.Lines(last) {
		if text = strings.TrimSpace(text); text != "" && !strings.HasPrefix(text, "#") {
			instructions = append(instructions, text)
		}
	}
	want := []string{"COPY --from=build /program /timesheets", fmt.Sprintf("USER %d:%d", user, user), `ENTRYPOINT ["/timesheets"]`}
	if !slices.Equal(instructions, want) {
		t.Errorf("got %q, want %q", instructions, want)
	}
}

// Without cgo a program needs no loader and no library; without the paths of
// whoever builds it is the same wherever it is built.
func TestTheProgramIsBuiltToStandAlone(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"CGO_ENABLED=0 ", " -trimpath ", ` "./bootstrap/${PROGRAM}"`} {
		if !regexp.MustCompile(`(?m)^RUN .*go build.*$`).MatchString(recipe(t)) || !strings.Contains(recipe(t), part) {
			t.Errorf("go build lacks %q", part)
		}
	}
}

func TestTheImagesGoIsThatOfTheModule(t *testing.T) {
	t.Parallel()
	image := regexp.MustCompile(`(?m)^ARG GO_VERSION=(\d+\.\d+)`).FindStringSubmatch(recipe(t))
	module := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(read(t, "../../go.mod")))
	if image == nil || module == nil || image[1] != module[1] {
		t.Errorf("the image is built by Go %v, the module wants %v", image, module)
	}
}

func TestEveryImageOfTheManifestsIsAProgramOfTheRecipe(t *testing.T) {
	t.Parallel()
	var renamed []string
	for _, i := range readKustomization(t).Images {
		renamed = append(renamed, i.Name)
		if i.NewTag == "" || i.NewTag == "latest" || !strings.HasSuffix(i.NewName, "/"+i.Name) {
			t.Errorf("%s becomes %s:%s, of which nobody knows what it is", i.Name, i.NewName, i.NewTag)
		}
	}
	for _, w := range workloads(t) {
		for _, c := range w.containers() {
			if !slices.Contains(renamed, c.Image) {
				t.Errorf("%s, %s: the kustomization does not say which %q", w.name, c.Name, c.Image)
			}
			if len(c.Command) > 0 {
				t.Errorf("%s, %s: the entry point is the program; give it arguments", w.name, c.Name)
			}
		}
	}
	if !slices.Equal(renamed, []string{"timesheets-api", "timesheets-importer"}) {
		t.Errorf("got %v", renamed)
	}
}

// An image that begins with nothing has no time zones and no root certificates:
// the programs bring theirs.
func TestProgramsBringTimeZonesAndRootCertificates(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"api", "importer"} {
		program = "timesheets/bootstrap/" + program
		if err := sources.Look(program); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("go", "list", "-deps", program).Output()
		if err != nil {
			t.Fatal(err)
		}
		linked := strings.Fields(string(out))
		for _, wanted := range []string{"time/tzdata", "golang.org/x/crypto/x509roots/fallback"} {
			if !slices.Contains(linked, wanted) {
				t.Errorf("%s is linked without %s", program, wanted)
			}
		}
	}
}

// What the image is built from is let in by name; a key that lies around in
// the folder is not.
func TestNothingButTheProgramsSourcesGoesToTheBuild(t *testing.T) {
	t.Parallel()
	var rules []string
	for text := range strings.Lines(string(read(t, "../../.dockerignore"))) {
		if text = strings.TrimSpace(text); !strings.HasPrefix(text, "#") {
			rules = append(rules, text)
		}
	}
	let := []string{"!go.mod", "!go.sum", "!adapters", "!application", "!bootstrap", "!domain", "!migrations"}
	if len(rules) == 0 || rules[0] != "*" {
		t.Fatalf("everything goes there, but for %v", rules)
	}
	for _, rule := range rules[1:] {
		if strings.HasPrefix(rule, "!") && !slices.Contains(let, rule) {
			t.Errorf("%s is let in", rule[1:])
		}
	}
	for _, rule := range let {
		if !slices.Contains(rules, rule) {
			t.Errorf("%s is kept out", rule[1:])
		}
	}
}
