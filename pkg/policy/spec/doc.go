// Package spec defines the documents of corsd as Go types: CORSPolicy, OriginSet and
// CORSDefaults, the codes of their faults and warnings, and paths into them. It has no behaviour:
// package plan resolves documents, package policyfile reads their text. Beside the
// standard library it imports only the escaping of text for terminals.
package spec
