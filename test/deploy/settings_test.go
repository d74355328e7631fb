package deploy

import (
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"timesheets/adapters/trackers"
	"timesheets/bootstrap/assembly"
	"timesheets/bootstrap/assembly/job"
	"timesheets/bootstrap/assembly/service"
)

// given is an environment variable as the manifests give it.
type given struct {
	value  string
	secret bool // it comes from a Secret; the value is one of that form
}

// forms has a usable value for each secret.
var forms = map[string]string{
	"DATABASE_URL":        "postgres://timesheets:password@db.example.com/timesheets",
	"AUTH0_CLIENT_SECRET": "client-secret",
	"TRACKER_TOKEN":       "tracker-token",
}

// variables gives the environment of a container, as Kubernetes would make it
// of what the kustomization generates and of the Secrets in the example.
func variables(t *testing.T, c corev1.Container) map[string]given {
	t.Helper()
	found := map[string]given{}
	add := func(name string, g given) {
		if _, twice := found[name]; twice {
			t.Errorf("%s: %s is set twice", c.Name, name)
		}
		found[name] = g
	}
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef == nil || from.SecretRef != nil || from.Prefix != "" {
			t.Errorf("%s: takes more than a ConfigMap as it is", c.Name)
			continue
		}
		for name, value := range generated(t, from.ConfigMapRef.Name) {
			add(name, given{value: value})
		}
	}
	for _, e := range c.Env {
		if e.Value != "" || e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil {
			t.Errorf("%s: %s does not come from a Secret; the rest stands in .env files", c.Name, e.Name)
			continue
		}
		ref := e.ValueFrom.SecretKeyRef
		if !exemplified(t, ref.Name, ref.Key) || ref.Optional != nil {
			t.Errorf("%s: %s is in %s of the Secret %s, which %s does not have, or optional", c.Name, e.Name, ref.Key, ref.Name, examples)
		}
		add(e.Name, given{value: forms[e.Name], secret: true})
	}
	return found
}

// line is a setting, and proposal one that is commented out.
var (
	line     = regexp.MustCompile(`^([A-Z][A-Z0-9_]*)=(\S.*)$`)
	proposal = regexp.MustCompile(`(?m)^#([A-Z][A-Z0-9_]*)=(\S.*)$`)
)

// generated gives the content of a ConfigMap that the kustomization makes.
func generated(t *testing.T, name string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, g := range readKustomization(t).ConfigMapGenerator {
		if g.Name != name {
			continue
		}
		for _, file := range g.Envs {
			for text := range strings.Lines(string(read(t, filepath.Join(folder, file)))) {
				text = strings.TrimSuffix(text, "\n")
				if strings.HasPrefix(text, "#") {
					continue
				}
				part := line.FindStringSubmatch(text)
				if part == nil {
					t.Fatalf("%s: %q is neither a comment nor NAME=value", file, text)
				}
				if _, twice := found[part[1]]; twice {
					t.Errorf("%s: %s is set twice", file, part[1])
				}
				found[part[1]] = part[2]
			}
		}
	}
	if len(found) == 0 {
		t.Errorf("no ConfigMap %q is made", name)
	}
	return found
}

func exemplified(t *testing.T, name, key string) bool {
	t.Helper()
	for _, secret := range of[*corev1.Secret](decode(t, examples)) {
		if _, ok := secret.StringData[key]; ok && secret.Name == name {
			return secret.Namespace == readKustomization(t).Namespace
		}
	}
	return false
}

func environment(t *testing.T, c corev1.Container) assembly.Environment {
	t.Helper()
	var e assembly.Environment
	for name, g := range variables(t, c) {
		e = append(e, name+"="+g.value)
	}
	return e
}

// known gives the variables that a program reads into its configuration, and
// whether each is a secret.
func known(config reflect.Type) map[string]bool {
	found := map[string]bool{}
	for field := range config.Fields() {
		if tag, ok := field.Tag.Lookup("env"); ok {
			name, _, _ := strings.Cut(tag, ",")
			found[name] = field.Type == reflect.TypeFor[assembly.Secret]()
		} else if field.IsExported() && field.Type.Kind() == reflect.Struct {
			for name, secret := range known(field.Type) {
				found[field.Tag.Get("envPrefix")+name] = secret
			}
		}
	}
	return found
}

