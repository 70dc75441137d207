// Package policyfile reads policies from YAML and JSON and says everything that
// is wrong with them, each fault with file, line and column.
//
// [Load] reads files and directories, [Parse] bytes in memory. Both judge the
// documents, run [policy.Compile] and give a [Report]: the compiled engine, or
// all faults of the documents and of what they say, in the order of their places.
//
// The package judges the form of documents: which fields there are, their types,
// how much there may be of everything. What the values mean (hosts, origins,
// enums, dates) is judged by package policy alone. Nothing here knows requests,
// Envoy or flags.
//
// # Why this YAML library
//
// A policy that is refused needs all its faults with their places, and a policy
// that is hostile must be refused cheaply. Of the libraries for Go:
//
//   - go.yaml.in/yaml/v4 (taken) gives a tree in which every node has line and
//     column, gives line and column of syntax errors too (v3 has lines only), and
//     takes a limit for the depth. It builds the tree of one document as a whole
//     and stops at the first syntax error; that is why documents are split here and
//     parsed one by one, and why the size of a tree is bounded before it is built.
//     It reads JSON, but refuses surrogate pairs (\ud83d\ude00); what is valid JSON
//     goes through encoding/json instead.
//   - github.com/goccy/go-yaml (1.19) has the better messages, but its Decoder stops
//     at the first fault, it silently drops what follows an empty document, and a
//     mapping of 50,000 keys takes it 8 s and more.
package policyfile
