// Package limits bounds the connections and streams of the peers of the gRPC port, and the memory
// that messages and answers under way need. It derives the bounds from the memory limit of the container.
// It knows neither Envoy's messages nor policies.
package limits
