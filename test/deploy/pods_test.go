package deploy

import (
	"fmt"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"timesheets/bootstrap/assembly/service"
)

// workload is a template of pods, with the name of what makes them.
type workload struct {
	name string
	corev1.PodTemplateSpec
}

func workloads(t *testing.T) []workload {
	t.Helper()
	var some []workload
	for _, d := range every[*appsv1.Deployment](t) {
		some = append(some, workload{"Deployment " + d.Name, d.Spec.Template})
	}
	for _, c := range every[*batchv1.CronJob](t) {
		some = append(some, workload{"CronJob " + c.Name, c.Spec.JobTemplate.Spec.Template})
	}
	return some
}

func (w workload) containers() []corev1.Container {
	return append(append([]corev1.Container{}, w.Spec.InitContainers...), w.Spec.Containers...)
}

// The level "restricted" of the Pod Security Standards, and what it leaves open.
func TestPodsAreConfined(t *testing.T) {
	t.Parallel()
	for _, w := range workloads(t) {
		pod := w.Spec.SecurityContext
		if pod == nil || !is(pod.RunAsNonRoot) || number(pod.RunAsUser) != user || number(pod.RunAsGroup) != user {
			t.Errorf("%s: not the user and group %d, and nobody else", w.name, user)
		}
		if pod == nil || pod.SeccompProfile == nil || pod.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: not the runtime's seccomp profile", w.name)
		}
		if token := w.Spec.AutomountServiceAccountToken; token == nil || *token {
			t.Errorf("%s: a token for Kubernetes lies in the pod", w.name)
		}
		if links := w.Spec.EnableServiceLinks; links == nil || *links {
			t.Errorf("%s: Services of the namespace write into the environment", w.name)
		}
		if w.Spec.HostNetwork || w.Spec.HostPID || w.Spec.HostIPC || len(w.Spec.Volumes) > 0 {
			t.Errorf("%s: has something of its host, or a volume that nobody needs", w.name)
		}
		for _, c := range w.containers() {
			s := c.SecurityContext
			if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !is(s.ReadOnlyRootFilesystem) || s.Privileged != nil {
				t.Errorf("%s, %s: may gain privileges, or write", w.name, c.Name)
			}
			if s == nil || s.Capabilities == nil || len(s.Capabilities.Add) > 0 || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
				t.Errorf("%s, %s: keeps capabilities", w.name, c.Name)
			}
		}
	}
}

func is(b *bool) bool { return b != nil && *b }

func number(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}

// A limit of CPU would only slow down what is idle most of the time.
func TestContainersSayWhatTheyNeedAndAreHeldToTheirMemory(t *testing.T) {
	t.Parallel()
	for _, w := range workloads(t) {
		for _, c := range w.containers() {
			r := c.Resources
			if r.Requests.Cpu().IsZero() || r.Requests.Memory().IsZero() || r.Limits.Memory().Cmp(*r.Requests.Memory()) < 0 || !r.Limits.Cpu().IsZero() {
				t.Errorf("%s, %s: requests %v, limits %v", w.name, c.Name, r.Requests, r.Limits)
			}
		}
	}
}

func TestServiceAccountsAreThereAndHaveNoToken(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, a := range every[*corev1.ServiceAccount](t) {
		known[a.Name] = true
		if a.AutomountServiceAccountToken == nil || *a.AutomountServiceAccountToken {
			t.Errorf("%s mounts a token", a.Name)
		}
	}
	for _, w := range workloads(t) {
		if !known[w.Spec.ServiceAccountName] {
			t.Errorf("%s: there is no account %q", w.name, w.Spec.ServiceAccountName)
		}
	}
}

// api gives the Deployment of the API and its serving container.
func api(t *testing.T) (*appsv1.Deployment, corev1.Container) {
	t.Helper()
	deployments := every[*appsv1.Deployment](t)
	if len(deployments) != 1 || len(deployments[0].Spec.Template.Spec.Containers) != 1 {
		t.Fatal("want one Deployment with one container")
	}
	return deployments[0], deployments[0].Spec.Template.Spec.Containers[0]
}

func TestProbesAskForWhatTheAPIServes(t *testing.T) {
	t.Parallel()
	document, err := openapi3.NewLoader().LoadFromFile("../../adapters/httpapi/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, c := api(t)
	for _, tt := range []struct {
		name, path, port string
		probe            *corev1.Probe
	}{
		{"startup", "/healthz", "http", c.StartupProbe},
		// Which must ask for neither the database nor one of the clients' connections.
		{"liveness", "/healthz", "metrics", c.LivenessProbe},
		{"readiness", "/readyz", "http", c.ReadinessProbe},
	} {
		if tt.probe == nil || tt.probe.HTTPGet == nil {
			t.Errorf("%s: there is no such probe", tt.name)
			continue
		}
		get := tt.probe.HTTPGet
		if get.Path != tt.path || get.Port != intstr.FromString(tt.port) || get.Scheme != "" {
			t.Errorf("%s: asks %s on %s", tt.name, get.Path, get.Port.String())
		}
		if item := document.Paths.Find(get.Path); item == nil || item.Get == nil {
			t.Errorf("%s: the API does not serve %s", tt.name, get.Path)
		}
	}
	if c.ReadinessProbe.TimeoutSeconds < 3 {
		t.Error("readiness takes up to 2 s to answer; a probe that gives up before never learns why")
	}
}

func TestPortsAreThoseThatTheAPIListensOn(t *testing.T) {
	t.Parallel()
	d, c := api(t)
	config, err := service.ReadConfig(environment(t, d.Spec.Template.Spec.Containers[0]))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Ports {
		want := map[string]string{"http": config.HTTPAddr, "metrics": config.MetricsAddr}[p.Name]
		if got := fmt.Sprintf(":%d", p.ContainerPort); got != want || p.Protocol != "" {
			t.Errorf("%s is %s, and the API listens on %s", p.Name, got, want)
		}
	}
	if len(c.Ports) != 2 {
		t.Errorf("got %d ports", len(c.Ports))
	}
}

// 20 s is what the API gives requests in flight once SHUTDOWN_DELAY is over;
// the rest is for the process to end.
func TestAPodHasTheTimeToEndInOrder(t *testing.T) {
	t.Parallel()
	d, c := api(t)
	config, err := service.ReadConfig(environment(t, c))
	if err != nil {
		t.Fatal(err)
	}
	if config.ShutdownDelay < 5*time.Second || config.ShutdownDelay > 15*time.Second {
		t.Errorf("SHUTDOWN_DELAY is %s: load balancers take 5 to 15 s to notice", config.ShutdownDelay)
	}
	grace := time.Duration(number(d.Spec.Template.Spec.TerminationGracePeriodSeconds)) * time.Second
	if needed := config.ShutdownDelay + 20*time.Second + 5*time.Second; grace < needed {
		t.Errorf("a pod is killed after %s and may need %s", grace, needed)
	}
}

func TestARolloutNeverServesWithFewer(t *testing.T) {
	t.Parallel()
	d, _ := api(t)
	if d.Spec.Replicas == nil || *d.Spec.Replicas < 2 {
		t.Error("one pod is none when its node goes")
	}
	update := d.Spec.Strategy.RollingUpdate
	if update == nil || update.MaxUnavailable.IntValue() != 0 || update.MaxSurge.IntValue() < 1 {
		t.Errorf("got %+v", update)
	}
	migrations := d.Spec.Template.Spec.InitContainers
	if len(migrations) != 1 || len(migrations[0].Args) != 1 || migrations[0].Args[0] != "migrate" {
		t.Errorf("want the migrations before a pod serves, got %v", migrations)
	}
}
