// Package modulehost is shared by the filters of a dynamic module: the live policies, one engine for all
// filters with the same source, and the filter's configuration. It knows no call of Envoy.
package modulehost

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/corsd/corsd/internal/suggest"
)

// Config is the configuration of a filter: filter_config in Envoy's, a JSON object.
type Config struct {
	// Policy has policy files and directories of them, as --policy of corsd serve. Required.
	Policy []string `json:"policy"`
	// Snapshot is a file that keeps the last good policy for the next start. "" means none.
	Snapshot string `json:"snapshot"`
	// Admin is a loopback address, host:port, that serves /livez and /readyz. "" means none.
	Admin string `json:"admin"`
	// Requests selects the requests that are decided on. Default WithOrigin.
	Requests Requests `json:"requests"`
	// Remember lets each worker of Envoy remember the last decisions, which saves half of the module's
	// cost. Default true.
	Remember *bool `json:"remember"`
}

// Requests is a set of requests.
type Requests string

// The values of [Requests].
const (
	// WithOrigin are those with an Origin that is not empty. The others and their responses are not
	// touched: their virtual host removes CORS headers and adds Vary.
	WithOrigin Requests = "WithOrigin"
	// All are decided on, so that nothing depends on the virtual hosts.
	All Requests = "All"
)

const example = `write, for instance, {"policy": ["/etc/corsd"]}`

// ParseConfig reads the configuration of a filter. Its errors have an example of a correct one.
func ParseConfig(text []byte) (Config, error) {
	c := Config{Requests: WithOrigin, Remember: new(true)}
	if err := decode(text, &c, "policy", "snapshot", "admin", "requests", "remember"); err != nil {
		return Config{}, fmt.Errorf("filter_config: %w; %s", err, example)
	}
	switch {
	case len(c.Policy) == 0:
		return Config{}, errors.New("filter_config: policy is required; " + example)
	case slices.Contains(c.Policy, ""), slices.Contains(c.Policy, "-"):
		return Config{}, errors.New("filter_config: policy has a path that is empty or -; " + example)
	case c.Remember == nil:
		return Config{}, errors.New("filter_config: remember is null; write true or false")
	case c.Requests != WithOrigin && c.Requests != All:
		return Config{}, fmt.Errorf("filter_config: requests is %q; write WithOrigin or All", c.Requests)
	}
	if c.Admin != "" {
		if err := checkAdmin(c.Admin); err != nil {
			return Config{}, fmt.Errorf("filter_config: %w", err)
		}
	}
	return c, nil
}

// ParseRoute reads the configuration of a route or virtual host, and returns the selector: the policy to
// apply, as [NAMESPACE/]NAME[#RULE].
func ParseRoute(text []byte) (selector string, err error) {
	var c struct {
		Policy string `json:"policy"`
	}
	const want = `write, for instance, {"policy": "shop"} or {"policy": "team-a/shop#catalogue"}`
	if err := decode(text, &c, "policy"); err != nil {
		return "", fmt.Errorf("per-route filter_config: %w; %s", err, want)
	}
	if c.Policy == "" {
		return "", errors.New("per-route filter_config: policy is required; " + want)
	}
	return c.Policy, nil
}

// decode reads one JSON object with no keys but those that are known.
func decode(text []byte, into any, known ...string) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return errors.New("it is missing")
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return fmt.Errorf("it is no JSON object (%w)", err)
	}
	for key := range keys {
		if !slices.Contains(known, key) {
			hint := ""
			if near := suggest.Nearest(key, known); near != "" {
				hint = fmt.Sprintf(" (did you mean %s?)", near)
			}
			return fmt.Errorf("unknown key %q%s: the keys are %s", key, hint, strings.Join(known, ", "))
		}
	}
	return json.Unmarshal(text, into)
}
