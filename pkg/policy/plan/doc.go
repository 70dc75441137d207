// Package plan resolves documents. [Resolve] merges the layers of a configuration (CORSDefaults,
// policy, rule) into one normal form: the hosts, the entries of each host, and for each entry its
// path matcher, methods, origins and effective settings. Everything has its place in the
// documents.
//
// It reports values that have no meaning. Whether a meaning is dangerous or useless is for
// package lint, and how it is looked up for package match.
package plan
