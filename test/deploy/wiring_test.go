package deploy

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// selected gives the workloads whose pods a selector finds.
func selected(t *testing.T, selector *metav1.LabelSelector) []workload {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	var found []workload
	for _, w := range workloads(t) {
		if s.Matches(labels.Set(w.Labels)) {
			found = append(found, w)
		}
	}
	return found
}

// only is true when a selector finds the pods of the API and no others.
func only(t *testing.T, name string, selector *metav1.LabelSelector) bool {
	t.Helper()
	found := selected(t, selector)
	return len(found) == 1 && found[0].name == name
}

func TestTheAPIIsFoundByAllThatIsAboutIt(t *testing.T) {
	t.Parallel()
	d, c := api(t)
	is := "Deployment " + d.Name
	if !only(t, is, d.Spec.Selector) {
		t.Error("the Deployment does not find its pods alone")
	}
	for _, spread := range d.Spec.Template.Spec.TopologySpreadConstraints {
		if !only(t, is, spread.LabelSelector) {
			t.Errorf("the spread over %s counts other pods", spread.TopologyKey)
		}
	}
	if len(d.Spec.Template.Spec.TopologySpreadConstraints) == 0 {
		t.Error("all pods may stand on one node")
	}
	for _, s := range every[*corev1.Service](t) {
		if !only(t, is, &metav1.LabelSelector{MatchLabels: s.Spec.Selector}) {
			t.Errorf("the Service %s leads elsewhere", s.Name)
		}
		for _, port := range s.Spec.Ports {
			if !has(c, port.TargetPort) {
				t.Errorf("the Service %s leads to the port %s, which no container has", s.Name, port.TargetPort.String())
			}
		}
	}
	for _, b := range every[*policyv1.PodDisruptionBudget](t) {
		if !only(t, is, b.Spec.Selector) {
			t.Errorf("the budget %s is about other pods", b.Name)
		}
		if b.Spec.MaxUnavailable == nil || b.Spec.MaxUnavailable.IntValue() < 1 || b.Spec.MinAvailable != nil {
			t.Errorf("the budget %s lets no node be drained", b.Name)
		}
	}
}

func has(c corev1.Container, port intstr.IntOrString) bool {
	for _, p := range c.Ports {
		if port.Type == intstr.String && p.Name == port.StrVal || port.Type == intstr.Int && p.ContainerPort == port.IntVal {
			return true
		}
	}
	return false
}

// Policies add up: a pod may do what any of them allows, once one selects it.
func TestNobodyTalksToAnybodyUnlessAPolicySaysSo(t *testing.T) {
	t.Parallel()
	closed := false
	for _, p := range every[*networkingv1.NetworkPolicy](t) {
		all := len(p.Spec.PodSelector.MatchLabels) == 0 && len(p.Spec.PodSelector.MatchExpressions) == 0
		if all && len(p.Spec.PolicyTypes) == 2 && p.Spec.Ingress == nil && p.Spec.Egress == nil {
			closed = true
		}
		if !all && len(selected(t, &p.Spec.PodSelector)) == 0 {
			t.Errorf("the policy %s is about no pods", p.Name)
		}
		for _, rule := range p.Spec.Ingress {
			if len(rule.Ports) == 0 {
				t.Errorf("the policy %s opens every port", p.Name)
			}
			if w := selected(t, &p.Spec.PodSelector); len(w) != 1 || !portsOf(w[0].Spec.Containers[0], rule.Ports) {
				t.Errorf("the policy %s opens ports that its pods do not have", p.Name)
			}
		}
		for _, rule := range p.Spec.Egress {
			if len(rule.Ports) == 0 {
				t.Errorf("the policy %s lets out everything", p.Name)
			}
			for _, to := range rule.To {
				if to.PodSelector != nil && to.NamespaceSelector == nil {
					leads(t, p.Name, to.PodSelector, rule.Ports)
				}
			}
		}
	}
	if !closed {
		t.Error("no policy closes what the others do not open")
	}
}

func leads(t *testing.T, policy string, to *metav1.LabelSelector, ports []networkingv1.NetworkPolicyPort) {
	t.Helper()
	for _, d := range every[*appsv1.Deployment](t) {
		if only(t, "Deployment "+d.Name, to) && portsOf(d.Spec.Template.Spec.Containers[0], ports) {
			return
		}
	}
	t.Errorf("the policy %s lets out to pods or ports that are not there", policy)
}

func portsOf(c corev1.Container, ports []networkingv1.NetworkPolicyPort) bool {
	for _, p := range ports {
		if p.Port == nil || !has(c, *p.Port) {
			return false
		}
	}
	return true
}

// Every pod can ask for names, the API reaches its database and keys, and the
// importer the API, tokens and trackers.
func TestThePoliciesOpenWhatTheProgramsNeed(t *testing.T) {
	t.Parallel()
	for _, w := range workloads(t) {
		open := map[string]bool{}
		for _, p := range every[*networkingv1.NetworkPolicy](t) {
			s, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
			if err != nil {
				t.Fatal(err)
			}
			if !s.Matches(labels.Set(w.Labels)) {
				continue
			}
			for _, rule := range p.Spec.Egress {
				for _, port := range rule.Ports {
					open[port.Port.String()] = true
				}
			}
		}
		needs := map[string][]string{"timesheets-api": {"53", "443", "5432"}, "timesheets-importer": {"53", "443", "http"}}
		for _, port := range needs[w.Spec.ServiceAccountName] {
			if !open[port] {
				t.Errorf("%s cannot reach any port %s", w.name, port)
			}
		}
	}
}
