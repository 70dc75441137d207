// Package wire reads and writes the messages of ext_proc and ext_authz as bytes. It reads the
// few fields of Envoy's messages that a decision needs, and writes the few fields of answers that
// corsd sets.
//
// [ProcessingRequest] and [CheckRequest] are read in one pass over the bytes, where
// proto.Unmarshal makes about seventy objects of a request. The scan accepts the layout that Envoy
// writes and no other. Every unusual message (an unknown field, a repeated field, attributes, a
// body, malformed bytes) goes to proto.Unmarshal, with the same result or the same error. So the
// scan can be slow, but never wrong; fuzz tests compare the two.
//
// [Answer] writes a message from its end to its start, so that the length of each part is known
// when it is written.
//
// The package knows no policy and no CORS, and imports no other package of this module.
package wire
