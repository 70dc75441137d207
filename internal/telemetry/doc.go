// Package telemetry has the observer of exchanges that keeps Prometheus metrics. The adapters do not know it; a
// further observer (a decision log, traces) needs no change in them.
package telemetry