// What the programs are told is what they read, and all that they need; what is
// a secret is nowhere but in Secrets.
func TestProgramsStartWithWhatTheManifestsGiveThem(t *testing.T) {
	t.Parallel()
	for _, w := range workloads(t) {
		for _, c := range w.containers() {
			t.Run(w.name+" "+c.Name, func(t *testing.T) {
				t.Parallel()
				reads, err := readBy(t, c)
				if err != nil {
					t.Errorf("the program would not start:\n%v", err)
				}
				has := variables(t, c)
				if _, ok := has["GOMEMLIMIT"]; !ok && c.Name == "api" {
					t.Error("nothing tells Go of the pod's limit")
				}
				for name, g := range has {
					secret, ok := reads[name]
					switch {
					case name == "GOMEMLIMIT": // which Go reads
						limit := c.Resources.Limits[corev1.ResourceMemory]
						if soft, err := resource.ParseQuantity(strings.TrimSuffix(g.value, "B")); err != nil || 10*soft.Value() > 9*limit.Value() {
							t.Errorf("GOMEMLIMIT=%s leaves nothing of %s: %v", g.value, limit.String(), err)
						}
					case !ok:
						t.Errorf("%s is given, and nobody reads it", name)
					case secret != g.secret:
						t.Errorf("%s: a secret is %v, comes from a Secret is %v", name, secret, g.secret)
					}
				}
			})
		}
	}
}

// readBy gives the variables that the container's program reads, and its
// verdict on those that it is given.
func readBy(t *testing.T, c corev1.Container) (map[string]bool, error) {
	t.Helper()
	switch c.Image {
	case "timesheets-api":
		_, err := service.ReadConfig(environment(t, c))
		return known(reflect.TypeFor[service.Config]()), err
	case "timesheets-importer":
		reads := known(reflect.TypeFor[job.Config]())
		kind, err := trackers.ByName(variables(t, c)["TRACKER"].value)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range kind.Settings {
			reads[s.Name] = s.Secret
		}
		_, err = job.ReadConfig(environment(t, c))
		return reads, err
	}
	t.Fatalf("there is no program %s", c.Image)
	return nil, nil
}

// What is commented out can be had by taking the comment away.
func TestProgramsStartWithWhatTheManifestsPropose(t *testing.T) {
	t.Parallel()
	for _, w := range workloads(t) {
		for _, c := range w.containers() {
			proposed := environment(t, c)
			reads, _ := readBy(t, c)
			for _, from := range c.EnvFrom {
				for _, g := range readKustomization(t).ConfigMapGenerator {
					if g.Name != from.ConfigMapRef.Name {
						continue
					}
					for _, file := range g.Envs {
						for _, part := range proposal.FindAllStringSubmatch(string(read(t, filepath.Join(folder, file))), -1) {
							proposed = append(proposed, part[1]+"="+part[2])
							if secret, ok := reads[part[1]]; !ok || secret {
								t.Errorf("%s proposes %s, which nobody reads, or is a secret", file, part[1])
							}
						}
					}
				}
			}
			var err error
			if c.Image == "timesheets-api" {
				_, err = service.ReadConfig(proposed)
			} else {
				_, err = job.ReadConfig(proposed)
			}
			if err != nil {
				t.Errorf("%s would not start: %v", w.name, err)
			}
		}
	}
}

func TestImportersReachTheAPIThroughItsService(t *testing.T) {
	t.Parallel()
	services := every[*corev1.Service](t)
	for _, w := range workloads(t) {
		for _, c := range w.containers() {
			if url, ok := variables(t, c)["TIMESHEETS_API_URL"]; ok && (services[0].Spec.Ports[0].Port != 80 || url.value != "http://"+services[0].Name+"/v1") {
				t.Errorf("%s calls %s", w.name, url.value)
			}
		}
	}
}

// Two trackers with one source would each take the other's entries for their
// own.
func TestEveryTrackerHasASourceOfItsOwn(t *testing.T) {
	t.Parallel()
	taken := map[string]string{}
	for tracker := range byTracker(t) {
		source := generated(t, tracker)["TRACKER_SOURCE"]
		if other, ok := taken[source]; ok || source == "" {
			t.Errorf("%s and %s both send entries of %q, or it is not said whose", other, tracker, source)
		}
		taken[source] = tracker
	}
}
