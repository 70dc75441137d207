package suggest

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"allowOrigins", "allowOriginRegexes", "allowMethods", "maxAge"}
	for name, want := range map[string]string{
		"alloworigins": "allowOrigins", "allow-origins": "allowOrigins", "allow_origin_regexes": "allowOriginRegexes",
		"alowMethods": "allowMethods", "allowMehtods": "allowMethods", "maxage": "maxAge", "max": "", "mxaAge": "maxAge",
		"": "", "cookies": "", "maxAgemaxAgemaxAgemaxAgemaxAgemaxAgemaxAgemaxAgemaxAgemaxAgemaxAge": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
}
