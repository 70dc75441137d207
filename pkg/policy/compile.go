package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/index"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// Engine is a compiled [Config]. It never changes, but for sets that expire, and is
// safe for concurrent use.
//
// What it has many of is kept in lists of numbers, and names in one text, so that it
// costs the garbage collector next to nothing.
type Engine struct {
	text      *index.Text
	hosts     hostIndex
	paths     pathIndex
	origins   originIndex
	policies  policyIndex
	settings  []settings
	effects   []*effects
	unmatched uint32 // settings of CORSDefaults: they grant nothing
}

// policyCompiler is what only compiling needs of a policy.
type policyCompiler struct {
	id       uint32
	name     string
	layer    *layer
	hosts    []compiledHost
	own      *resolved // nil without cors
	fallback resolved
	rules    []compiledRule // in the order of the document
	table    *uint32        // of the hosts that no other policy names
	tables   int            // how many tables it is in
}

type compiledHost struct {
	pattern hostPattern
	tenant  string
}

// compiledRule is what only compiling needs of a rule.
type compiledRule struct {
	id       uint32    // in Engine.settings
	to       *settings // these
	policy   *policyCompiler
	layer    *layer
	path     string
	re       *regexp.Regexp
	methods  []string // nil for every method
	slot     uint32   // in the table that is being built
	pathType pathType
	invalid  bool // has a fault that keeps it out of the tables
	hasMatch bool

	sendsMaxAge bool // on some host
}

// MaxTableEntries bounds the rules of all tables together. Hosts that are named
// by the same policies share one.
const MaxTableEntries = 1_000_000

// MaxText bounds the names, hosts, paths and origins of one engine together, in bytes.
const MaxText = 128 << 20

// Compile turns documents into an [Engine], or says everything that is wrong
// with them: the error is nil or [Faults]. Warnings are given in both cases.
func Compile(cfg Config, opts ...Option) (engine *Engine, warnings []Diagnostic, err error) {
	o := options{pause: func() {}}
	for _, opt := range opts {
		opt(&o)
	}
	c := &compiler{
		cfg: cfg, options: o,
		names: nameLists{written: map[string]*nameList{}}, effects: map[common]uint32{},
	}
	if c.checkLimits() {
		c.compile()
	}
	warnings, err = c.warnings.sorted(), c.err()
	if err != nil {
		return nil, warnings, err
	}
	return c.engine, warnings, nil
}

// compiler is the state of one Compile.
type compiler struct {
	collector
	options
	cfg      Config
	engine   *Engine
	policies []*policyCompiler
	sets     map[string]uint32 // places in originIndex.named
	regexes  regexes
	names    nameLists
	effects  map[common]uint32

	defaults  *layer
	unmatched resolved
	entries   int // rules of all tables
	canaries  int // matches of canaries that were tried
	checked   map[checkedRisks]bool
	setNames  []string
	setHints  int

	slotPlaces []slotPlace // of a tableBuilder
}

func (c *compiler) compile() {
	c.checkNames()
	c.compileSets()
	c.compileDefaults()
	for i := range c.cfg.Policies {
		c.pause()
		c.compilePolicy(i)
	}
	if len(c.cfg.Policies) == 0 {
		c.fault(Diagnostic{Code: CodeNoPolicies, Message: "there is no CORSPolicy", Hint: "a document of kind CORSPolicy"})
	}
	c.compileHosts()
	for _, p := range c.policies {
		c.pause()
		c.warnUnreachable(p)
		c.warnUnusedMaxAge(p)
	}
	c.warnUnusedSets()
	for _, set := range c.engine.origins.named {
		set.risks = nil
	}
	if c.engine.text.Full() {
		c.fault(Diagnostic{Code: CodeLimitExceeded, Message: fmt.Sprintf("names, hosts, paths and origins have more than %d bytes together", MaxText)})
	}
}

// newEngine gives an engine with room for what is counted.
func newEngine(n counts) *Engine {
	text := index.NewText(MaxText, n.text)
	return &Engine{
		text:     text,
		hosts:    hostIndex{text: text, names: index.New(text, n.hosts), list: make([]governed, 0, n.hosts)},
		paths:    pathIndex{text: text, names: index.New(text, n.rules), slots: make([]slot, 0, n.rules)},
		origins:  originIndex{text: text, patterns: origin.NewSets(text, n.origins), entries: make([]index.Ref, 0, n.origins)},
		policies: policyIndex{text: text, names: index.New(text, n.policies+n.rules), list: make([]compiledPolicy, 0, n.policies)},
		settings: make([]settings, 0, 1+2*n.policies+n.rules), // to which compiling keeps pointers
	}
}

