// Package spec defines the documents of corsd as Go types: CORSPolicy, OriginSet and
// CORSDefaults, the codes of what can be wrong with them, and paths into them. It has no
// behaviour: package plan gives documents their meaning, package policyfile reads and writes
// their text. It imports the standard library and what escapes text for
// terminals.
package spec
