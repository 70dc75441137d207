// Package policyfile reads policies from YAML and JSON, and reports everything that is wrong with
// the form of the documents, each fault with file, line and column. It also writes them.
//
// [Read] reads files and directories, [ReadWithInput] standard input too, [Parse] bytes in memory.
// [Write] writes a file that these read.
// Documents in a List or a ConfigMap are read as if they stood in the file. [Files.Locate] adds
// positions to the diagnostics of others. The package judges which fields there are, their types, and
// how much there may be of everything. What the values mean is for package plan. Nothing here
// compiles a policy, or knows requests, Envoy or flags.
//
// # Why this YAML library
//
// A policy that is refused needs all its faults with their places, and a policy
// that is hostile must be refused cheaply. Of the libraries for Go:
//
//   - go.yaml.in/yaml/v4 (used) makes a tree in which every node has line and
//     column, reports line and column of syntax errors too (v3 has lines only), and
//     has a limit for the depth. It builds the tree of one document as a whole
//     and stops at the first syntax error; that is why documents are split here and
//     parsed one by one, and why the size of a tree is bounded before it is built.
//     It reads JSON, but refuses surrogate pairs (\ud83d\ude00); what is valid JSON
//     goes through encoding/json instead.
//   - github.com/goccy/go-yaml (1.19) has the better messages, but its Decoder stops
//     at the first fault, it silently drops what follows an empty document, and a
//     mapping of 50,000 keys takes 8 s and more.
package policyfile
