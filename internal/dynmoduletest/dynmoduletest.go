// Package dynmoduletest carries out the answers of pkg/dynmodule as cmd/corsd-module/hooks.c does, slowly.
package dynmoduletest

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/pkg/dynmodule"
	"github.com/corsd/corsd/pkg/policy"
)

// Exchange is an exchange as the client and the access log see it.
type Exchange struct {
	Facts   map[string]string
	Details string
	Status  int
	Lines   []string // of the response: "name: value", sorted, and Vary as one line for each name
	Asked   int      // how often the module was asked
}

// Run passes a request to the module, and carries out its answers. Names are in lower case.
func Run(
	m *dynmodule.Module, selector string, request []policy.Field, status int, upstream []policy.Field,
) (Exchange, error) {
	answer, rest := m.Request([]byte(selector), Headers(request), nil)
	a, err := read(answer)
	if err != nil {
		return Exchange{}, err
	}
	x := Exchange{Facts: a.facts, Details: a.details, Status: status, Asked: 1}
	lines := upstream
	switch {
	case (a.kind == dynmodule.Ask) != (rest != nil):
		return x, fmt.Errorf("kind %d, but the rest is %v", a.kind, rest)
	case a.kind == dynmodule.Respond:
		x.Status, lines = a.status, a.edit(nil)
	case a.kind == dynmodule.Edit && (status < 100 || status > 199):
		lines = a.edit(upstream)
	case a.kind == dynmodule.Ask:
		x.Asked++
		shown := append([]policy.Field{{Name: ":status", Value: fmt.Append(nil, status)}}, upstream...)
		if a, err = read(rest.Response(Headers(shown), nil)); err != nil {
			return x, err
		}
		lines = a.edit(upstream)
	}
	x.Lines = Sorted(lines)
	return x, nil
}

// ByExtProc runs an exchange by the steps of the adapter of ext_proc, without its messages.
func ByExtProc(
	o exchange.Options, selector string, request []policy.Field, status int, upstream []policy.Field,
) (Exchange, error) {
	s, err := exchange.New(o)
	if err != nil {
		return Exchange{}, err
	}
	var x exchange.Exchange
	x.Begin(context.Background(), s)
	for _, h := range request {
		x.AddHeader([]byte(h.Name), h.Value)
	}
	x.Request.Selector = selector
	x.Decide(exchange.RequestResponse)
	got := Exchange{Facts: map[string]string{}, Status: status, Lines: Sorted(upstream)}
	for _, f := range x.Facts() {
		got.Facts[f.Name] = f.Value
	}
	if r, ok := x.Respond(); ok {
		got.Status, got.Lines, got.Details = r.Status, Sorted(r.Set), x.Details()
		return got, nil
	}
	if _, needs := x.Continue(); !needs {
		return got, nil
	}
	x.ResetResponse()
	x.AddResponseHeader([]byte(":status"), strconv.AppendInt(nil, int64(status), 10))
	for _, h := range upstream {
		x.AddResponseHeader([]byte(h.Name), h.Value)
	}
	r := x.Edit()
	lines := slices.Clone(r.Set)
	for _, h := range upstream {
		replaced := slices.ContainsFunc(r.Set, func(f policy.Field) bool { return f.Name == h.Name })
		if !replaced && !slices.Contains(r.Remove, h.Name) {
			lines = append(lines, h)
		}
	}
	got.Lines = Sorted(lines)
	return got, nil
}

// Headers returns header lines as the module reads them.
func Headers(fields []policy.Field) []dynmodule.Header {
	headers := make([]dynmodule.Header, len(fields))
	for i, f := range fields {
		headers[i] = dynmodule.NewHeader([]byte(f.Name), f.Value)
	}
	return headers
}

// answer is an answer in fields.
type answer struct {
	kind    dynmodule.Kind
	flags   uint8
	status  int
	set     []policy.Field
	remove  []string
	facts   map[string]string
	details string
}

func read(b []byte) (answer, error) {
	if len(b) < 8 {
		return answer{}, fmt.Errorf("an answer of %d bytes", len(b))
	}
	a := answer{kind: dynmodule.Kind(b[0]), flags: b[1], facts: map[string]string{}}
	a.status = int(binary.NativeEndian.Uint32(b[4:]))
	for b = b[8:]; len(b) > 0; {
		if len(b) < 12 {
			return a, fmt.Errorf("%d bytes are no item", len(b))
		}
		op := dynmodule.Op(binary.NativeEndian.Uint32(b))
		n, v := int(binary.NativeEndian.Uint32(b[4:])), int(binary.NativeEndian.Uint32(b[8:]))
		if b = b[12:]; n+v > len(b) {
			return a, fmt.Errorf("an item of %d and %d bytes, in %d", n, v, len(b))
		}
		name, value := string(b[:n]), b[n:n+v]
		b = b[n+v:]
		switch op {
		case dynmodule.Set:
			a.set = append(a.set, policy.Field{Name: name, Value: value})
		case dynmodule.Remove:
			a.remove = append(a.remove, name)
		case dynmodule.Fact:
			a.facts[name] = string(value)
		case dynmodule.Details:
			a.details = string(value)
		default:
			return a, fmt.Errorf("op %d", op)
		}
	}
	return a, nil
}

func (a *answer) edit(upstream []policy.Field) []policy.Field {
	var lines []policy.Field
	for _, f := range upstream {
		replaced := slices.ContainsFunc(a.set, func(s policy.Field) bool { return s.Name == f.Name })
		rest, isCORS := strings.CutPrefix(f.Name, "access-control-")
		stripped := a.flags&dynmodule.Strip != 0 && isCORS && rest != ""
		if !replaced && !stripped && !slices.Contains(a.remove, f.Name) {
			lines = append(lines, f)
		}
	}
	lines = append(lines, a.set...)
	if a.flags&dynmodule.VaryOrigin != 0 {
		lines = append(lines, policy.Field{Name: "vary", Value: []byte("Origin")})
	}
	return lines
}

// Sorted returns header lines as a client understands them: the order of names does not matter, and Vary is a
// set of names.
func Sorted(fields []policy.Field) []string {
	var lines []string
	for _, f := range fields {
		if f.Name != "vary" {
			lines = append(lines, f.Name+": "+string(f.Value))
			continue
		}
		for name := range strings.SplitSeq(string(f.Value), ",") {
			if name = strings.ToLower(strings.Trim(name, " \t")); name != "" {
				lines = append(lines, "vary: "+name)
			}
		}
	}
	slices.Sort(lines)
	if slices.Contains(lines, "vary: *") {
		lines = slices.DeleteFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, "vary: ") && line != "vary: *"
		})
	}
	return slices.Compact(lines)
}