// counts is how much there is in a [Config].
type counts struct {
	policies, hosts, rules, origins int

	text int // bytes, about
}

func count(cfg *Config) counts {
	n := counts{policies: len(cfg.Policies)}
	for i := range cfg.Policies {
		p := &cfg.Policies[i]
		n.text += len(p.Name)
		for _, host := range p.Spec.Hosts {
			n.hosts++
			n.text += len(host)
		}
		n.addCORS(p.Spec.CORS)
		for j := range p.Spec.Rules {
			n.addRule(&p.Spec.Rules[j])
		}
	}
	for i := range cfg.Defaults {
		n.addCORS(cfg.Defaults[i].Spec.CORS)
	}
	for i := range cfg.OriginSets {
		n.addOrigins(cfg.OriginSets[i].Spec.Origins)
	}
	return n
}

func (n *counts) addRule(r *Rule) {
	n.rules++
	n.text += len(r.Name)
	if r.Match != nil && r.Match.Path != nil {
		n.text += len(r.Match.Path.Value)
	}
	n.addCORS(r.CORS)
}

func (n *counts) addCORS(cors *CORS) {
	if cors != nil {
		n.addOrigins(cors.AllowOrigins)
		n.origins += len(cors.AllowOriginRegexes)
	}
}

func (n *counts) addOrigins(list []string) {
	n.origins += len(list)
	for _, text := range list {
		n.text += 2 * len(text) // as it is written, and to look it up
	}
}

// checkLimits counts before anything is built.
func (c *compiler) checkLimits() bool {
	n := count(&c.cfg)
	c.checkLimit(n.rules, MaxRules, "rules")
	c.checkLimit(n.origins, MaxOrigins, "origins")
	if len(c.faults.list) > 0 {
		return false
	}
	c.engine = newEngine(n)
	return true
}

func (c *compiler) checkLimit(n, limit int, what string) {
	if n > limit {
		c.fault(Diagnostic{Code: CodeLimitExceeded, Message: fmt.Sprintf("there are %d %s, more than %d", n, what, limit)})
	}
}

func (c *compiler) compileDefaults() {
	ls := layers{}
	for i := range c.cfg.Defaults {
		l := defaultsLayer(i, &c.cfg.Defaults[i].Spec)
		c.checkLayer(l)
		if i == 0 {
			c.defaults = l
			ls = layers{l}
		}
	}
	c.unmatched = c.resolve(ls, false)
	c.engine.unmatched = c.unmatched.id
	c.unmatched.passThrough = len(ls) == 0 || c.checkUnmatchedHosts(&c.cfg.Defaults[0].Spec)
}

func (c *compiler) compilePolicy(i int) {
	e, doc := c.engine, &c.cfg.Policies[i]
	l := policyLayer(i, &doc.Spec)
	p := &policyCompiler{id: uint32(i), name: doc.Name, layer: l}
	c.policies = append(c.policies, p)
	c.checkLayer(l)
	p.hosts = c.compilePolicyHosts(l.place(), doc.Spec.Hosts)
	to := e.policies.add(doc.Name, p.hosts)
	first := len(e.settings)

	ls := c.withDefaults(l)
	p.fallback = c.resolveFor(p, ls, false)
	to.fallback = 1 + p.fallback.id
	check := c.riskCheck(p, &doc.Spec)
	if doc.Spec.CORS != nil {
		p.own = new(c.resolveFor(p, ls, true))
		to.own = 1 + p.own.id
		check.settings(*p.own, ls)
	}
	p.rules = make([]compiledRule, len(doc.Spec.Rules))
	for j := range doc.Spec.Rules {
		r := c.compileRule(p, j, &doc.Spec.Rules[j])
		check.settings(r, append(slices.Clip(ls), p.rules[j].layer))
	}
	to.settings = partFrom(e.settings, first)
}

// resolveFor is resolve for a policy.
func (c *compiler) resolveFor(p *policyCompiler, ls layers, withCORS bool) resolved {
	r := c.resolve(ls, withCORS)
	r.settings.policy = 1 + p.id
	return r
}

func (c *compiler) withDefaults(l *layer) layers {
	if c.defaults == nil {
		return layers{l}
	}
	return layers{c.defaults, l}
}

