package cli

import (
	"fmt"

	"github.com/corsd/corsd/internal/printable"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// positions are the positions in files of an explanation's places.
type positions struct {
	hosts, rule, origin, refusing spec.Position
	settings                      []spec.Position // of each setting
}

func locate(report *reload.Report, d *policy.Explanation) *positions {
	places := []spec.Place{d.Places.Hosts, d.Places.Rule, d.Places.Origin, d.Places.RefusingPlace}
	for _, s := range d.Settings {
		places = append(places, s.Place)
	}
	found := report.Positions(places)
	return &positions{hosts: found[0], rule: found[1], origin: found[2], refusing: found[3], settings: found[4:]}
}

// at returns the file and line of a position after a comma, "" if it is unknown.
func at(p spec.Position) string {
	if p.Line == 0 {
		return ""
	}
	return fmt.Sprintf(", %s:%d", printable.Name(p.File), p.Line)
}

// placedAnswerDoc is the decision of --format json.
type placedAnswerDoc struct {
	answerDoc
	Places []placeDoc `json:"places"`
}

// placeDoc is one thing that decided, and where a document has it. File and path are "", and line
// and column 0, if no document has it.
type placeDoc struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	From   string `json:"from"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path"`
}

// docs lists the hosts, the rule, the entry that allows the origin and the setting that refuses, as
// far as there are such, and then each setting.
func (w *positions) docs(d *policy.Explanation) []placeDoc {
	list := []placeDoc{}
	add := func(name, value, from string, place spec.Place, p spec.Position) {
		list = append(list, placeDoc{name, value, from, p.File, p.Line, p.Column, place.Path.String()})
	}
	found := func(name, value string, place spec.Place, p spec.Position) {
		if place != (spec.Place{}) {
			add(name, value, layerOfPlace(place), place, p)
		}
	}
	found("hosts", d.Host, d.Places.Hosts, w.hosts)
	found("rule", d.Rule(), d.Places.Rule, w.rule)
	found("origin", d.Origin, d.Places.Origin, w.origin)
	if name := d.Places.Refusing; name != "" {
		add("refusing", name, layerOfPlace(d.Places.RefusingPlace), d.Places.RefusingPlace, w.refusing)
	}
	for i, s := range d.Settings {
		add(s.Name, s.Value, layerOf(s), s.Place, w.settings[i])
	}
	return list
}

// layerOfPlace returns the layer that has a place, in the words of a setting's layer.
func layerOfPlace(place spec.Place) string {
	steps := place.Path.Steps()
	switch {
	case place == spec.Place{}:
		return "built-in default"
	case place.Kind != spec.KindPolicy:
		return string(place.Kind)
	case len(steps) > 1 && steps[1].Field == "rules":
		return "rule"
	}
	return "policy"
}
