package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/suggest"
)

const maxName = 253

// checkNames judges the names of the documents.
func (c *compiler) checkNames() {
	names := map[Kind]map[string]int{KindPolicy: {}, KindOriginSet: {}}
	check := func(kind Kind, index int, name string) {
		place := documentAt(kind, index).at("metadata.name")
		c.checkName(place, name)
		if first, taken := names[kind][name]; taken && name != "" {
			c.fault(Diagnostic{
				Code: CodeDuplicateName, Place: place.written(), Value: name, Related: new(documentAt(kind, first).at("metadata.name").written()),
				Message: fmt.Sprintf("is the name of another %s", kind), Hint: "a name of its own",
			})
			return
		}
		names[kind][name] = index
	}
	for i, doc := range c.documents.AllPolicies() {
		check(KindPolicy, i, doc.Name)
	}
	for i, doc := range c.documents.AllOriginSets() {
		check(KindOriginSet, i, doc.Name)
	}
	for i, doc := range c.documents.AllDefaults() {
		c.checkName(documentAt(KindDefaults, i).at("metadata.name"), doc.Name)
		if i > 0 {
			c.fault(Diagnostic{
				Code: CodeDuplicateName, Place: Place{KindDefaults, i, ""}, Value: doc.Name, Related: &Place{KindDefaults, 0, ""},
				Message: "is a second CORSDefaults, and there may be one", Hint: "one document with the settings of both",
			})
		}
	}
}

func (c *compiler) checkName(place locator, name string) {
	switch {
	case name == "":
		c.fault(Diagnostic{Code: CodeMissingField, Place: place.written(), Message: "is missing", Hint: "a name for the document"})
	case len(name) > maxName || strings.Contains(name, "/") || !isVisibleASCII(name):
		c.fault(Diagnostic{
			Code: CodeValueInvalid, Place: place.written(), Value: name,
			Message: fmt.Sprintf(`is not 1 to %d visible ASCII characters without "/"`, maxName), Hint: "letters, digits and -",
		})
	}
}

func isVisibleASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}

// checkRuleName judges the name of a rule, which must be the only one in its policy.
func (c *compiler) checkRuleName(r *compiledRule, doc *Rule, name string) {
	place := r.place().at("name")
	if doc.Name != "" && (len(name) > maxName || !isVisibleASCII(name)) {
		c.fault(Diagnostic{
			Code: CodeValueInvalid, Place: place.written(), Value: name,
			Message: fmt.Sprintf("is not 1 to %d visible ASCII characters", maxName), Hint: "letters, digits and -",
		})
	}
	names := c.engine.policies.names
	if first, taken := names.Get(ofRules(r.policy), name); taken {
		// The rules of a policy have their settings one after the other.
		other := ruleAt(int(r.policy), int(r.index+first-r.id))
		c.fault(Diagnostic{
			Code: CodeDuplicateName, Place: place.written(), Value: name, Related: new(other.written()),
			Message: "is the name of another rule of this policy", Hint: "a name of its own",
		})
		return
	}
	names.Add(ofRules(r.policy), c.settingsOf(r).rule, r.id)
}

// compilePolicyHosts reads the hosts of a policy.
func (c *compiler) compilePolicyHosts(place locator, texts []string) []compiledHost {
	if len(texts) == 0 {
		c.fault(Diagnostic{
			Code: CodeMissingField, Place: place.at("hosts").written(), Message: "names no host",
			Hint: `hosts: [api.shop.example], or ["*"] for every host`,
		})
	}
	firstHost := len(c.hosts)
	first := make(map[hostPattern]int, len(texts))
	for i, text := range texts {
		pattern, tenant, fault := parseHostPattern(text)
		if fault != nil {
			c.fault(Diagnostic{
				Code: CodeHostInvalid, Place: place.item("hosts", i).written(), Value: text, Message: fault.Message, Hint: fault.Hint,
			})
			continue
		}
		if j, taken := first[pattern]; taken {
			c.fault(Diagnostic{
				Code: CodeConflict, Place: place.item("hosts", i).written(), Value: text, Related: new(place.item("hosts", j).written()),
				Message: "is the same host as " + strconv.Quote(texts[j]), Hint: "each host once",
			})
			continue
		}
		first[pattern] = i
		c.hosts = append(c.hosts, compiledHost{pattern, tenant})
	}
	return c.hosts[firstHost:]
}

