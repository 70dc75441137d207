package conformance_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// aspect is a part of a response that can differ.
type aspect string

// The conclusions of a browser, and the status.
const (
	passes            aspect = "passes" // may be sent, or read
	passesCredentials aspect = "passes with credentials"
	reads             aspect = "headers that are read"
	reused            aspect = "given to pages of other origins from a cache"
	status            aspect = "status"
)

// compared are the headers that are compared on the wire.
var compared = []string{
	"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
	"Access-Control-Allow-Private-Network", "Access-Control-Expose-Headers", "Access-Control-Max-Age", "Vary",
}

// lists are those headers whose order, case and spaces have no meaning.
var lists = []string{"Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Expose-Headers", "Vary"}

// applications are the headers of the application that a page may want to read.
var applications = []string{"etag", "x-total", "x-cost"}

// verdict has a browser's conclusions from a response.
type verdict struct {
	// passes reports whether the browser sends the request after the preflight, or lets the page
	// read the response; without credentials and with.
	passes [2]bool

	// reads are the application's headers that the page can read.
	reads [2][]string

	// reused reports whether a browser that has stored the response reuses it for pages of other
	// origins.
	reused bool
}

func (r request) verdict(a answer) (v verdict) {
	response := a.inBrowser()
	for i, credentials := range []string{"omit", "include"} {
		asked := r.inBrowser(credentials)
		if r.isPreflight() {
			v.passes[i] = asked.MaySend(r.wishes(), response)
			continue
		}
		v.passes[i] = asked.Origin != "" && asked.MayRead(response)
		if !v.passes[i] {
			continue
		}
		for _, h := range asked.Reads(response) {
			if slices.Contains(applications, h.Name) {
				v.reads[i] = append(v.reads[i], h.Name)
			}
		}
	}
	v.reused = r.isCacheable() && response.IsReused()
	return v
}

// aspects returns the properties in which two answers to one request differ. If only one of them
// passes, aspects leaves out the differences that follow from that.
func (r request) aspects(a, b answer) map[aspect][2]string {
	v, w := r.verdict(a), r.verdict(b)
	all := map[aspect][2]string{
		passes:            {strconv.FormatBool(v.passes[0]), strconv.FormatBool(w.passes[0])},
		passesCredentials: {strconv.FormatBool(v.passes[1]), strconv.FormatBool(w.passes[1])},
		reused:            {strconv.FormatBool(v.reused), strconv.FormatBool(w.reused)},
	}
	if v.passes == w.passes {
		all[reads] = [2]string{fmt.Sprint(v.reads), fmt.Sprint(w.reads)}
		all[status] = [2]string{strconv.Itoa(a.status), strconv.Itoa(b.status)}
		for _, name := range compared {
			all[aspect(name)] = [2]string{value(a.header, name), value(b.header, name)}
		}
	}
	for name, values := range all {
		if values[0] == values[1] {
			delete(all, name)
		}
	}
	return all
}

// value returns a header's value in a form that is equal for equivalent values.
func value(h http.Header, name string) string {
	joined := strings.Join(h[name], ", ")
	if !slices.Contains(lists, name) {
		return joined
	}
	var list []string
	for element := range strings.SplitSeq(joined, ",") {
		if element = strings.TrimSpace(element); element != "" {
			list = append(list, strings.ToLower(element))
		}
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ", ")
}

// class is how corsd's answer is beside another's.
type class string

// The classes. An answer is of the last that one of its differences is of.
const (
	same           class = "same"
	sameForBrowser class = "same for a browser"   // other bytes, with which browsers do the same
	saferCached    class = "safer in a cache"     // a stored answer reaches no page that it is not for, as it does there
	stricter       class = "stricter"             // a page gets less than there
	moreOpen       class = "more open"            // the other way round
	unsaferCached  class = "less safe in a cache" // the opposite of safer
)

// classes from the most harmless on.
var classes = []class{same, sameForBrowser, saferCached, stricter, moreOpen, unsaferCached}

// worse is the one of two classes that weighs more; "" weighs nothing.
func worse(a, b class) class {
	if slices.Index(classes, a) > slices.Index(classes, b) {
		return a
	}
	return b
}

// class returns the class of a difference.
func (d difference) class() class {
	v, w := d.request.verdict(d.their), d.request.verdict(d.our)
	switch d.aspect {
	case passes, passesCredentials, reads:
		if opens(v, w) {
			return moreOpen
		}
		return stricter
	case reused:
		if w.reused {
			return unsaferCached
		}
		return saferCached
	}
	return sameForBrowser
}

// opens reports whether a page gets more with w than with v.
func opens(v, w verdict) bool {
	for i := range w.passes {
		if w.passes[i] && !v.passes[i] {
			return true
		}
		for _, name := range w.reads[i] {
			if v.passes[i] && !slices.Contains(v.reads[i], name) {
				return true
			}
		}
	}
	return false
}

// say describes the answer's status and a verdict in words.
func (r request) say(a answer) string {
	v := r.verdict(a)
	what := "read"
	if r.isPreflight() {
		what = "sent"
	}
	switch v.passes {
	case [2]bool{true, true}:
	case [2]bool{true, false}:
		what += " without credentials"
	default:
		what = "not " + what
	}
	if r.header.Get("Origin") == "" {
		what = "no CORS request"
	}
	if names := v.reads[0]; len(names) > 0 {
		what += ", with " + strings.Join(names, " and ")
	}
	if v.reused {
		what += ", reused"
	}
	return fmt.Sprintf("%d, %s", a.status, what)
}
