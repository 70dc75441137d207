// Package envoypolicy knows what policies need from Envoy. [Write] writes an Envoy configuration for
// them, and [Check] compares one that exists with them.
//
// Both begin with the settings of the hosts that each virtual host serves. It knows neither requests nor
// gRPC, and reads no file.
package envoypolicy
