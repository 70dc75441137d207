package policy_test

import (
	"fmt"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// A policy for one host, and a preflight that a browser sends to it.
func Example() {
	engine, warnings, err := policy.Compile(spec.Config{Policies: []spec.Policy{{
		Name: "shop",
		Spec: spec.PolicySpec{
			Hosts: []string{"api.shop.example"},
			CORS: &spec.CORS{
				AllowOrigins:     []string{"https://www.shop.example"},
				AllowMethods:     []string{"GET", "PUT"},
				AllowCredentials: new(true),
			},
		},
	}}})
	if err != nil || len(warnings) > 0 {
		fmt.Println(warnings, err)
		return
	}
	request := policy.Request{
		Method: "OPTIONS", Scheme: "https", Authority: "api.shop.example", Path: "/cart",
		Origin:        []string{"https://www.shop.example"},
		RequestMethod: []string{"PUT"},
	}
	decision := engine.Decide(&request)
	fmt.Println(decision.Class, decision.Verdict, decision.Reason, decision.Policy())

	var answer policy.Response
	decision.Respond(&answer)
	fmt.Println(answer.Status)
	for _, field := range answer.Set {
		fmt.Printf("%s: %s\n", field.Name, field.Value)
	}
	// Output:
	// preflight allow allowed shop
	// 204
	// access-control-allow-origin: https://www.shop.example
	// access-control-allow-credentials: true
	// access-control-allow-methods: GET, PUT
	// vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers
}

// Compile reports all faults of a policy at once.
func ExampleCompile_faults() {
	_, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{
		Name: "shop",
		Spec: spec.PolicySpec{
			Hosts: []string{"api.shop.example"},
			CORS:  &spec.CORS{AllowOrigins: []string{"https://www.shop.example/"}, AllowMethods: []string{"A B"}},
		},
	}}})
	fmt.Println(err)
	// Output:
	// CORSPolicy[0] spec.cors.allowOrigins[0]: "https://www.shop.example/" has a trailing slash, and an origin has none (origin_invalid); hint: https://www.shop.example
	// CORSPolicy[0] spec.cors.allowMethods[0]: "A B" is not one method (method_invalid); hint: one entry of the list for each method
}

// A refused page's response loses the CORS headers that the application sent.
func ExampleDecision_Edit() {
	engine, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{
		Name: "shop",
		Spec: spec.PolicySpec{
			Hosts: []string{"api.shop.example"},
			CORS:  &spec.CORS{AllowOrigins: []string{"https://www.shop.example"}},
		},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	request := policy.Request{
		Method: "GET", Scheme: "https", Authority: "api.shop.example", Path: "/cart", Origin: []string{"https://evil.example"},
	}
	decision := engine.Decide(&request)
	fmt.Println(decision.Verdict, decision.Reason)

	var answer policy.Response
	decision.Edit(&answer, 200, []policy.Field{
		{Name: "access-control-allow-origin", Value: []byte("*")},
		{Name: "vary", Value: []byte("Accept")},
	})
	fmt.Println("remove", answer.Remove)
	for _, field := range answer.Set {
		fmt.Printf("set %s: %s\n", field.Name, field.Value)
	}
	// Output:
	// deny origin_not_allowed
	// remove [access-control-allow-origin]
	// set vary: Accept, Origin
}
