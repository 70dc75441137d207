// Package policy decides CORS: which page may read what.
//
// [Compile] turns policies into an [Engine], or says everything that is wrong
// with them. [Engine.Decide] judges one request: it never fails, blocks or
// allocates. The [Decision] writes what is to be sent: the answer to a preflight
// or the header changes of a response.
//
// The package knows no Envoy, gRPC, YAML, logger, clock or network. Its words
// are those of the Fetch standard (https://fetch.spec.whatwg.org/#http-cors-protocol).
package policy
