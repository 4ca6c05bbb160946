// Package check renders the manifests of the directory above and reads them as strictly as the Kubernetes API server
// would with fieldValidation=Strict: an unknown or doubled field, or a value of the wrong type, is a fault.
package check

import (
	"bytes"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// TestRun is the part of the k6-operator's kind that is used here, after its api/v1alpha1/testrun_types.go; the module
// itself is not on every Go proxy, and brings a controller's dependencies.
type TestRun struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Parallelism int32       `json:"parallelism"`
		Separate    bool        `json:"separate,omitempty"`
		Script      K6Script    `json:"script"`
		Starter     OperatorPod `json:"starter,omitempty"`
		Runner      OperatorPod `json:"runner"`
	} `json:"spec"`
}

// K6Script says where a TestRun finds its script: in the image of the runner.
type K6Script struct {
	LocalFile string `json:"localFile"`
}

// OperatorPod is a pod of a TestRun.
type OperatorPod struct {
	Image                    string                      `json:"image,omitempty"`
	Env                      []corev1.EnvVar             `json:"env,omitempty"`
	Resources                corev1.ResourceRequirements `json:"resources,omitempty"`
	SecurityContext          corev1.PodSecurityContext   `json:"securityContext,omitempty"`
	ContainerSecurityContext corev1.SecurityContext      `json:"containerSecurityContext,omitempty"`
}

// kinds has every kind that the manifests may have.
var kinds = map[string]func() any{
	"v1/Namespace":                           func() any { return &corev1.Namespace{} },
	"v1/ConfigMap":                           func() any { return &corev1.ConfigMap{} },
	"v1/Secret":                              func() any { return &corev1.Secret{} },
	"v1/Service":                             func() any { return &corev1.Service{} },
	"v1/ServiceAccount":                      func() any { return &corev1.ServiceAccount{} },
	"apps/v1/Deployment":                     func() any { return &appsv1.Deployment{} },
	"networking.k8s.io/v1/Ingress":           func() any { return &networkingv1.Ingress{} },
	"policy/v1/PodDisruptionBudget":          func() any { return &policyv1.PodDisruptionBudget{} },
	"autoscaling/v2/HorizontalPodAutoscaler": func() any { return &autoscalingv2.HorizontalPodAutoscaler{} },
	"k6.io/v1alpha1/TestRun":                 func() any { return &TestRun{} },
}

// Render builds a kustomization and reads every object of it.
func Render(directory string) ([]any, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), directory)
	if err != nil {
		return nil, err
	}
	text, err := resources.AsYaml()
	if err != nil {
		return nil, err
	}
	return Parse(text)
}

// Parse reads YAML documents by their kinds.
func Parse(text []byte) ([]any, error) {
	var objects []any
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal(document, &meta); err != nil {
			return nil, err
		}
		kind := meta.APIVersion + "/" + meta.Kind
		create, ok := kinds[kind]
		if !ok {
			return nil, fmt.Errorf("there is no kind %s here", kind)
		}
		object := create()
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", kind, err, document)
		}
		objects = append(objects, object)
	}
	return objects, nil
}
