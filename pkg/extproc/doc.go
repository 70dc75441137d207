// Package extproc speaks Envoy's external processing (ext_proc) and external
// authorization (ext_authz) protocols: it turns Envoy's messages into a
// policy.Request, and what package policy decides into Envoy's messages.
//
// No rule of CORS lives here. What lives here is how Envoy behaves: which
// message it wants answered by which, what it does with a value that is set in
// the wrong field, where the data of a request comes from when the stream begins
// with the response. Each such fact is noted with the versions it was seen on.
package extproc