func (c *compiler) compileRule(p *policyCompiler, i int, doc *Rule) resolved {
	c.pause()
	r := &p.rules[i]
	l := ruleLayer(int(p.id), i, doc)
	*r = compiledRule{policy: p, layer: l, pathType: pathPrefix, path: "/", hasMatch: doc.Match != nil}
	c.checkLayer(l)
	c.compileMatch(r, doc.Match)
	to := c.resolveFor(p, append(c.withDefaults(p.layer), l), true)
	r.id, r.to = to.id, to.settings
	text := c.engine.text
	name := ruleName(doc, i)
	r.to.rule, r.to.path, r.to.pathType = text.Add(name), text.Add(r.path), r.pathType
	if r.methods != nil {
		methods := &c.engine.paths.methods
		first := len(*methods)
		for _, method := range r.methods {
			*methods = append(*methods, text.Add(method))
		}
		r.to.methods = partFrom(*methods, first)
	}
	c.checkRuleName(p, i, doc, name)
	return to
}

func ruleName(doc *Rule, index int) string {
	if doc.Name != "" {
		return doc.Name
	}
	return fmt.Sprintf("rules[%d]", index)
}

func (c *compiler) compileMatch(r *compiledRule, m *Match) {
	if m == nil {
		return
	}
	place := r.layer.place().at("match")
	if m.Methods != nil {
		r.methods = c.compileMatchMethods(r, place, m.Methods)
	}
	if m.Path == nil {
		return
	}
	r.path = m.Path.Value
	if !c.checkPath(r, m.Path.Type, place.at("path")) {
		r.invalid = true
	}
}

func (c *compiler) compileMatchMethods(r *compiledRule, place locator, methods []string) []string {
	if len(methods) == 0 {
		c.fault(Diagnostic{
			Code: CodeValueInvalid, Place: place.at("methods").written(), Message: "is an empty list, and a rule that takes no method takes nothing",
			Hint: "leave methods out to take every method",
		})
		r.invalid = true
	}
	names := make([]string, 0, len(methods))
	for i, method := range methods {
		if !c.checkMethod(method, place.item("methods", i), true) {
			r.invalid = true
			continue
		}
		names = append(names, normalized(method))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (r *compiledRule) matchPlace() locator {
	if r.hasMatch {
		return r.layer.place().at("match")
	}
	return r.layer.place()
}

func (c *compiler) describe(r *compiledRule) string {
	return fmt.Sprintf("rule %s of policy %s", c.engine.text.At(r.to.rule), r.policy.name)
}

// ruleOf gives the rule that settings are of.
func (c *compiler) ruleOf(settings uint32) *compiledRule {
	p := c.policies[c.engine.settings[settings].policy-1]
	return &p.rules[settings-p.rules[0].id]
}

// compileHosts builds one table for each set of policies that name a host together.
func (c *compiler) compileHosts() {
	type naming struct {
		policies []*policyCompiler
		tenants  []tenantName
	}
	refs := map[hostPattern]*naming{}
	var order []hostPattern
	for _, p := range c.policies {
		for _, h := range p.hosts {
			n := refs[h.pattern]
			if n == nil {
				n = &naming{}
				refs[h.pattern] = n
				order = append(order, h.pattern)
			}
			n.policies = append(n.policies, p)
			if h.tenant != "" {
				n.tenants = append(n.tenants, tenantName{p.id, c.engine.text.Add(h.tenant)})
			}
		}
	}
	tables := map[string]uint32{}
	for _, pattern := range order {
		c.pause()
		table, ok := c.tableOf(refs[pattern].policies, pattern.String(), tables)
		if !ok {
			return // too many
		}
		c.engine.hosts.add(pattern, table, refs[pattern].tenants)
	}
}

func (c *compiler) tableOf(policies []*policyCompiler, host string, tables map[string]uint32) (table uint32, ok bool) {
	if len(policies) == 1 && policies[0].table != nil {
		return *policies[0].table, true
	}
	// By name and not by order: what is built must not depend on the order of documents.
	slices.SortFunc(policies, func(a, b *policyCompiler) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
	})
	var key strings.Builder
	for _, p := range policies {
		fmt.Fprintf(&key, "%d,", p.id)
	}
	if t, known := tables[key.String()]; known {
		return t, true
	}
	for _, p := range policies {
		c.entries += len(p.rules) + 1
		p.tables++
	}
	if c.entries > MaxTableEntries {
		c.fault(Diagnostic{
			Code: CodeLimitExceeded, Place: policies[0].layer.place().at("hosts").written(), Value: host,
			Message: fmt.Sprintf("makes more than %d entries of hosts and rules", MaxTableEntries),
			Hint:    "policies that name the same hosts",
		})
		return 0, false
	}
	table = c.buildTable(policies, host)
	if len(policies) == 1 {
		policies[0].table = &table
	}
	tables[key.String()] = table
	return table, true
}
