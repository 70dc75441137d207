// Package conformance runs the Gateway API's own tests of CORS against a gateway at ADDRESS, in a module that
// test/gateways makes for it: those tests need Kubernetes clients, which this project does not. A fake client stands for the
// API server. It has the routes of the tests, as a controller has accepted them.
package conformance

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/config"
	"sigs.k8s.io/gateway-api/conformance/utils/roundtripper"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
)

const controller = "corsd.dev/test"

func TestCORS(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := gatewayv1.Install(scheme); err != nil {
		t.Fatal(err)
	}
	objects := fake.NewClientBuilder().WithScheme(scheme).WithObjects(gateway(t))
	for _, file := range tests.HTTPRouteCORS.Manifests {
		for _, route := range routes(t, file) {
			objects.WithObjects(route)
		}
	}
	timeouts := config.DefaultTimeoutConfig()
	tests.HTTPRouteCORS.Test(t, &suite.ConformanceTestSuite{
		Client:         objects.Build(),
		ControllerName: controller,
		TimeoutConfig:  timeouts,
		RoundTripper:   &roundtripper.DefaultRoundTripper{TimeoutConfig: timeouts},
	})
}

// gateway is the Gateway of the tests at the address.
func gateway(t *testing.T) *gatewayv1.Gateway {
	t.Helper()
	address, err := netip.ParseAddrPort(os.Getenv("ADDRESS"))
	if err != nil {
		t.Fatal(err)
	}
	g := &gatewayv1.Gateway{}
	g.Name, g.Namespace = "same-namespace", suite.InfrastructureNamespace
	g.Spec.Listeners = []gatewayv1.Listener{{Name: "http", Protocol: gatewayv1.HTTPProtocolType, Port: int32(address.Port())}}
	ip := gatewayv1.IPAddressType
	g.Status.Addresses = []gatewayv1.GatewayStatusAddress{{Type: &ip, Value: address.Addr().String()}}
	g.Status.Conditions = conditions("Accepted", "Programmed")
	g.Status.Listeners = []gatewayv1.ListenerStatus{{Name: "http", Conditions: conditions("ResolvedRefs", "Accepted", "Programmed")}}
	return g
}

// routes returns the routes of a file of the tests.
func routes(t *testing.T, file string) (all []*gatewayv1.HTTPRoute) {
	t.Helper()
	text, err := conformance.Manifests.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		route := &gatewayv1.HTTPRoute{}
		if err := decoder.Decode(route); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, parent := range route.Spec.ParentRefs {
			// The defaults that an API server sets.
			group, kind := gatewayv1.Group(gatewayv1.GroupName), gatewayv1.Kind("Gateway")
			parent.Group, parent.Kind = &group, &kind
			route.Status.Parents = append(route.Status.Parents, gatewayv1.RouteParentStatus{
				ParentRef: parent, ControllerName: controller, Conditions: conditions("Accepted", "ResolvedRefs"),
			})
		}
		all = append(all, route)
	}
}

// conditions returns conditions that are true.
func conditions(types ...string) (all []metav1.Condition) {
	for _, t := range types {
		all = append(all, metav1.Condition{Type: t, Status: metav1.ConditionTrue, Reason: t})
	}
	return all
}
