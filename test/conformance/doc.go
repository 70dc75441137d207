// Package conformance compares corsd with others: the Gateway API's conformance tests for CORS, Envoy's native cors
// filter, and the libraries expressjs/cors, rs/cors and jub0bs/cors. Its tests run them beside corsd, through one real
// Envoy, and send the same requests to all. Each difference has a reason in a table. A difference without a reason
// fails, and so does a reason without a difference.
//
// docs/conformance.md and testdata/requests are made from these runs:
//
//	go test -C test ./conformance -update
package conformance
