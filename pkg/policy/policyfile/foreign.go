package policyfile

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/internal/suggest"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// skippedData is used in place of a kind for skipped data of ConfigMaps.
const skippedData = "data of a ConfigMap"

const group = "corsd.dev"

// inputSource reads standard input. A renderer writes the manifests of others there, too.
func inputSource(in io.Reader, most int64) *source {
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return unreadable(InputName, err)
	case int64(len(data)) > most:
		return tooLarge(InputName, most)
	}
	return &source{name: InputName, data: data, rendered: true}
}

// isForeign reports whether a document is to be skipped, and returns the kind to report. A document of corsd whose
// kind or apiVersion is misspelt is not: it would be overlooked.
func (d *document) isForeign(root *yaml.Node) (kind string, foreign bool) {
	if !d.source.rendered {
		return "", false
	}
	kind, version := textOf(root, "kind"), textOf(root, "apiVersion")
	switch {
	case kind == string(spec.KindPolicy) && hasTargets(root):
		return kind + " with " + targetRefs, true
	case isOurKind(kind), isOurVersion(version):
		return "", false
	case d.source.entry != nil:
		return skippedData, d.isForeignText()
	case kind == kindConfigMap, isList(kind):
		return "", false
	case kind == kindSecret:
		return kind, !secretMentions(root)
	}
	return kind, kind != "" && version != ""
}

// targetRefs is the field of a resource that names Gateways and routes. What they are is known in the cluster alone.
const targetRefs = "targetRefs"

func hasTargets(root *yaml.Node) bool {
	_, body := field(root, "spec")
	if body == nil {
		return false
	}
	_, targets := field(resolve(body), targetRefs)
	return targets != nil
}

// isForeignText reports whether the text of an entry has nothing to do with corsd: ConfigMaps have
// the configuration of any program.
func (d *document) isForeignText() bool {
	return d.source.rendered && d.source.entry != nil && !mentions(d.text)
}

// mentions reports whether a text has the name of our API group, or of one of our kinds.
func mentions(text []byte) bool {
	text = bytes.ToLower(text)
	for _, name := range append(kinds(), group) {
		if bytes.Contains(text, []byte(strings.ToLower(name))) {
			return true
		}
	}
	return false
}

// secretMentions reports whether a Secret has policies in it.
func secretMentions(root *yaml.Node) bool {
	for _, name := range []string{"data", "stringData"} {
		_, data := field(root, name)
		if data == nil {
			continue
		}
		for _, value := range resolve(data).Content {
			text := []byte(resolve(value).Value)
			if decoded, err := base64.StdEncoding.DecodeString(string(text)); err == nil && name == "data" {
				text = decoded
			}
			if mentions(text) {
				return true
			}
		}
	}
	return false
}

// isOurKind reports whether a kind is one of ours, or probably meant to be one. The nearest name
// alone is not enough: DNSPolicy is as near to CORSPolicy as a misspelt one.
func isOurKind(kind string) bool {
	lower := strings.ToLower(kind)
	if !strings.Contains(lower, "cors") && !strings.Contains(lower, "origin") {
		return false
	}
	return suggest.Nearest(strings.TrimSuffix(kind, kindList), kinds()) != ""
}

func isOurVersion(version string) bool {
	name, _, _ := strings.Cut(version, "/")
	return suggest.Nearest(name, []string{group}) != ""
}

// textOf returns the text of a field, "" if it is not a string.
func textOf(root *yaml.Node, name string) string {
	_, value := field(root, name)
	if value == nil {
		return ""
	}
	if value = resolve(value); value.Kind == yaml.ScalarNode && value.Tag == "!!str" {
		return value.Value
	}
	return ""
}
