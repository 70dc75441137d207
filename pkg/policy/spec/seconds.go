package spec

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// +kubebuilder:validation:Type=""
// +kubebuilder:validation:Format=""
// +kubebuilder:validation:XIntOrString
// +kubebuilder:validation:Pattern=`^[-+]?(0|([0-9.]+(h|m|s|ms|us|µs|μs|ns))+)$`

// Seconds is a whole number of seconds. Its JSON form is a number, or a string
// that [ParseSeconds] accepts.
type Seconds int64

// ParseSeconds reads a duration such as "10m" or "1h30m" (see
// [time.ParseDuration]). It must be a whole number of seconds.
func ParseSeconds(s string) (Seconds, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		if _, numeric := strconv.ParseInt(s, 10, 64); numeric == nil {
			return 0, fmt.Errorf("a number of seconds is written without quotes: %s", s)
		}
		return 0, fmt.Errorf(`not a duration: write seconds (600) or a duration ("10m")`)
	}
	if d%time.Second != 0 {
		up := d.Truncate(time.Second)
		if d > 0 {
			up += time.Second
		}
		return 0, fmt.Errorf("not a whole number of seconds: %d", up/time.Second)
	}
	return Seconds(d / time.Second), nil
}

// UnmarshalJSON reads a whole number of seconds or a string that [ParseSeconds] accepts.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return json.Unmarshal(b, (*int64)(s))
	}
	v, err := ParseSeconds(text)
	if err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	*s = v
	return nil
}
