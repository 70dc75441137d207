package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Engine is a compiled [Config]. It never changes, but for sets that expire, and is
// safe for concurrent use.
type Engine struct {
	hosts     hostIndex
	policies  []*compiledPolicy
	byName    map[string]*compiledPolicy
	unmatched *settings // of CORSDefaults: it grants nothing
	sets      []*originSet
}

// compiledPolicy is one policy.
type compiledPolicy struct {
	name     string
	hosts    []compiledHost
	captures map[string]string // names of captured labels, by what follows the label
	rules    []namedRule       // by name
	own      *settings         // nil without cors
	fallback *settings

	// What only compiling needs.
	layer     *layer
	compiling []compiledRule // in the order of the document
	table     *table         // of the hosts that no other policy names
	tables    int            // how many tables it is in
	ruleNames map[string]int
}

// namedRule is a rule for a selector to name, and what explain says of it.
type namedRule struct {
	*settings
	path     string
	pathType PathMatchType
	methods  []string
}

// ruleNamed gives the settings of a rule, nil where there is none of that name.
func (p *compiledPolicy) ruleNamed(name string) *settings {
	i, found := slices.BinarySearchFunc(p.rules, name, func(r namedRule, name string) int { return strings.Compare(r.rule, name) })
	if !found {
		return nil
	}
	return p.rules[i].settings
}

type compiledHost struct {
	pattern hostPattern
	tenant  string
}

// compiledRule is one rule.
type compiledRule struct {
	policy   *compiledPolicy
	layer    *layer
	settings *settings
	path     string
	pathType PathMatchType
	re       *regexp.Regexp
	methods  []string // nil for every method
	invalid  bool     // has a fault that keeps it out of the tables
	hasMatch bool

	sendsMaxAge bool // on some host
}

// MaxTableEntries bounds the rules of all tables together. Hosts that are named
// by the same policies share one.
const MaxTableEntries = 1_000_000

// Compile turns documents into an [Engine], or says everything that is wrong
// with them: the error is nil or [Faults]. Warnings are given in both cases.
func Compile(cfg Config, opts ...Option) (engine *Engine, warnings []Diagnostic, err error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	c := &compiler{cfg: cfg, today: o.today, names: nameLists{inherited: map[listIdentity]*nameList{}, written: map[string]*nameList{}}, engine: &Engine{}}
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
	cfg     Config
	today   time.Time
	engine  *Engine
	sets    map[string]*originSet
	regexes regexes
	names   nameLists
	effects map[effects]*effects

	defaults *layer
	entries  int // rules of all tables
	canaries int // matches of canaries that were tried
	checked  map[checkedRisks]bool
	setNames []string
	setHints int
}

func (c *compiler) compile() {
	c.checkNames()
	c.compileSets()
	c.compileDefaults()
	for i := range c.cfg.Policies {
		c.compilePolicy(i)
	}
	if len(c.cfg.Policies) == 0 {
		c.fault(Diagnostic{Code: CodeNoPolicies, Message: "there is no CORSPolicy", Hint: "a document of kind CORSPolicy"})
	}
	c.compileHosts()
	for _, p := range c.engine.policies {
		c.warnUnreachable(p)
		c.warnUnusedMaxAge(p)
	}
	c.warnUnusedSets()
	c.engine.forgetDocuments()
}

// forgetDocuments drops what only compiling needs, so that the engine neither
// keeps the documents nor depends on their staying as they are.
func (e *Engine) forgetDocuments() {
	e.byName = make(map[string]*compiledPolicy, len(e.policies))
	for _, p := range e.policies {
		e.byName[p.name] = p
		p.rules = make([]namedRule, len(p.compiling))
		for i := range p.compiling {
			r := &p.compiling[i]
			p.rules[i] = namedRule{r.settings, r.path, r.pathType, r.methods}
			if r.settings.origins != nil {
				r.settings.origins.layer = nil
			}
		}
		slices.SortFunc(p.rules, func(a, b namedRule) int { return strings.Compare(a.rule, b.rule) })
		if p.own != nil && p.own.origins != nil {
			p.own.origins.layer = nil
		}
		p.layer, p.compiling, p.table, p.ruleNames = nil, nil, nil, nil
	}
}

// checkLimits counts before anything is built.
func (c *compiler) checkLimits() bool {
	rules, list := 0, 0
	count := func(cors *CORS) {
		if cors != nil {
			list += len(cors.AllowOrigins) + len(cors.AllowOriginRegexes)
		}
	}
	for i := range c.cfg.Policies {
		spec := &c.cfg.Policies[i].Spec
		rules += len(spec.Rules)
		count(spec.CORS)
		for j := range spec.Rules {
			count(spec.Rules[j].CORS)
		}
	}
	for i := range c.cfg.Defaults {
		count(c.cfg.Defaults[i].Spec.CORS)
	}
	for i := range c.cfg.OriginSets {
		list += len(c.cfg.OriginSets[i].Spec.Origins)
	}
	c.checkLimit(rules, MaxRules, "rules")
	c.checkLimit(list, MaxOrigins, "origins")
	return len(c.faults.list) == 0
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
	c.engine.unmatched = c.resolve(ls, false)
	c.engine.unmatched.passThrough = len(ls) == 0 || c.checkUnmatchedHosts(&c.cfg.Defaults[0].Spec)
}

