// Package plan gives documents their meaning. [Resolve] merges the layers of a configuration
// (CORSDefaults, policy, rule) into one normal form: which hosts there are, which entries each
// has, and for each entry its path matcher, methods, origins and effective settings, with the
// place in the documents of everything that they say.
//
// It reports values that have no meaning. Whether a meaning is dangerous or useless is for
// package lint, and how it is looked up for package match.
package plan
