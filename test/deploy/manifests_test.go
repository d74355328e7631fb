// Package deploy holds the manifests and the image's recipe in deploy/ against
// Kubernetes' own types and against the programs that they run: nothing in
// them is a word that nobody reads.
package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kubernetesyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const (
	deployFolder = "../../deploy"
	folder       = deployFolder + "/kubernetes"
	examples     = "secrets.yaml.example"
)

// kustomization is what our kustomization.yaml may hold.
type kustomization struct {
	APIVersion         string   `json:"apiVersion"`
	Kind               string   `json:"kind"`
	Namespace          string   `json:"namespace"`
	Resources          []string `json:"resources"`
	ConfigMapGenerator []struct {
		Name string   `json:"name"`
		Envs []string `json:"envs"`
	} `json:"configMapGenerator"`
	Images []struct {
		Name    string `json:"name"`
		NewName string `json:"newName"`
		NewTag  string `json:"newTag"`
	} `json:"images"`
}

func readKustomization(t *testing.T) kustomization {
	t.Helper()
	var k kustomization
	if err := yaml.UnmarshalStrict(read(t, filepath.Join(folder, "kustomization.yaml")), &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// object is what every manifest is.
type object interface {
	runtime.Object
	metav1.Object
}

// decoder knows the kinds that an installation is made of, and refuses members
// that they do not have, or have twice.
var decoder = sync.OnceValue(func() runtime.Decoder {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
})

// decode reads the manifests in a file.
func decode(t *testing.T, name string) []object {
	t.Helper()
	var objects []object
	documents := kubernetesyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(read(t, filepath.Join(folder, name)))))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		decoded, _, err := decoder().Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		objects = append(objects, decoded.(object))
	}
}

// all gives every manifest that kustomization.yaml names.
func all(t *testing.T) []object {
	t.Helper()
	var objects []object
	for _, name := range readKustomization(t).Resources {
		objects = append(objects, decode(t, name)...)
	}
	return objects
}

// every gives those of one kind; none is an error, since a rule about nothing
// holds always.
func every[T object](t *testing.T) []T {
	t.Helper()
	some := of[T](all(t))
	if len(some) == 0 {
		t.Fatalf("there is no %T", *new(T))
	}
	return some
}

func of[T object](objects []object) []T {
	var some []T
	for _, o := range objects {
		if one, ok := o.(T); ok {
			some = append(some, one)
		}
	}
	return some
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestTheFolderIsWhatTheKustomizationNames(t *testing.T) {
	t.Parallel()
	k := readKustomization(t)
	if k.APIVersion != "kustomize.config.k8s.io/v1beta1" || k.Kind != "Kustomization" || k.Namespace != "timesheets" {
		t.Errorf("it is %s %s for the namespace %s", k.APIVersion, k.Kind, k.Namespace)
	}
	named := append([]string{"kustomization.yaml", examples}, k.Resources...)
	for _, generated := range k.ConfigMapGenerator {
		named = append(named, generated.Envs...)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	slices.Sort(named)
	if !slices.Equal(named, found) {
		t.Errorf("it names %v, there are %v", named, found)
	}
}

func TestEveryManifestHasANameOfItsOwnAndLeavesTheNamespaceToTheKustomization(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range all(t) {
		key := o.GetObjectKind().GroupVersionKind().Kind + " " + o.GetName()
		if o.GetName() == "" || seen[key] {
			t.Errorf("%q is there twice, or has no name", key)
		}
		seen[key] = true
		if o.GetNamespace() != "" {
			t.Errorf("%s stands in the namespace %s, whatever an overlay says", key, o.GetNamespace())
		}
	}
	for _, n := range every[*corev1.Namespace](t) {
		if n.Name != readKustomization(t).Namespace || n.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
			t.Errorf("the namespace is %s with %v", n.Name, n.Labels)
		}
	}
}

// What is applied by accident must not put anything into the place of secrets
// that are there: kubectl takes .yaml, .yml and .json from a folder.
func TestTheExampleOfTheSecretsCannotBeTakenForThem(t *testing.T) {
	t.Parallel()
	if slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(examples)) {
		t.Errorf("kubectl apply --filename on the folder takes %s", examples)
	}
	for _, secret := range of[*corev1.Secret](decode(t, examples)) {
		for key, value := range secret.StringData {
			if value != "" {
				t.Errorf("%s/%s has the value %q, with which a program would start", secret.Name, key, value)
			}
		}
	}
	if secrets := of[*corev1.Secret](all(t)); len(secrets) != 0 {
		t.Errorf("%d Secrets would be applied", len(secrets))
	}
}

func TestNoFileOfTheFolderHoldsTabs(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.Contains(string(read(t, filepath.Join(folder, path))), "\t") {
			t.Errorf("%s holds a tab, which YAML refuses and kustomize takes into a value", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
