// Package telemetry has the observers of exchanges: Prometheus metrics and the log of refusals. The
// adapters know neither; a further observer (a decision log, traces) needs no change in them.
package telemetry
