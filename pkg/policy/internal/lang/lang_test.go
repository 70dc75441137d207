package lang_test

import (
	"errors"
	"regexp"
	"slices"
	"testing"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
)

func parse(t testing.TB, text string) *lang.Expr {
	t.Helper()
	e, err := lang.Parse(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return e
}

func TestOwners(t *testing.T) {
	every, com := lang.Suffix{}, lang.Suffix{Name: "com"}
	github := lang.Suffix{Name: "github.io", Kind: lang.Platform}
	tests := []struct {
		expr      string
		domains   []string // nil if they are not compared
		suffixes  []lang.Suffix
		unbounded bool
		foreign   string // if unbounded
	}{
		{expr: `https://.*\.example\.com`, domains: []string{"example.com"}},
		{expr: `^https://([a-z0-9-]+\.)*example\.com$`, domains: []string{"example.com"}},
		{expr: `https://[^.]+\.foo\.com`, domains: []string{"foo.com"}},
		{expr: `https://(www\.)?foo\.(com|co\.uk|de)`, domains: []string{"foo.co.uk", "foo.com", "foo.de"}},
		{expr: `https?://localhost(:\d+)?`},
		{expr: `https?://.*\.localhost`},
		{expr: `(?i)https://(www|app)\.FOO\.com`, domains: []string{"foo.com"}},
		{expr: `https://.*a.{18}\.foo\.com`, domains: []string{"foo.com"}},
		{expr: `https://foo\.com\.`, domains: []string{"foo.com"}},
		{expr: `https://github\.io|https://co\.uk`, domains: []string{"co.uk", "github.io"}},
		{expr: `https://[a-z]+`},
		{expr: `app://.*`},
		{expr: `https?://(10|192\.168)(\.\d+)+`},
		{expr: `https://.*\.github\.io`, suffixes: []lang.Suffix{github}},
		{expr: `https://(foo\.com|.*\.github\.io)`, domains: []string{"foo.com"}, suffixes: []lang.Suffix{github}},
		{expr: `https://.*\.s3\.amazonaws\.com`, domains: []string{"amazonaws.com"}, suffixes: []lang.Suffix{{Name: "s3.amazonaws.com", Kind: lang.Platform}}},
		{expr: `https://a\.s3\.amazonaws\.com`, domains: []string{"a.s3.amazonaws.com", "amazonaws.com"}},
		{expr: `https://app-[0-9]{1,4}\.herokuapp\.com`, suffixes: []lang.Suffix{{Name: "herokuapp.com", Kind: lang.Platform}}},
		{expr: `https://([a-z]\.){50}.*a[a-z]{30}\.acme\.com`, domains: []string{"acme.com"}},
		{expr: `https://.*\.kawasaki\.jp`, suffixes: []lang.Suffix{{Name: "kawasaki.jp"}}, unbounded: true, foreign: "https://evil.kawasaki.jp"},
		{expr: `https://.*\.ck`, suffixes: []lang.Suffix{{Name: "ck"}}, unbounded: true, foreign: "https://evil.ck"},
		{expr: `https://acme\.(com|github\.io)|https://.*\.github\.io|https://.*\.com`, suffixes: []lang.Suffix{com, github}, unbounded: true, foreign: "https://evil.com"},
		{expr: `https://.*\.internal`, suffixes: []lang.Suffix{{Name: "internal", Kind: lang.Unlisted}}},
		{expr: `https://.*example\.com`, suffixes: []lang.Suffix{com}, unbounded: true, foreign: "https://evilexample.com"},
		{expr: `https://foo\.com.*`, suffixes: []lang.Suffix{every}, unbounded: true, foreign: "https://foo.com.evil.net"},
		{expr: `http://192\.168\..*`, suffixes: []lang.Suffix{every}, unbounded: true, foreign: "http://192.168.evil.net"},
		{expr: `http://.*:3000`, suffixes: []lang.Suffix{every}, unbounded: true, foreign: "http://evil.net:3000"},
		{expr: `https://www.example.com`, unbounded: true, foreign: "https://wwwxexample.com"},
		{expr: `https://www\.shop.example`, unbounded: true, foreign: "https://www.shopxexample"},
		{expr: `https://foo\.[a-z]{2,3}`, unbounded: true, foreign: "https://foo.xx"},
	}
	for _, test := range tests {
		e := parse(t, test.expr)
		owners, err := e.Owners()
		if err != nil {
			t.Errorf("%s: %v", test.expr, err)
			continue
		}
		if owners.Unbounded() != test.unbounded || !slices.Equal(owners.Suffixes, test.suffixes) ||
			!test.unbounded && !slices.Equal(owners.Domains, test.domains) {
			t.Errorf("%s: %+v", test.expr, *owners)
		}
		if !test.unbounded {
			continue
		}
		suffix := ""
		if len(owners.Suffixes) > 0 {
			suffix = owners.Suffixes[0].Name
		}
		if foreign, err := e.Foreign(suffix); foreign != test.foreign || err != nil {
			t.Errorf("%s: accepts %s, %v", test.expr, foreign, err)
		}
		if !regexp.MustCompile(`\A(?:` + test.expr + `)\z`).MatchString(test.foreign) {
			t.Errorf("%s does not match %s", test.expr, test.foreign)
		}
	}
}

func TestExample(t *testing.T) {
	tests := []struct {
		expr     string
		universe *lang.Universe
		want     string
	}{
		{`/^https:\/\/x\.com$/`, lang.Sent, ""},
		{`https://\*\.acme\.com`, lang.Sent, ""},
		{`https://x\.com:443`, lang.Sent, ""},
		{`https://x\.com/`, lang.Sent, ""},
		{`https://FOO\.com`, lang.Sent, ""},
		{`x\.com`, lang.Sent, ""},
		{`http://0x7f\.1`, lang.Sent, ""},
		{`http://0x7f\.1`, lang.Parsed, "http://0x7f.1"},
		{`http://1\.2\.3\.\d+`, lang.Sent, "http://1.2.3.0"},
		{`https?://10(\.\d+)+`, lang.PublicAddresses, ""},
		{`https?://(\d+\.){3}\d+`, lang.PublicAddresses, "http://0.0.0.0"},
		{`http://.*`, lang.Insecure, "http://x"},
		{`http://(localhost|a\.localhost|127\.0\.0\.\d+|\[::1\])(:\d+)?`, lang.Insecure, ""},
	}
	for _, test := range tests {
		if got, err := parse(t, test.expr).Example(test.universe); got != test.want || err != nil {
			t.Errorf("%s: %q, %v", test.expr, got, err)
		}
	}
}

func TestMissing(t *testing.T) {
	tests := []struct {
		expr   string
		others []string
		want   string
	}{
		{`https://a\.b\.com`, []string{`https://.*\.com`}, ""},
		{`https://.*\.b\.com`, []string{`https://[^.]*\.b\.com`, `https://.*\..*\.b\.com`}, ""},
		{`https?://a\.com(:\d+)?`, []string{`http://a\.com(:\d+)?`}, "https://a.com"},
		{`https://A\.com`, nil, ""},
		{`https://a\.com`, nil, "https://a.com"},
	}
	for _, test := range tests {
		var others []*lang.Expr
		for _, text := range test.others {
			others = append(others, parse(t, text))
		}
		if got, err := parse(t, test.expr).Missing(lang.Parsed, others...); got != test.want || err != nil {
			t.Errorf("%s: %q, %v", test.expr, got, err)
		}
	}
}

func TestBudget(t *testing.T) {
	large := parse(t, `https://.{1,900}a.{1,900}\.com`)
	if _, err := parse(t, `https://.{1,900}a.{1,900}\.COM`).Example(lang.Parsed); !errors.Is(err, lang.ErrBudget) {
		t.Errorf("error %v", err)
	}
	if _, err := large.Owners(); !errors.Is(err, lang.ErrBudget) {
		t.Errorf("error %v", err)
	}
	usual := parse(t, `https://.{1,63}\.example\.com`)
	for _, u := range []*lang.Universe{lang.Sent, lang.Domains, lang.PublicAddresses, lang.Insecure, lang.Parsed} {
		if _, err := usual.Example(u); err != nil {
			t.Error(err)
		}
	}
}
