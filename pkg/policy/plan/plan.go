package plan

import (
	"slices"
	"time"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Plan is the normal form of a [spec.Config].
type Plan struct {
	Policies []*Policy    // in the order of the Config
	Sets     []*OriginSet // in the order of the Config
	Hosts    []Host
	Tables   []*Table

	// Unmatched are the settings of CORSDefaults, which apply to hosts that no policy names and
	// to unknown selectors. They grant nothing.
	Unmatched *Settings
	// PassThrough is unmatchedHosts: PassThrough.
	PassThrough bool
}

// Policy is one CORSPolicy.
type Policy struct {
	Index  int // in [Plan.Policies]
	Name   string
	Hosts  []PolicyHost
	Waived []spec.Danger // dangerouslyAllow
	Paths  Paths

	// Unchosen are the settings of the policy itself without its cors: they apply if the policy
	// is selected by name and has no cors. They grant nothing.
	Unchosen *Settings
	// Own is the policy's own cors, nil if it has none.
	Own   *Entry
	Rules []*Entry // in the order of the document

	layers layers
}

// Place returns the place of a field of the policy's spec.
func (p *Policy) Place(fields ...string) spec.Place {
	return spec.In(spec.KindPolicy, p.Index).At("spec").At(fields...)
}

// Waives reports whether dangerouslyAllow has the danger.
func (p *Policy) Waives(d spec.Danger) bool { return slices.Contains(p.Waived, d) }

// PolicyHost is an entry of a policy's hosts.
type PolicyHost struct {
	Pattern HostPattern
	Tenant  string // the name of the captured label, "" if the pattern captures none
}

// Entry is a rule, or a policy's own cors. A request is assigned to one entry at most.
type Entry struct {
	Policy *Policy
	Rule   int    // in [Policy.Rules]; -1 for the policy's own cors
	Name   string // of the rule, "" for the policy's own cors

	Path    PathMatch // the zero PathMatch for the policy's own cors
	Methods []string  // normalised and sorted; nil for every method
	// From are the origins of the requests that a rule matches, nil if those make no difference.
	From *Origins

	Settings *Settings
	Origins  *Origins // nil if nobody is allowed

	hasMatch  bool
	invalid   bool // has a fault that keeps it out of the tables
	conflicts bool // with another rule
	layers    layers
}

// Place returns the place of a field of the rule, or of the policy's spec.
func (e *Entry) Place(fields ...string) spec.Place {
	if e.Rule < 0 {
		return e.Policy.Place(fields...)
	}
	return e.Policy.Place("rules").Item(e.Rule).At(fields...)
}

// MatchPlace returns the place of the rule's match, or of the rule if it has none.
func (e *Entry) MatchPlace() spec.Place {
	if e.hasMatch {
		return e.Place("match")
	}
	return e.Place()
}

// Valid reports whether the match of a rule has a meaning, and conflicts with no other rule.
func (e *Entry) Valid() bool { return !e.invalid && !e.conflicts }

// ListPlace returns the place of an element of a list of cors that a layer of the entry sets.
func (e *Entry) ListPlace(kind Layer, field, element string) spec.Place {
	place := e.LayerPlace(kind, "cors", field)
	for i, v := range listField(e.layers.of(kind).cors, field) {
		if v == element {
			return place.Item(i)
		}
	}
	return place
}

func listField(c *spec.CORS, field string) []string {
	switch field {
	case "allowHeaders":
		return c.AllowHeaders
	case "exposeHeaders":
		return c.ExposeHeaders
	}
	return nil
}

// LayerPlace returns the place of the document or rule of a layer of the entry.
func (e *Entry) LayerPlace(kind Layer, fields ...string) spec.Place {
	return e.layers.of(kind).place().At(fields...)
}

// String names the entry in messages.
func (e *Entry) String() string {
	if e.Rule < 0 {
		return "the cors of policy " + e.Policy.Name
	}
	return "rule " + e.Name + " of policy " + e.Policy.Name
}

// Host is a pattern that policies name, and the table of its entries.
type Host struct {
	Pattern HostPattern
	Table   *Table
	// Tenants are the names of the captured label in the policies.
	Tenants []TenantName
}

// TenantName is a policy's name for the captured label of a host.
type TenantName struct {
	Policy *Policy
	Name   string
}

// Options are the inputs of [Resolve] beside the documents.
type Options struct {
	// Now is the moment for which origin sets are judged to have expired or not. If it is zero,
	// none has.
	Now time.Time

	// InOrder means that the order of policies is that of their precedence: of two that conflict, the later
	// one is at fault. Without it, the names of policies decide which one is, and their order has no meaning.
	InOrder bool

	// EachDocument means that at least one fault of each document that has any is reported, also beyond the bound.
	EachDocument bool

	// MayBeEmpty means that it is not a fault if there is no policy.
	MayBeEmpty bool
}

// Resolve resolves documents. If the report has faults, the plan is incomplete and only good
// for further checks.
func Resolve(cfg spec.Config, o Options) (*Plan, *Report) {
	r := &resolver{
		cfg: cfg, options: o, now: o.Now.UTC(), plan: &Plan{}, report: &Report{EachDocument: o.EachDocument},
		sets: map[string]*OriginSet{}, settings: map[Settings]*Settings{},
		names: nameLists{map[inheritedList]*Names{}, map[writtenList]*Names{}}, tables: map[string]*Table{},
	}
	if r.checkLimits() {
		r.resolve()
	}
	return r.plan, r.report
}

// resolver is the state of one [Resolve].
type resolver struct {
	cfg     spec.Config
	options Options
	now     time.Time
	plan    *Plan
	report  *Report

	defaults   *layer
	sets       map[string]*OriginSet
	regexes    regexes
	names      nameLists
	settings   map[Settings]*Settings // equal ones are one
	tables     map[string]*Table      // of the hosts that several policies name
	entries    int                    // of all tables
	originWork int                    // comparisons of the origins of rules
	setNames   []string
	setHints   int
}

func (r *resolver) resolve() {
	r.checkNames()
	r.resolveSets()
	r.resolveDefaults()
	for i := range r.cfg.Policies {
		r.resolvePolicy(i, &r.cfg.Policies[i])
	}
	if len(r.plan.Policies) == 0 && !r.options.MayBeEmpty {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeNoPolicies, Message: "there is no CORSPolicy", Hint: "a document of kind CORSPolicy",
		})
	}
	r.resolveHosts()
}