// checkLayer judges what a document or rule says by itself, and compiles its origins.
func (c *compiler) checkLayer(l *layer) {
	checkEnum(c, l.place().at("enforcement"), l.enforcement, EnforcementOff, EnforcementShadow, EnforcementEnforce, EnforcementBlock)
	checkEnum(c, l.place().at("upstreamHeaders"), l.upstreamHeaders, UpstreamOverride, UpstreamPreserve, UpstreamMerge)
	if p := l.preflight; p != nil {
		place := l.place().at("preflight")
		checkEnum(c, place.at("mode"), p.Mode, PreflightAnswer, PreflightForward)
		checkEnum(c, place.at("detail"), p.Detail, DetailFull, DetailMinimal)
		c.checkStatus(place.at("successStatus"), p.SuccessStatus, false)
		c.checkStatus(place.at("denyStatus"), p.DenyStatus, true)
	}
	if w := l.webSocket; w != nil {
		checkEnum(c, l.place().at("webSocket.originCheck"), w.OriginCheck, OriginCheckOff, OriginCheckEnforce)
	}
	l.origins = c.compileOrigins(l)
	if l.cors != nil {
		c.checkLists(l.place().at("cors"), l.cors)
	}
}

func checkEnum[T ~string](c *compiler, place locator, value *T, values ...T) {
	if value == nil || slices.Contains(values, *value) {
		return
	}
	hint := ""
	if !c.full() {
		hint = oneOf(*value, values...)
	}
	c.fault(Diagnostic{Code: CodeValueInvalid, Place: place.written(), Value: string(*value), Message: "is not a value of this field", Hint: hint})
}

// oneOf gives a hint for a value of a closed set.
func oneOf[T ~string](value T, values ...T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	if near := cmp.Or(suggest.Nearest(string(value), names), suggest.Containing(string(value), names)); near != "" {
		return near
	}
	return "one of " + strings.Join(names, ", ")
}

func (c *compiler) checkUnmatchedHosts(s *DefaultsSpec) (passThrough bool) {
	checkEnum(c, c.defaults.place().at("unmatchedHosts"), s.UnmatchedHosts, UnmatchedPassThrough, UnmatchedDeny)
	return s.UnmatchedHosts == nil || *s.UnmatchedHosts == UnmatchedPassThrough
}

// checkStatus: browsers take a preflight's answer for a grant by its status, 200
// to 299, and never follow a redirect.
func (c *compiler) checkStatus(place locator, status *int, deny bool) {
	if status == nil || *status >= 200 && *status <= 299 || deny && *status >= 400 && *status <= 499 {
		return
	}
	message, hint := "is not 200 to 299", "204"
	if deny {
		message, hint = "is not 200 to 299 or 400 to 499", "403"
	}
	c.fault(Diagnostic{Code: CodeValueInvalid, Place: place.written(), Value: strconv.Itoa(*status), Message: message, Hint: hint})
}

// checkLists judges the fields of cors but for the origins.
func (c *compiler) checkLists(place locator, cors *CORS) {
	for i, method := range cors.AllowMethods {
		c.checkMethod(method, place.item("allowMethods", i), false)
	}
	for i, name := range cors.AllowHeaders {
		c.checkHeader(name, place.item("allowHeaders", i), header.IsForbiddenRequestHeader(name), "which no page can set")
	}
	for i, name := range cors.ExposeHeaders {
		c.checkHeader(name, place.item("exposeHeaders", i), header.IsForbiddenResponseHeader(name), "which no page can read")
	}
	for i, p := range cors.Presets {
		checkEnum(c, place.item("presets", i), &p, PresetGRPCWeb, PresetConnect, PresetTus, PresetMCP, PresetTrace)
	}
	if cors.MaxAge != nil {
		c.checkMaxAge(place.at("maxAge"), *cors.MaxAge)
	}
}

// checkMethod judges a method of allowMethods, or of match.methods, where "*" is
// not known.
func (c *compiler) checkMethod(method string, at locator, ofMatch bool) bool {
	switch {
	case method == "*" && ofMatch:
		c.fault(Diagnostic{
			Code: CodeMethodInvalid, Place: at.written(), Value: method, Message: "is no method", Hint: "leave methods out to take every method",
		})
	case !header.IsToken(method):
		c.fault(Diagnostic{Code: CodeMethodInvalid, Place: at.written(), Value: method, Message: "is not one method", Hint: "one entry of the list for each method"})
	case header.IsForbiddenMethod(method):
		c.fault(Diagnostic{Code: CodeMethodForbidden, Place: at.written(), Value: method, Message: "is a method that no page can use", Hint: "remove it"})
	default:
		return true
	}
	return false
}

