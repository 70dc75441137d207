package urlpath

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// slowAmbiguous reports whether servers may read a path in different ways, on a host whose rules
// have these values.
func slowAmbiguous(values []string, path string) bool {
	all := strings.Join(values, "\n") + "\n"
	if strings.Contains(path, "//") {
		return true
	}
	for _, segment := range strings.Split(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	for path != "" {
		c, size := path[0], 1
		if c == '%' {
			if size = 3; slowAmbiguousEscape(all, path) {
				return true
			}
		} else if c < ' ' || c == 0x7f || c == '\\' || c == ';' || c != '/' && !strings.Contains(all, path[:1]) && namesEscape(all, c) {
			return true
		}
		path = path[size:]
	}
	return false
}

func slowAmbiguousEscape(all, path string) bool {
	if len(path) < 3 {
		return true
	}
	n, err := strconv.ParseUint(path[1:3], 16, 8)
	if err != nil {
		return true
	}
	decoded := string([]byte{byte(n)})
	const unreserved = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
	if strings.Contains("/\\;\x00"+unreserved, decoded) || decoded != "\n" && strings.Contains(all, decoded) {
		return true
	}
	if n == '%' && len(path) >= 5 {
		if _, err := strconv.ParseUint(path[3:5], 16, 8); err == nil {
			return true
		}
	}
	return namesEscape(all, byte(n)) && !strings.Contains(all, path[:3])
}

// namesEscape reports whether a value has the escape of a byte, in any case.
func namesEscape(all string, c byte) bool {
	return strings.Contains(strings.ToLower(all), fmt.Sprintf("%%%02x", c))
}

func FuzzIsAmbiguous(f *testing.F) {
	for _, seed := range [][3]string{
		{"/", "/", "/a/b"},
		{"/caf%C3%A9", "/", "/caf%c3%a9"},
		{"/caf%C3%A9", "/", "/caf\xc3\xa9"},
		{"/a%Bcd", "/", "/a%bcd"},
		{"/a%Bcd", "/", "/a%Bcd"},
		{"/a%bCd", "/a%BCd", "/a%bcd"},
		{"/%7b", "/", "/%7B"},
		{"/a+b", "/[0-9]+%", "/a%2Bb"},
		{"/", "/", "/a/../b"},
		{"/", "/", "/%2e/%252f%zz"},
		{"/", "/", "/a//b;c"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, first, second, path string) {
		if strings.Contains(first+second, "\n") {
			return // separates values here, and is in no path
		}
		var s Escapes
		s.Add(first)
		s.Add(second)
		if got, want := s.IsAmbiguous(path), slowAmbiguous([]string{first, second}, path); got != want {
			t.Errorf("%q beside %q and %q is ambiguous: %t, want %t", path, first, second, got, want)
		}
	})
}

// What a browser sends in place of a value that Check accepts is acceptable, and sent as it is.
func FuzzCheck(f *testing.F) {
	for _, value := range []string{"/", "/a", "/caf%C3%A9", "/caf\xc3%a9", "/a%25", "/a%Bc", "/a b", "/a%2F", "a", "/a?b", "/%"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if fault := Check(value); fault != nil {
			if fault.Message == "" {
				t.Errorf("%q: a fault without a message", value)
			}
			return
		}
		if sent := AsSent(value); AsSent(sent) != sent || Check(sent) != nil {
			t.Errorf("%q is sent as %q, which is not what a browser sends", value, sent)
		}
	})
}

func TestAsSent(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"a plain path", "/a-b_c.d~e/!$&'()*+,=:@", "/a-b_c.d~e/!$&'()*+,=:@"},
		{"a blank", "/a b", "/a%20b"},
		{"what is not ASCII", "/café", "/caf%C3%A9"},
		{"digits of escapes are in upper case", "/caf%c3%A9", "/caf%C3%A9"},
		{"the percent-encode set of paths", "/\"<>^`{}", "/%22%3C%3E%5E%60%7B%7D"},
		{"a percent sign without digits stays", "/a%", "/a%"},
	} {
		if got := AsSent(tt.value); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestWithoutPlaceholders(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"an asterisk", "/api/*", "/api"},
		{"two of them", "/api/**/x", "/api"},
		{"the first one counts", "/api/:id/{name}", "/api"},
		{"braces", "/api/{id}/x", "/api"},
		{"at the root", "/*", "/"},
		{"within a segment it is a byte of the path", "/api/a*/x:y/{a}b", "/api/a*/x:y/{a}b"},
		{"a colon alone is a segment", "/api/:/x", "/api/:/x"},
		{"none", "/api/v1/", "/api/v1/"},
		{"nothing at all", "", ""},
	} {
		if got := WithoutPlaceholders(tt.value); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestIsASCII(t *testing.T) {
	for path, want := range map[string]bool{
		"": true, "/": true, "/a%20b": true, "/%7F": true, "/\x7f": true, "/%": true, "/%8": true, "/%zz": true, "/%2": true,
		"/café": false, "/\x80": false, "/caf%C3%A9": false, "/%80": false, "/a%e2%84%aa": false, "/%ff": false, "/a%25C3": true,
	} {
		if got := IsASCII(path); got != want {
			t.Errorf("%q: %t", path, got)
		}
	}
}

// slowFolded decodes a path first.
func slowFolded(path string) bool {
	decoded := regexp.MustCompile(`%[0-9A-Fa-f]{2}`).ReplaceAllStringFunc(path, func(escape string) string {
		c, _ := unhex(escape[1], escape[2])
		return string([]byte{c})
	})
	return strings.Contains(decoded, "İ") || strings.Contains(decoded, "ı") || strings.Contains(decoded, "ſ") || strings.Contains(decoded, "\u212a")
}

func TestHasFoldedLetter(t *testing.T) {
	for path, want := range map[string]bool{
		"/": false, "/a%C4%B0": true, "/%c4%b1x": true, "/%C5%BF": true, "/%E2%84%AA": true, "/İ": true, "/ı": true, "/ſ": true, "/\u212a": true,
		"/\xc4%b0": true, "/%e2\x84%AA": true, "/%C4": false, "/%C4/%B0": false, "/%C4%B2": false, "/\u212b": false, "/é": false, "/%E2%84": false,
		"\xc4\xb0": true, "": false, "/%25C4%B0": false, "/%c4%": false, "/%C4%b": false,
	} {
		if got := HasFoldedLetter(path); got != want || got != slowFolded(path) {
			t.Errorf("%q: %t", path, got)
		}
	}
}

func FuzzHasFoldedLetter(f *testing.F) {
	for _, path := range []string{"/a%C4%B0", "/\xc4%b1", "/%C5\xbf", "/%E2%84%AA", "/%%C4%B0", "/%E2%84%E2%84%aa", "/%zz"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if got, want := HasFoldedLetter(path), slowFolded(path); got != want {
			t.Errorf("%q: %t, want %t", path, got, want)
		}
	})
}