func (r *resolver) resolveDefaults() {
	var ls layers
	for i := range r.cfg.Defaults {
		l := defaultsLayer(i, &r.cfg.Defaults[i].Spec)
		r.checkLayer(l)
		if i == 0 {
			r.defaults = l
			ls = layers{l}
		}
	}
	r.plan.Unmatched = r.merge(ls, false)
	r.plan.PassThrough = len(ls) == 0 || r.checkUnmatchedHosts(&r.cfg.Defaults[0].Spec)
}

func (r *resolver) resolvePolicy(i int, doc *spec.Policy) {
	l := policyLayer(i, &doc.Spec)
	ls := layers{l}
	if r.defaults != nil {
		ls = layers{r.defaults, l}
	}
	p := &Policy{Index: i, Name: doc.ID().String(), Paths: resolvePaths(ls), layers: ls}
	r.plan.Policies = append(r.plan.Policies, p)
	l.namespace = doc.Namespace
	r.checkLayer(l)
	p.Hosts = r.resolvePolicyHosts(p, doc.Spec.Hosts)
	p.Unchosen = r.merge(ls, false)
	if doc.Spec.CORS != nil {
		p.Own = &Entry{Policy: p, Rule: -1, Settings: r.merge(ls, true), Origins: originsOf(ls), layers: ls}
	}
	p.Waived = r.checkWaived(p, doc.Spec.DangerouslyAllow)
	r.acknowledge(p, doc.Spec.Acknowledge)
	p.Rules = make([]*Entry, 0, len(doc.Spec.Rules))
	names := make(map[string]int, len(doc.Spec.Rules))
	for j := range doc.Spec.Rules {
		p.Rules = append(p.Rules, r.resolveRule(p, j, &doc.Spec.Rules[j], names))
	}
}

func (r *resolver) resolveRule(p *Policy, i int, doc *spec.Rule, names map[string]int) *Entry {
	l := ruleLayer(p.Index, i, doc)
	l.namespace = p.layers[len(p.layers)-1].namespace
	r.checkLayer(l)
	ls := append(slices.Clip(p.layers), l)
	e := &Entry{Policy: p, Rule: i, Name: ruleName(doc, i), hasMatch: doc.Match != nil, layers: ls}
	r.resolveMatch(e, l, doc.Match)
	e.Settings, e.Origins = r.merge(ls, true), originsOf(ls)
	r.checkRuleName(e, doc, names)
	return e
}