func (c *compiler) compilePolicy(index int) {
	doc := &c.cfg.Policies[index]
	l := policyLayer(index, &doc.Spec)
	p := &compiledPolicy{name: doc.Name, layer: l}
	c.engine.policies = append(c.engine.policies, p)
	c.checkLayer(l)
	p.hosts = c.compilePolicyHosts(l.place, doc.Spec.Hosts)
	p.captures = capturesOf(p.hosts)

	ls := c.withDefaults(l)
	p.fallback = c.resolve(ls, false)
	p.fallback.policy, p.fallback.compiled = doc.Name, p
	check := c.riskCheck(p, &doc.Spec)
	if doc.Spec.CORS != nil {
		p.own = c.resolve(ls, true)
		p.own.policy, p.own.compiled = doc.Name, p
		check.settings(p.own, ls)
	}
	p.compiling = make([]compiledRule, len(doc.Spec.Rules))
	for i := range doc.Spec.Rules {
		c.compileRule(p, i, &doc.Spec.Rules[i])
		check.settings(p.compiling[i].settings, append(slices.Clip(ls), p.compiling[i].layer))
	}
}

func (c *compiler) withDefaults(l *layer) layers {
	if c.defaults == nil {
		return layers{l}
	}
	return layers{c.defaults, l}
}

func (c *compiler) compileRule(p *compiledPolicy, index int, doc *Rule) {
	r := &p.compiling[index]
	l := ruleLayer(p.layer.place.item("rules", index), doc)
	*r = compiledRule{policy: p, layer: l, pathType: PathPrefix, path: "/", hasMatch: doc.Match != nil}
	c.checkLayer(l)
	c.compileMatch(r, doc.Match)
	r.settings = c.resolve(append(c.withDefaults(p.layer), l), true)
	r.settings.policy, r.settings.compiled, r.settings.rule = p.name, p, ruleName(doc, index)
	c.checkRuleName(p, index, doc, r.settings.rule)
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
	place := r.layer.place.at("match")
	if m.Methods != nil {
		r.methods = c.compileMatchMethods(r, place, m.Methods)
	}
	if m.Path == nil {
		return
	}
	if m.Path.Type != nil {
		r.pathType = *m.Path.Type
	}
	r.path = m.Path.Value
	if !c.checkPath(r, place.at("path")) {
		r.invalid = true
	}
}

func (c *compiler) compileMatchMethods(r *compiledRule, place Place, methods []string) []string {
	if len(methods) == 0 {
		c.fault(Diagnostic{
			Code: CodeValueInvalid, Place: place.at("methods"), Message: "is an empty list, and a rule that takes no method takes nothing",
			Hint: "leave methods out to take every method",
		})
		r.invalid = true
	}
	names := make([]string, 0, len(methods))
	for i, method := range methods {
		if !c.checkMethod(method, place, i, "match") {
			r.invalid = true
			continue
		}
		names = append(names, normalized(method))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (r *compiledRule) matchPlace() Place {
	if r.hasMatch {
		return r.layer.place.at("match")
	}
	return r.layer.place
}

func (r *compiledRule) describe() string {
	return fmt.Sprintf("rule %s of policy %s", r.settings.rule, r.policy.name)
}

// compileHosts builds one table for each set of policies that name a host together.
func (c *compiler) compileHosts() {
	refs := map[hostPattern][]tenantName{}
	var order []hostPattern
	for _, p := range c.engine.policies {
		for _, h := range p.hosts {
			if refs[h.pattern] == nil {
				order = append(order, h.pattern)
			}
			refs[h.pattern] = append(refs[h.pattern], tenantName{p, h.tenant})
		}
	}
	tables := map[string]*table{}
	for _, pattern := range order {
		g := &governed{pattern: pattern.String()}
		var policies []*compiledPolicy
		for _, ref := range refs[pattern] {
			policies = append(policies, ref.policy)
			if ref.name != "" {
				g.tenants = append(g.tenants, ref)
			}
		}
		if g.table = c.tableOf(policies, g.pattern, tables); g.table == nil {
			return // too many
		}
		c.engine.hosts.add(pattern, g)
	}
}

func (c *compiler) tableOf(policies []*compiledPolicy, host string, tables map[string]*table) *table {
	if len(policies) == 1 && policies[0].table != nil {
		return policies[0].table
	}
	// By name and not by order: what is built must not depend on the order of documents.
	slices.SortFunc(policies, func(a, b *compiledPolicy) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.layer.place.Index, b.layer.place.Index))
	})
	var key strings.Builder
	for _, p := range policies {
		fmt.Fprintf(&key, "%d,", p.layer.place.Index)
	}
	if t := tables[key.String()]; t != nil {
		return t
	}
	for _, p := range policies {
		c.entries += len(p.compiling) + 1
		p.tables++
	}
	if c.entries > MaxTableEntries {
		c.fault(Diagnostic{
			Code: CodeLimitExceeded, Place: policies[0].layer.place.at("hosts"), Value: host,
			Message: fmt.Sprintf("makes more than %d entries of hosts and rules", MaxTableEntries),
			Hint:    "policies that name the same hosts",
		})
		return nil
	}
	t := c.buildTable(policies, host)
	if len(policies) == 1 {
		policies[0].table = t
	}
	tables[key.String()] = t
	return t
}

func (x *hostIndex) add(p hostPattern, g *governed) {
	switch p.kind {
	case hostExact:
		put(&x.exact, p.name, g)
	case hostCapture:
		x.lengths.add(len(p.name))
		put(&x.captures, p.name, g)
	case hostWildcard:
		x.lengths.add(len(p.name))
		put(&x.wildcards, p.name, g)
	case hostAny:
		x.any = g
	}
}

func put(m *map[string]*governed, name string, g *governed) {
	if *m == nil {
		*m = map[string]*governed{}
	}
	(*m)[name] = g
}
