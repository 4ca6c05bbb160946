package check

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func render(t *testing.T, directory string) []any {
	t.Helper()
	objects, err := Render(directory)
	if err != nil {
		t.Fatalf("%s: %v", directory, err)
	}
	return objects
}

func of[T any](objects []any) map[string]*T {
	found := map[string]*T{}
	for _, object := range objects {
		if wanted, ok := object.(*T); ok {
			found[object.(metav1.Object).GetName()] = wanted
		}
	}
	return found
}

func selects(t *testing.T, selector *metav1.LabelSelector, pod corev1.PodTemplateSpec) bool {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return s.Matches(labels.Set(pod.Labels))
}

func TestEveryKustomizationIsValid(t *testing.T) {
	for directory, count := range map[string]int{"../base": 7, "../overlays/example": 9, "../loadtest": 1} {
		if objects := render(t, directory); len(objects) != count {
			t.Errorf("%s has %d objects, not %d", directory, len(objects), count)
		}
	}
}

func TestAFaultIsFound(t *testing.T) {
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}"
	if _, err := Parse([]byte(service)); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"an unknown field": strings.Replace(service, "port: 80", "prot: 80", 1),
		"a wrong type":     strings.Replace(service, "port: 80", "port: eighty", 1),
		"a doubled field":  service + "\nkind: Service",
		"an unknown kind":  strings.Replace(service, "Service", "Servise", 1),
		"an unknown field of a TestRun": "apiVersion: k6.io/v1alpha1\nkind: TestRun\nmetadata: {name: a}\n" +
			"spec: {parallelism: 1, script: {localFile: /a.js}, runner: {image: a, environment: []}}",
	} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}

func TestWhatBelongsTogether(t *testing.T) {
	objects := render(t, "../overlays/example")
	deployments := of[appsv1.Deployment](objects)
	configMaps := of[corev1.ConfigMap](objects)
	for _, name := range []string{"gateway", "ticker", "aggregator"} {
		deployment := deployments[name]
		if deployment == nil {
			t.Fatalf("there is no Deployment %s", name)
		}
		pod := deployment.Spec.Template
		if !selects(t, deployment.Spec.Selector, pod) {
			t.Errorf("%s does not select its own pods", name)
		}
		for other, deployment := range deployments {
			if other != name && selects(t, deployment.Spec.Selector, pod) {
				t.Errorf("%s selects the pods of %s", other, name)
			}
		}
		for _, spread := range pod.Spec.TopologySpreadConstraints {
			if !selects(t, spread.LabelSelector, pod) {
				t.Errorf("%s spreads other pods than its own by %s", name, spread.TopologyKey)
			}
		}
		settings := configMaps[pod.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name]
		if settings == nil || settings.Data["KAFKA_BROKERS"] == "" || settings.Data["NODE_ENV"] != "production" {
			t.Errorf("%s does not get the settings of base and overlay: %v", name, settings)
		}
		if image := pod.Spec.Containers[0].Image; image != "registry.example.com/kafka-sse-gateway:0.1.0" {
			t.Errorf("%s runs %s", name, image)
		}
		checkRestricted(t, name, pod.Spec.SecurityContext, pod.Spec.Containers[0].SecurityContext)
	}

	gateway := deployments["gateway"].Spec.Template
	service := of[corev1.Service](objects)["gateway"]
	if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(gateway.Labels)) {
		t.Error("the Service selects no gateway")
	}
	port := gateway.Spec.Containers[0].Ports[0]
	if service.Spec.Ports[0].TargetPort.StrVal != port.Name {
		t.Errorf("the Service goes to port %v, the gateway has %s", service.Spec.Ports[0].TargetPort, port.Name)
	}
	if !selects(t, of[policyv1.PodDisruptionBudget](objects)["gateway"].Spec.Selector, gateway) {
		t.Error("the PodDisruptionBudget is for no gateway")
	}
	hpa := of[autoscalingv2.HorizontalPodAutoscaler](objects)["gateway"]
	if _, ok := deployments[hpa.Spec.ScaleTargetRef.Name]; !ok {
		t.Errorf("the HorizontalPodAutoscaler is for %s", hpa.Spec.ScaleTargetRef.Name)
	}
	for name, deployment := range deployments {
		if scaled := name == hpa.Spec.ScaleTargetRef.Name; scaled != (deployment.Spec.Replicas == nil) {
			t.Errorf("%s: the number of replicas is said twice or nowhere", name)
		}
	}
	ingress := of[networkingv1.Ingress](objects)["gateway"]
	for _, path := range ingress.Spec.Rules[0].HTTP.Paths {
		if backend := path.Backend.Service; backend.Name != "gateway" || backend.Port.Name != service.Spec.Ports[0].Name {
			t.Errorf("%s goes to %v", path.Path, backend)
		}
		if strings.HasPrefix("/metrics", path.Path) && *path.PathType != networkingv1.PathTypeExact {
			t.Errorf("%s lets strangers ask for the metrics", path.Path)
		}
	}
	if ingress.Spec.Rules[0].Host != ingress.Spec.TLS[0].Hosts[0] {
		t.Error("the certificate is for another host")
	}
}

// checkRestricted: what pod-security.kubernetes.io/enforce: restricted, which the example's namespace has, asks for.
func checkRestricted(t *testing.T, name string, pod *corev1.PodSecurityContext, container *corev1.SecurityContext) {
	t.Helper()
	if pod.RunAsNonRoot == nil || !*pod.RunAsNonRoot || pod.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("%s may run as root or without seccomp", name)
	}
	if container.AllowPrivilegeEscalation == nil || *container.AllowPrivilegeEscalation ||
		len(container.Capabilities.Drop) != 1 || container.Capabilities.Drop[0] != "ALL" {
		t.Errorf("%s has more rights than it needs", name)
	}
}

func TestTheLoadTestGoesToTheGateways(t *testing.T) {
	example := render(t, "../overlays/example")
	run := of[TestRun](render(t, "../loadtest"))["streams"]
	service := of[corev1.Service](example)["gateway"]
	env := map[string]string{}
	for _, variable := range run.Spec.Runner.Env {
		env[variable.Name] = variable.Value
	}
	if run.Namespace != service.Namespace || env["URL"] != "http://"+service.Name+"."+service.Namespace+".svc" {
		t.Errorf("%s from %s is not %s.%s", env["URL"], run.Namespace, service.Name, service.Namespace)
	}
	for name, pod := range map[string]*OperatorPod{"runner": &run.Spec.Runner, "starter": &run.Spec.Starter} {
		checkRestricted(t, name, &pod.SecurityContext, &pod.ContainerSecurityContext)
	}
}
