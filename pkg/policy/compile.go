package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/index"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// Engine is what [Compile] makes of documents. It never changes, but for sets that
// expire, and is safe for concurrent use.
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
	id     uint32
	name   string
	hosts  []compiledHost
	rules  []compiledRule // in the order of the document
	table  uint32         // 1 + that of the hosts that no other policy names, 0 where there is none yet
	tables int            // how many tables it is in
}

// place leads to the spec of the policy.
func (p *policyCompiler) place() locator { return documentAt(KindPolicy, int(p.id)).at("spec") }

type compiledHost struct {
	pattern hostPattern
	tenant  string
}

// compiledRule is what only compiling needs of a rule, beside its settings. It has no
// pointer, as they have none.
type compiledRule struct {
	id       uint32 // in Engine.settings
	policy   uint32 // in compiler.policies
	index    uint32 // in its policy
	slot     uint32 // in the table that is being built
	invalid  bool   // has a fault that keeps it out of the tables
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
func Compile(documents Documents, opts ...Option) (engine *Engine, warnings []Diagnostic, err error) {
	o := options{pause: func() {}}
	for _, opt := range opts {
		opt(&o)
	}
	c := &compiler{
		documents: documents, options: o,
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
	documents Documents
	engine    *Engine
	policies  []policyCompiler  // to which compiling keeps pointers
	hosts     []compiledHost    // of all policies
	rules     []compiledRule    // of all policies
	sets      map[string]uint32 // places in originIndex.named
	regexes   regexes
	names     nameLists
	effects   map[common]uint32

	defaults  *layer
	unmatched resolved
	entries   int // rules of all tables
	canaries  int // matches of canaries that were tried
	setNames  []string
	setHints  int

	slotPlaces []slotPlace // of a tableBuilder
}

func (c *compiler) compile() {
	c.checkNames()
	c.compileSets()
	c.compileDefaults()
	for i, doc := range c.documents.AllPolicies() {
		c.pause()
		c.compilePolicy(i, doc)
	}
	if len(c.policies) == 0 {
		c.fault(Diagnostic{Code: CodeNoPolicies, Message: "there is no CORSPolicy", Hint: "a document of kind CORSPolicy"})
	}
	if !c.checkText() {
		return // what has no room is missing in what would be built of it
	}
	c.compileHosts()
	for i := range c.policies {
		c.pause()
		c.warnUnreachable(&c.policies[i])
		c.warnUnusedMaxAge(&c.policies[i])
	}
	c.warnUnusedSets()
	for _, set := range c.engine.origins.named {
		set.risks = nil
	}
	c.checkText()
}

func (c *compiler) checkText() bool {
	if c.engine.text.Full() {
		c.fault(Diagnostic{Code: CodeLimitExceeded, Message: fmt.Sprintf("names, hosts, paths and origins have more than %d bytes together", MaxText)})
		return false
	}
	return true
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

// counts is how much there is in [Documents].
type counts struct {
	policies, hosts, rules, origins int

	text int // bytes, about
}

func count(documents Documents) counts {
	var n counts
	for _, p := range documents.AllPolicies() {
		n.policies++
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
	for _, d := range documents.AllDefaults() {
		n.addCORS(d.Spec.CORS)
	}
	for _, set := range documents.AllOriginSets() {
		n.addOrigins(set.Spec.Origins)
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
	n := count(c.documents)
	c.checkLimit(n.rules, MaxRules, "rules")
	c.checkLimit(n.origins, MaxOrigins, "origins")
	if len(c.faults.list) > 0 {
		return false
	}
	c.engine = newEngine(n)
	c.policies = make([]policyCompiler, 0, n.policies)
	c.hosts = make([]compiledHost, 0, n.hosts)
	c.rules = make([]compiledRule, 0, n.rules)
	return true
}

func (c *compiler) checkLimit(n, limit int, what string) {
	if n > limit {
		c.fault(Diagnostic{Code: CodeLimitExceeded, Message: fmt.Sprintf("there are %d %s, more than %d", n, what, limit)})
	}
}

func (c *compiler) compileDefaults() {
	ls := layers{}
	all := c.documents.AllDefaults()
	for i := range all {
		l := defaultsLayer(i, &all[i].Spec)
		c.checkLayer(l)
		if i == 0 {
			c.defaults = l
			ls = layers{l}
		}
	}
	c.unmatched = c.resolve(ls, false)
	c.engine.unmatched = c.unmatched.id
	c.unmatched.passThrough = len(ls) == 0 || c.checkUnmatchedHosts(&all[0].Spec)
}

func (c *compiler) compilePolicy(i int, doc *Policy) {
	e := c.engine
	l := policyLayer(i, &doc.Spec)
	c.policies = append(c.policies, policyCompiler{id: uint32(i), name: doc.Name})
	p := &c.policies[i]
	c.checkLayer(l)
	p.hosts = c.compilePolicyHosts(l.place(), doc.Spec.Hosts)
	to := e.policies.add(doc.Name, p.hosts)
	first := len(e.settings)

	ls := c.withDefaults(l)
	to.fallback = 1 + c.resolveFor(p, ls, false).id
	check := c.riskCheck(p, &doc.Spec)
	if doc.Spec.CORS != nil {
		own := c.resolveFor(p, ls, true)
		to.own = 1 + own.id
		check.settings(own, ls)
	}
	firstRule := len(c.rules)
	for j := range doc.Spec.Rules {
		c.compileRule(p, ls, j, &doc.Spec.Rules[j], check)
	}
	p.rules = c.rules[firstRule:]
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

func (c *compiler) compileRule(p *policyCompiler, outer layers, i int, doc *Rule, check *riskCheck) {
	c.pause()
	l := ruleLayer(int(p.id), i, doc)
	c.checkLayer(l)
	ls := append(slices.Clip(outer), l)
	to := c.resolveFor(p, ls, true)
	r := compiledRule{id: to.id, policy: p.id, index: uint32(i), hasMatch: doc.Match != nil}
	c.compileMatch(&r, to.settings, doc.Match)
	name := ruleName(doc, i)
	to.rule = c.engine.text.Add(name)
	c.rules = append(c.rules, r)
	c.checkRuleName(&r, doc, name)
	check.settings(to, ls)
}

func ruleName(doc *Rule, index int) string {
	if doc.Name != "" {
		return doc.Name
	}
	return fmt.Sprintf("rules[%d]", index)
}

// compileMatch says in the settings of a rule what the rule takes.
func (c *compiler) compileMatch(r *compiledRule, to *settings, m *Match) {
	path := "/"
	to.pathType = pathPrefix
	if m != nil && m.Methods != nil {
		c.compileMatchMethods(r, to, m.Methods)
	}
	if m != nil && m.Path != nil {
		path = m.Path.Value
		ok := false
		if to.pathType, ok = c.checkPath(path, m.Path.Type, r.matchPlace().at("path")); !ok {
			r.invalid = true
		}
	}
	to.path = c.engine.text.Add(path)
}

func (c *compiler) compileMatchMethods(r *compiledRule, to *settings, methods []string) {
	place := r.matchPlace()
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
	list := &c.engine.paths.methods
	first := len(*list)
	for _, name := range slices.Compact(names) {
		*list = append(*list, c.engine.text.Add(name))
	}
	to.methods = partFrom(*list, first)
}

// place leads to the rule.
func (r *compiledRule) place() locator { return ruleAt(int(r.policy), int(r.index)) }

func (r *compiledRule) matchPlace() locator {
	if r.hasMatch {
		return r.place().at("match")
	}
	return r.place()
}

func (c *compiler) describe(r *compiledRule) string {
	return fmt.Sprintf("rule %s of policy %s", c.engine.text.At(c.settingsOf(r).rule), c.policies[r.policy].name)
}

func (c *compiler) settingsOf(r *compiledRule) *settings { return &c.engine.settings[r.id] }

func (c *compiler) pathOf(r *compiledRule) string { return c.engine.text.At(c.settingsOf(r).path) }

// ruleOf gives the rule that settings are of.
func (c *compiler) ruleOf(settings uint32) *compiledRule {
	p := &c.policies[c.engine.settings[settings].policy-1]
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
	for i := range c.policies {
		p := &c.policies[i]
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
	if len(policies) == 1 {
		p := policies[0]
		if p.table != 0 {
			return p.table - 1, true
		}
		if table, ok = c.newTable(policies, host); ok {
			p.table = 1 + table
		}
		return table, ok
	}
	// By name and not by order: what is built must not depend on the order of documents.
	slices.SortFunc(policies, func(a, b *policyCompiler) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
	})
	var key strings.Builder
	for _, p := range policies {
		fmt.Fprintf(&key, "%d,", p.id)
	}
	if table, known := tables[key.String()]; known {
		return table, true
	}
	if table, ok = c.newTable(policies, host); ok {
		tables[key.String()] = table
	}
	return table, ok
}

// newTable builds a table, as long as there are not too many entries in all.
func (c *compiler) newTable(policies []*policyCompiler, host string) (table uint32, ok bool) {
	for _, p := range policies {
		c.entries += len(p.rules) + 1
		p.tables++
	}
	if c.entries > MaxTableEntries {
		c.fault(Diagnostic{
			Code: CodeLimitExceeded, Place: policies[0].place().at("hosts").written(), Value: host,
			Message: fmt.Sprintf("makes more than %d entries of hosts and rules", MaxTableEntries),
			Hint:    "policies that name the same hosts",
		})
		return 0, false
	}
	return c.buildTable(policies, host), true
}
