// Package match has the tables of an engine: they find the host, the entry and the origin of a
// request in a few look-ups, however many there are. They are built from a [plan.Plan] and never
// change, but for origin sets that expire.
//
// Large tables hold indices, and strings that are parts of one text, so the garbage collector
// has few objects to mark. Nothing allocates while a request is looked up.
package match
