// Package limits bounds what the peers of the gRPC port may use: connections, streams, and the memory
// that messages and answers under way need. It derives the bounds from the memory limit of the container.
// It knows neither Envoy's messages nor policies.
package limits
