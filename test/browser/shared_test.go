package page_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy/spec"
	"github.com/corsd/corsd/test/conformance/fetch"
)

// siblings are pages of one site. They share the browser's HTTP cache.
var siblings = []string{"https://" + www, "https://" + app1, "https://" + app2}

// terms are the grants of a rule. The test derives its expectations from them, without the engine.
type terms struct {
	public      bool
	granted     []string // origins
	credentials bool
	exposed     []string
}

// headers are the CORS headers of a fresh response to a page.
func (t terms) headers(page string) []fetch.Header {
	if !t.public && !slices.Contains(t.granted, page) {
		return nil
	}
	headers := []fetch.Header{
		{Name: "access-control-allow-origin", Value: page},
		{Name: "access-control-expose-headers", Value: strings.Join(t.exposed, ",")},
	}
	if t.credentials {
		headers = append(headers, fetch.Header{Name: "access-control-allow-credentials", Value: "true"})
	} else if t.public {
		headers[0].Value = "*"
	}
	return headers
}

func (t terms) cors() *spec.CORS {
	c := &spec.CORS{AllowOrigins: t.granted, AllowCredentials: &t.credentials, ExposeHeaders: t.exposed}
	if t.public {
		c.AllowOrigins = []string{"*"}
	}
	return c
}

// terms makes those of a rule that matches these pages.
func (g *generator) terms(pages []string) terms {
	t := terms{granted: pages, credentials: g.oneIn(2), exposed: some(g, 2, []string{"x-one", "x-two", "etag"})}
	switch g.IntN(5) {
	case 0:
		t.public = true
	case 1, 2:
		t.granted = some(g, len(pages), pages)
	}
	if !t.credentials && g.oneIn(4) {
		t.exposed = []string{"*"}
	}
	return t
}

// sharedHost is a host whose responses the pages read in turn.
type sharedHost struct {
	name      string
	documents []string
	own       terms            // of the policy
	byOrigin  map[string]terms // of the pages that a rule matches
	merged    []string         // names that the application exposes, and the policy merges
	headers   []fetch.Header   // of the application, with status 200
	cors      []fetch.Header   // its CORS headers, with 304 too
}

// fresh is the response to a page that nothing is stored for.
func (h *sharedHost) fresh(page string, storable string) fetch.Response {
	t, ok := h.byOrigin[page]
	if !ok {
		t = h.own
	}
	t.exposed = slices.Concat(t.exposed, h.merged)
	headers := slices.Concat(h.headers, t.headers(page))
	return fetch.Response{Status: 200, Headers: append(headers, fetch.Header{Name: "cache-control", Value: storable})}
}

// sharedHost makes a host, with a policy that is not refused.
func (g *generator) sharedHost(n int) *sharedHost {
	for {
		h := &sharedHost{own: g.terms(siblings), byOrigin: map[string]terms{}}
		kind, upstream := "strips", spec.UpstreamOverride
		if g.profile != extAuthz && g.oneIn(2) {
			kind, upstream = "varies", pick(g, spec.UpstreamOverride, spec.UpstreamMerge)
		}
		h.name = fmt.Sprintf("s%d.%s.example", n, kind)
		g.application(h, upstream == spec.UpstreamMerge)
		s := &spec.PolicySpec{
			Hosts: []string{h.name}, CORS: h.own.cors(), UpstreamHeaders: &upstream,
			Enforcement:      new(pick(g, spec.EnforcementEnforce, spec.EnforcementEnforce, spec.EnforcementBlock)),
			DangerouslyAllow: []spec.Danger{spec.AnyOriginWithCredentials},
		}
		for i, pages := range g.split(siblings) {
			s.Rules = append(s.Rules, g.ruleByOrigin(h, fmt.Sprintf("s%d-%d", n, i), pages))
		}
		h.documents = append(h.documents, document("CORSPolicy", fmt.Sprintf("s%d", n), s))
		if reload.Parse("policy.yaml", []byte(strings.Join(h.documents, "\n---\n"))).Err() == nil {
			return h
		}
	}
}

func document(kind, name string, of any) string {
	text, err := json.Marshal(map[string]any{
		"apiVersion": "corsd.dev/v1alpha1", "kind": kind, "metadata": map[string]string{"name": name}, "spec": of,
	})
	if err != nil {
		panic(err) // of strings, numbers and lists
	}
	return string(text)
}

// split chooses the pages of one rule or two. Some pages are left to the policy's own terms.
func (g *generator) split(pages []string) [][]string {
	list := slices.Clone(pages)
	g.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	switch g.IntN(4) {
	case 0:
		return [][]string{list[:2]}
	case 1:
		return [][]string{list[:1], list[1:2]}
	case 2:
		return [][]string{list[:1], list[1:]}
	}
	return [][]string{list[:1]}
}

// ruleByOrigin makes a rule that matches the pages, by themselves or by a set.
func (g *generator) ruleByOrigin(h *sharedHost, name string, pages []string) spec.Rule {
	t := g.terms(pages)
	for _, page := range pages {
		h.byOrigin[page] = t
	}
	rule := spec.Rule{Name: name, Match: &spec.Match{Origins: pages}, CORS: t.cors()}
	if len(t.granted) == len(pages) && !t.public && g.oneIn(2) {
		rule.CORS.AllowOrigins = nil // which grants what the rule matches
	}
	if g.oneIn(3) {
		h.documents = append(h.documents, document("OriginSet", name, &spec.OriginSetSpec{Origins: pages}))
		rule.Match = &spec.Match{OriginSets: []string{name}}
	}
	return rule
}

// application makes what the application of the host answers.
func (g *generator) application(h *sharedHost, merges bool) {
	h.headers = []fetch.Header{{Name: "content-type", Value: "text/plain"}, {Name: "etag", Value: `"v1"`}}
	for _, name := range []string{"x-one", "x-two", "x-three"} {
		h.headers = append(h.headers, fetch.Header{Name: name, Value: "1"})
	}
	if g.oneIn(2) {
		h.cors = append(h.cors,
			fetch.Header{Name: "access-control-allow-origin", Value: pick(g, append(slices.Clone(siblings), "*")...)},
			fetch.Header{Name: "access-control-allow-credentials", Value: "true"})
	}
	if g.oneIn(2) {
		h.cors = append(h.cors, fetch.Header{Name: "access-control-expose-headers", Value: "X-Three"})
		if merges {
			h.merged = []string{"x-three"}
		}
	}
}

// storable are the values of Cache-Control that the application sends.
var storable = []string{"no-cache", "max-age=0", "max-age=600"}

// sharedRead is a read of one of the pages.
type sharedRead struct {
	Page     string `json:"page"`
	Storable string `json:"storable"`
	ask
}

func (g *generator) sharedRead(h *sharedHost, page string) sharedRead {
	r := sharedRead{Page: page, Storable: pick(g, storable...)}
	r.URL = "https://" + h.name + "/?" + url.Values{"storable": {r.Storable}}.Encode()
	r.Method = pick(g, "GET", "GET", "GET", "GET", "GET", "HEAD")
	r.Credentials = pick(g, "include", "include", "omit", "same-origin")
	r.Mode = pick(g, "cors", "cors", "cors", "cors", "cors", "cors", "cors", "no-cors")
	r.Cache = pick(g, "default", "default", "default", "default", "no-cache", "force-cache", "reload")
	return r
}
