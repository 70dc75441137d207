package policyfile_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/corsd/corsd/internal/reload"
)

// TestMistakes has what people write by mistake, and the report, whole: each row gives the lines
// of a spec, from line 5 on.
func TestMistakes(t *testing.T) {
	tests := []struct{ name, spec, want string }{
		{
			"an item that is indented less than the list", "  hosts:\n    - a.example\n   - b.example\n",
			"7:4: is indented by 3, unlike every line above that it can belong to (syntax); hint: indent it by 2 or 4 spaces",
		},
		{
			"an item that is indented more than the list", "  hosts:\n  - a.example\n    - b.example\n",
			"7:5: spec.hosts[0]: has the next item in it, which is indented deeper (syntax); hint: indent the items of a list alike",
		},
		{
			"a field between two levels", "  hosts: [a.example]\n  cors:\n    allowOrigins: []\n   maxAge: 600\n",
			"8:4: is indented by 3, unlike every line above that it can belong to (syntax); hint: indent it by 2 or 4 spaces",
		},
		{
			"a field that is indented more than its neighbour", "  hosts: [a.example]\n  cors:\n    allowOrigins: []\n      maxAge: 600\n",
			"8:7: is indented by 6, unlike every line above that it can belong to (syntax); hint: indent it by 4 spaces",
		},
		{
			"a field below a value", "  hosts: [a.example]\n  cors:\n    maxAge: 600\n      allowCredentials: true\n",
			"8:7: is indented by 6, unlike every line above that it can belong to (syntax); hint: indent it by 4 spaces",
		},
		{
			"two colons in a line are another mistake", "  hosts: [a.example]\n  cors: maxAge: 600\n",
			`6:15: mapping values are not allowed in this context (syntax); hint: indent by the parent's depth, and quote a value that has ": " in it`,
		},
		{
			"a field that is indented less than a rule's", "  hosts: [a.example]\n  rules:\n  - name: a\n   match: {}\n",
			"8:4: is indented by 3, unlike every line above that it can belong to (syntax); hint: indent it by 2 or 4 spaces",
		},
		{
			"a syntax error at a right indentation is another one", "  hosts: [a.example]\n  cors: {}\n  - x\n",
			`7:3: did not find expected key while parsing a block mapping (syntax); hint: indent the fields of a mapping alike, and quote a value that has ": " or " #" in it`,
		},
		{
			"fields of spec that are not indented", "hosts: [a.example]\n",
			"4:6: spec: is empty where a mapping is needed (wrong_type); hint: a mapping\n" +
				"5:1: hosts: is not a field here (unknown_field); hint: indent it: it is a field of spec",
		},
		{
			"fields of cors that are not indented", "  hosts: [a.example]\n  maxAge: 600\n",
			"6:3: spec.maxAge: is not a field here (unknown_field); hint: indent it below cors: it is a field of cors",
		},
		{
			"an item without a dash", "  hosts: [a.example]\n  cors:\n    allowOrigins:\n    https://www.shop.example\n",
			"8:5: a line that is neither a field nor an item of a list (syntax); hint: - https://www.shop.example, as an item of allowOrigins",
		},
		{
			"a field without a colon", "  hosts: [a.example]\n  cors\n  rules: []\n",
			"6:3: a line that is neither a field nor an item of a list (syntax); hint: NAME: value, with a blank after the colon",
		},
		{
			"a dash without a blank", "  hosts: [a.example]\n  cors:\n    allowOrigins:\n    -https://a.example\n",
			"8:5: a dash that needs a blank after it (syntax); hint: - https://a.example",
		},
		{
			"a colon without a blank", "  hosts: [a.example]\n  cors:{maxAge: 600}\n",
			`6:3: spec["cors:{maxAge"]: needs a blank after the colon (syntax); hint: cors: {maxAge`,
		},
		{
			"a colon without a blank below a field", "  hosts: [a.example]\n  cors:\n    maxAge:600\n",
			`7:5: spec.cors: "maxAge:600" is a string where a mapping is needed (wrong_type); hint: maxAge: 600, with a blank after the colon`,
		},

		{"a tab", "\thosts: [a.example]\n", "5:1: a tab in the indentation, which YAML does not allow (syntax); hint: spaces"},
		{
			"a tab after blanks", "  hosts: [a.example]\n  cors:\n  \tmaxAge: 600\n",
			"7:3: a tab in the indentation, which YAML does not allow (syntax); hint: spaces",
		},
		{
			"a no-break space in the indentation", "  hosts: [a.example]\n \u00a0cors: {}\n",
			"6:2: a no-break space (U+00A0) (syntax); hint: an ordinary space",
		},
		{
			"a no-break space after a dash", "  hosts:\n  -\u00a0a.example\n  - b.example\n",
			"6:4: a no-break space (U+00A0) (syntax); hint: an ordinary space",
		},
		{
			"a no-break space after a colon", "  hosts: [a.example]\n  cors:\u00a0{maxAge: 600}\n",
			`6:8: spec["cors:\u00a0{maxAge"]: has a no-break space (U+00A0) (syntax); hint: an ordinary space`,
		},
		{
			"a no-break space in a value", "  hosts: [a.example]\n  cors: {allowMethods: [PUT, \"DELETE\u00a0\"]}\n",
			"6:37: spec.cors.allowMethods[1]: \"DELETE\\u00a0\" has a no-break space (U+00A0) (syntax); hint: an ordinary space",
		},
		{
			"one that is written as an escape", "  hosts: [a.example]\n  cors: {allowMethods: [\"DELETE\\u00a0\"]}\n",
			"6:25: spec.cors.allowMethods[0]: \"DELETE\\u00a0\" has a no-break space (U+00A0) (syntax); hint: an ordinary space",
		},
		{
			"a zero-width space in a value", "  hosts: [a.exa\u200bmple]\n",
			`5:16: spec.hosts[0]: "a.exa\u200bmple" has an invisible character (U+200B) (syntax); hint: remove it: type the line again`,
		},
		{
			"a zero-width space in a field", "  hosts: [a.example]\n  co\u200brs: {}\n",
			`6:5: spec["co\u200brs"]: has an invisible character (U+200B) (syntax); hint: remove it: type the line again`,
		},
		{
			"a byte order mark in the middle", "  hosts: [a.example]\n  \ufeffcors: {}\n",
			`6:3: spec["\ufeffcors"]: has an invisible character (U+FEFF) (syntax); hint: remove it: type the line again`,
		},
		{
			"double typographic quotes", "  hosts: [“a.example”]\n",
			`5:11: spec.hosts[0]: "“a.example”" has a typographic quote (“, U+201C) (syntax); hint: straight quotes, " or '`,
		},
		{
			"single typographic quotes", "  hosts: [‘a.example’]\n",
			`5:11: spec.hosts[0]: "‘a.example’" has a typographic quote (‘, U+2018) (syntax); hint: straight quotes, " or '`,
		},
		{
			"guillemets", "  hosts: [«a.example»]\n",
			`5:11: spec.hosts[0]: "«a.example»" has a typographic quote («, U+00AB) (syntax); hint: straight quotes, " or '`,
		},
		{
			"a typographic quote that makes a syntax error", "  hosts: [a.example]\n  cors: {allowMethods: [“PUT”: ]\n  rules: []\n",
			`6:25: a typographic quote (“, U+201C) (syntax); hint: straight quotes, " or '`,
		},
		{
			"dashes of a word processor", "  hosts:\n  – a.example\n  – b.example\n",
			"7:3: a typographic dash or bullet (–, U+2013) (syntax); hint: - before an item of a list, --- between documents",
		},
		{
			"one such dash", "  hosts:\n    — a.example\n",
			`6:5: spec.hosts: "— a.example" has a typographic dash or bullet (—, U+2014) (syntax); hint: - before an item of a list, --- between documents`,
		},
		{
			"bullets", "  hosts:\n  • a.example\n",
			"6:3: a typographic dash or bullet (•, U+2022) (syntax); hint: - before an item of a list, --- between documents",
		},

		{
			"a template in a list", "  hosts: [{{ .Values.host }}]\n",
			"5:11: spec.hosts[0]: is a template that is not rendered (syntax); hint: the rendered text: helm template . | corsd check -",
		},
		{
			"a template for a list", "  hosts: {{ .Values.hosts }}\n",
			"5:10: spec.hosts: is a template that is not rendered (syntax); hint: the rendered text: helm template . | corsd check -",
		},
		{
			"a template for a mapping", "  hosts: [a.example]\n  cors: {{ toYaml .Values.cors }}\n",
			"6:9: spec.cors: is a template that is not rendered (syntax); hint: the rendered text: helm template . | corsd check -",
		},
		{
			"a template in quotes", "  hosts: [\"{{ .Values.host }}\"]\n",
			`5:11: spec.hosts[0]: "{{ .Values.host }}" is a template that is not rendered (syntax); hint: the rendered text: helm template . | corsd check -`,
		},
		{
			"a template on a line of its own", "  hosts:\n  {{- range .Values.hosts }}\n  - {{ . }}\n  {{- end }}\n",
			"6:3: is a template that is not rendered (syntax); hint: the rendered text: helm template . | corsd check -",
		},

		{"text for people may have any character", "  # “no” – \u00a0{{ no }}\n  hosts: [a.example] # “ok”\n  cors: {allowOrigins: []}\n---\n" +
			strings.Replace(set, "name: partners", "name: b, annotations: {a: “b”}, labels: {c: «d»}", 1) +
			"  origins: [https://a.example]\n  owner: “the partners” – \u00a0us\n---\n" + strings.Replace(head, "shop", "c", 1) +
			"  hosts: [c.example]\n  cors: {allowOriginSets: [b]}\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report := reload.Parse("p.yaml", []byte(head+test.spec))
			want := ""
			if test.want != "" {
				want = "p.yaml:" + strings.ReplaceAll(test.want, "\n", "\np.yaml:")
			}
			if got := text(t, report); got != want {
				t.Errorf("report:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestMistakenFiles has files that are something else.
func TestMistakenFiles(t *testing.T) {
	const comment = `a comment, which JSON does not have (syntax); hint: no comment, or YAML, in which # begins one`
	tests := []struct{ name, file, text, want string }{
		{"UTF-16 with a byte order mark", "p.yaml", utf16le("\ufeff" + head), "1:1: is UTF-16 text, as some programs on Windows write it (syntax); hint: UTF-8 text"},
		{"UTF-16 without one", "p.yaml", utf16le(head), "1:1: is UTF-16 text, as some programs on Windows write it (syntax); hint: UTF-8 text"},
		{"big-endian UTF-16", "p.json", "\x00{\x00}", "1:1: is UTF-16 text, as some programs on Windows write it (syntax); hint: UTF-8 text"},
		{"a line comment in a JSON file", "p.json", "{\n  // all\n  \"a\": \"http://x\"}", "2:3: " + comment},
		{"a block comment in a JSON file", "p.json", "{\"a\": \"// \\\" /*\", /* all */ \"b\": 1}", "1:19: " + comment},
		{"a comment in JSON in a YAML file", "p.yaml", "{\"a\": 1,\n// all\n\"b\": 2}", "2:1: " + comment},
		{"a Secret", "p.yaml", "apiVersion: v1\nkind: Secret\nstringData: {}\n", `2:7: kind: "Secret" is not a kind of policy document (unknown_kind); hint: a ConfigMap: policies are not secret, and a Secret is not read`},
		{"a template around the document", "p.yaml", "{{- if .Values.cors }}\n" + head + "  hosts: []\n{{- end }}\n", "1:1: is a template that is not rendered (syntax); hint: the rendered text: helm template . | corsd check -"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, want := text(t, reload.Parse(test.file, []byte(test.text))), test.file+":"+test.want; got != want {
				t.Errorf("report:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func utf16le(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}

// TestMistakeInLargeDocument: the lines of a document are looked at up to 1 MiB. Beyond, the parser's own words remain.
func TestMistakeInLargeDocument(t *testing.T) {
	const most = 1 << 20
	tab := head + "\thosts: []\n#"
	odd := head + "  hosts: [a\u200b.example]\n#"
	for _, test := range []struct {
		text, within, beyond string
	}{
		{tab, "p.yaml:5:1: a tab in the indentation", "p.yaml:5:1: found character that cannot start any token"},
		{odd, "p.yaml:5:12: spec.hosts[0]: ", "p.yaml:5:11: spec.hosts[0]: "},
	} {
		for n, want := range map[int]string{most: test.within, most + 1: test.beyond} {
			report := reload.Parse("p.yaml", []byte(test.text+strings.Repeat("x", n-len(test.text))))
			if got := text(t, report); !strings.HasPrefix(got, want) {
				t.Errorf("%d bytes: %s, want %s", n, got, want)
			}
		}
	}
}