func normalized(method string) string { return header.NormalizeMethod(method) }

func (c *compiler) checkHeader(name string, at locator, forbidden bool, why string) {
	switch {
	case !header.IsToken(name):
		c.fault(Diagnostic{Code: CodeHeaderInvalid, Place: at.written(), Value: name, Message: "is not one header name", Hint: "one entry of the list for each name"})
	case forbidden:
		c.fault(Diagnostic{Code: CodeHeaderForbidden, Place: at.written(), Value: name, Message: "is a header " + why, Hint: "remove it"})
	case len(name) > maxHeaderName:
		c.fault(Diagnostic{Code: CodeLimitExceeded, Place: at.written(), Value: name, Message: fmt.Sprintf("is longer than %d bytes", maxHeaderName)})
	}
}

// What browsers remember a preflight for, at most, in seconds.
const (
	maxAgeLimit    = 86400 // Firefox
	maxAgeChromium = 7200
	maxAgeWebKit   = 600
)

func (c *compiler) checkMaxAge(at locator, age Seconds) {
	value := strconv.FormatInt(int64(age), 10)
	switch {
	case age < 0 || age > maxAgeLimit:
		c.fault(Diagnostic{
			Code: CodeMaxAgeOutOfRange, Place: at.written(), Value: value, Message: fmt.Sprintf("is not 0 to %d seconds", maxAgeLimit),
			Hint: "600, which every browser honours",
		})
	case age > maxAgeChromium:
		c.warnMaxAge(at, value, fmt.Sprintf("Chromium remembers for %d s, WebKit for %d s", maxAgeChromium, maxAgeWebKit))
	case age > maxAgeWebKit:
		c.warnMaxAge(at, value, fmt.Sprintf("WebKit remembers for %d s", maxAgeWebKit))
	}
}

func (c *compiler) warnMaxAge(at locator, value, who string) {
	c.warn(Diagnostic{
		Code: CodeMaxAgeCapped, Place: at.written(), Value: value, Message: "is longer than some browsers remember: " + who + " at most", Hint: "600",
	})
}

// warnRelative: an expression is matched against the whole path, which begins with "/".
func (c *compiler) warnRelative(re *regexp.Regexp, path string, place locator) {
	if prefix, _ := re.LiteralPrefix(); prefix != "" && prefix[0] != '/' {
		c.warn(Diagnostic{
			Code: CodeRuleUnreachable, Place: place.at("value").written(), Value: path,
			Message: `takes no request: it is matched against the whole path, which begins with "/"`, Hint: "/" + path,
		})
	}
}

// checkPath judges a rule's path and compiles it where it is an expression.
func (c *compiler) checkPath(path string, written *PathMatchType, place locator) (of pathType, ok bool) {
	of = pathPrefix
	if written != nil {
		checkEnum(c, place.at("type"), written, PathExact, PathPrefix, PathRegularExpression)
		known := slices.Index(pathTypes[:], *written)
		if known < 0 {
			return of, false
		}
		of = pathType(known)
	}
	if path == "" {
		c.fault(Diagnostic{Code: CodeMissingField, Place: place.at("value").written(), Message: "is missing", Hint: "a path that begins with /"})
		return of, false
	}
	if of == pathExpr {
		re := c.regexes.compile(c, path, place.at("value"))
		if re != nil {
			c.warnRelative(re, path, place)
		}
		return of, re != nil
	}
	if fault := refusedPath(path); fault != nil {
		c.fault(Diagnostic{Code: CodePathInvalid, Place: place.at("value").written(), Value: path, Message: fault.Message, Hint: fault.Hint})
		return of, false
	}
	if meant := withoutPlaceholders(path); meant != path {
		c.warn(Diagnostic{
			Code: CodeRuleUnreachable, Place: place.at("value").written(), Value: path,
			Message: "takes only paths with these very characters: there are no wildcards here, and a PathPrefix takes all below it anyway",
			Hint:    meant + ", or a RegularExpression",
		})
	} else if sent := asBrowsersSend(path); sent != path {
		c.warn(Diagnostic{
			Code: CodeRuleUnreachable, Place: place.at("value").written(), Value: path,
			Message: "takes no request of a browser, which writes these characters differently", Hint: sent,
		})
	}
	return of, true
}
