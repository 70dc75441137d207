// Package wire reads and writes the messages of ext_proc and ext_authz as
// bytes: of what Envoy asks the few fields that a decision needs, of what it is
// answered the few that corsd sets.
//
// Reading goes over the bytes once, where proto.Unmarshal makes some seventy
// objects of a request. It takes the layout that Envoy writes and no other:
// whatever is unusual in any way (an unknown field, a field twice, attributes, a
// body, bytes that are no message) goes to proto.Unmarshal, with the same result,
// or the same error. So the scan may be strict, and can only be slow, never wrong;
// fuzz tests hold the two against each other.
//
// The package knows no policy and no CORS.
package wire
