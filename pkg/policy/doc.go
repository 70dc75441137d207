// Package policy decides CORS: which page may read what.
//
// [Compile] makes an [Engine] of documents, or reports everything that is wrong with them.
// [Engine.Decide] judges one request: it never fails, blocks or allocates. The [Decision] writes
// the answer to a preflight ([Decision.Respond]) or the edit of a response ([Decision.Edit]).
// [Engine.Explain] reports why.
//
// The package knows no Envoy, gRPC, YAML, logger, clock or network. Its words are those of the
// Fetch standard (https://fetch.spec.whatwg.org/#http-cors-protocol).
package policy
