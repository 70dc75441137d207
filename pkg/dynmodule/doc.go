// Package dynmodule decides inside Envoy's process, for a dynamic module: it is given the headers of a
// request, and returns what the module is to do as encoded operations. Envoy is entered and left in C
// (cmd/corsd-module), since each entry into Go costs more than the decision.
//
// It is an adapter like pkg/extproc: it contains no rule of CORS. It uses no cgo and knows no call of
// Envoy, so that it is tested as any other package.
//
// An answer is a head and items, in the byte order of the machine, without padding between them:
//
//	head: kind, flags, verdict, reason (a byte each); status of Respond, 0 otherwise (4 bytes)
//	item: op, length of the name, length of the value (4 bytes each); name; value
package dynmodule
