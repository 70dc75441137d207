// Package envoyconfig reads from an Envoy configuration the parts that concern corsd: HTTP connection managers
// with their filters, route tables, clusters. Each part has its position in the file.
//
// It reads a bootstrap, the response of the admin page /config_dump, and single listeners, route
// configurations and clusters, as YAML or JSON, with field names in snake_case or camelCase. It walks the
// tree instead of decoding Envoy's messages: fields and extensions that it does not know do no harm,
// and everything has a position. It judges nothing, and knows no policy.
package envoyconfig
