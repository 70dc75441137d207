package policyfile

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// text decodes a string. Dates are strings here: a YAML 1.1 parser would read 2027-01-31 as a
// point in time, and lose its text.
func (d *decoder) text(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!timestamp") {
		return n.Value, !d.isOdd(n)
	}
	if isNull(n) && n.Value == "null" && d.inList("allowOrigins", "origins") {
		return n.Value, true // Compile knows what was meant
	}
	hint := "one value in quotes"
	meant := n
	if n.Kind == yaml.SequenceNode && len(n.Content) == 1 {
		meant = resolve(n.Content[0])
	}
	if meant.Kind == yaml.ScalarNode && !isNull(meant) {
		hint = strconv.Quote(shorten(meant.Value))
	}
	d.wrongType(n, "a string", hint)
	return "", false
}

// inList reports whether the value is an item of a list of one of these names.
func (d *decoder) inList(names ...string) bool {
	steps := d.path.Steps()
	return len(steps) > 1 && steps[len(steps)-1].Field == "" && slices.Contains(names, d.path.Last())
}

// boolean decodes true and false. The other words that YAML 1.1 has for them are faults.
func (d *decoder) boolean(n *yaml.Node) (value, ok bool) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		switch n.Value {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	hint := "true or false"
	switch strings.ToLower(n.Value) {
	case "true", "yes", "y", "on", "1":
		hint = "true"
	case "false", "no", "n", "off", "0":
		hint = "false"
	}
	d.wrongType(n, "true or false", hint)
	return false, false
}

// integer decodes a whole decimal number. One that does not fit becomes the largest or smallest
// int64, since Compile judges the range. The example is the hint if the value does not suggest one.
func (d *decoder) integer(n *yaml.Node, example string) (int64, bool) {
	const decimal = "0123456789"
	digits := strings.TrimLeft(n.Value, "+-")
	plain := digits != "" && strings.Trim(digits, decimal) == "" && len(n.Value)-len(digits) <= 1
	if isNumber(n) && plain {
		value, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil && strings.HasPrefix(n.Value, "-") {
			return math.MinInt64, true
		}
		if err != nil {
			return math.MaxInt64, true
		}
		return value, true
	}
	hint := example
	if n.Kind == yaml.ScalarNode && plain {
		hint = shorten(n.Value)
	}
	d.wrongType(n, "a whole number", hint)
	return 0, false
}

// seconds decodes a number of seconds, or a duration.
func (d *decoder) seconds(n *yaml.Node, out *spec.Seconds) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		value, ok := d.integer(n, `seconds (600) or a duration ("10m")`)
		*out = spec.Seconds(value)
		return ok
	}
	value, err := spec.ParseSeconds(n.Value)
	if err != nil {
		// The error has a hint after a colon.
		message, hint, _ := strings.Cut(err.Error(), ": ")
		if strings.HasPrefix(message, "not ") {
			message = "is " + message
		} else {
			message = "is a string, and " + message
		}
		d.wrong(n, spec.CodeValueInvalid, n.Value, message, hint)
		return false
	}
	*out = value
	return true
}

// wrongType reports a value that is not what is needed.
func (d *decoder) wrongType(n *yaml.Node, needed, hint string) {
	if isTemplate(n) {
		d.wrong(n, spec.CodeSyntax, "", templateMessage, templateHint)
		return
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		if d.isOdd(n) {
			return
		}
		name, rest, found := strings.Cut(n.Value, ":")
		if found && needed == "a mapping" && !strings.HasPrefix(rest, "//") {
			hint = shorten(name) + ": " + shorten(rest) + ", with a blank after the colon"
		}
	}
	if isNull(n) {
		hint = "leave the field out"
		if needed == "a list" {
			hint = "leave the field out, or [] for none"
		}
		steps, required := d.path.Steps(), []string{"spec", "metadata", "name", "kind", "apiVersion", "hosts"}
		switch {
		case len(steps) > 0 && steps[len(steps)-1].Field == "":
			hint = "leave the item out"
		case len(steps) <= 2 && slices.Contains(required, d.path.Last()):
			hint = needed
		}
	}
	value := ""
	if n.Kind == yaml.ScalarNode {
		value = n.Value
	}
	d.wrong(n, spec.CodeWrongType, value, "is "+describe(n)+" where "+needed+" is needed", hint)
}

// hasPlainTag refuses tags that no type here stands for, such as !!binary or !include.
func (d *decoder) hasPlainTag(n *yaml.Node) bool {
	switch n.Tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!map", "!!seq", "!!merge":
		return true
	}
	d.wrong(n, spec.CodeWrongType, n.Value, "has tag "+shorten(n.Tag)+", which has no meaning here",
		"leave the tag out")
	return false
}

func isNumber(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float")
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	}
	switch n.Tag {
	case "!!null":
		return "empty"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a boolean"
	default:
		return "a string"
	}
}

func listHint(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return `lines that begin with "- "`
	}
	items := strings.FieldsFunc(shorten(n.Value), func(r rune) bool { return r == ',' || r == ' ' })
	for i := range items {
		items[i] = strconv.Quote(items[i])
	}
	return "[" + strings.Join(items, ", ") + "]"
}
