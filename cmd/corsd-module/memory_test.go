//go:build cgo

package main

import (
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/pkg/policy"
)

// inputs returns the names of memory.c that are part of the key of a decision.
func inputs(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("memory.c")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?s)inputs\[\] = \{(.*?)\};`).FindSubmatch(source)
	if list == nil {
		t.Fatal("memory.c has no inputs")
	}
	var names []string
	for _, m := range regexp.MustCompile(`TEXT\("([^"]+)"\)`).FindAllSubmatch(list[1], -1) {
		names = append(names, string(m[1]))
	}
	return names
}

// TestKeyHasEveryInput: each field of policy.Request is set by a header of the key, but for the selector, which is
// the text of the route's configuration. So a field that is added has to be added to the key.
func TestKeyHasEveryInput(t *testing.T) {
	engine := &policy.Engine{}
	s, err := exchange.New(exchange.Options{
		Engine: func() *policy.Engine { return engine }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	var set []string
	for _, name := range inputs(t) {
		var x exchange.Exchange
		x.Begin(t.Context(), s)
		x.AddHeader([]byte(name), []byte("x"))
		x.Decide(exchange.Module)
		fields := setFields(x.Request)
		if len(fields) != 1 {
			t.Errorf("%s is read into %q", name, fields)
		}
		set = append(set, fields...)
	}
	var want []string
	for f := range reflect.TypeFor[policy.Request]().Fields() {
		if f.Name != "Selector" {
			want = append(want, f.Name)
		}
	}
	slices.Sort(set)
	if slices.Sort(want); !slices.Equal(set, want) {
		t.Errorf("the key has %q, and decisions are made from %q", set, want)
	}
}

// setFields returns the names of the fields that are not empty.
func setFields(r policy.Request) []string {
	var names []string
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() && (v.Field(i).Kind() != reflect.Slice || v.Field(i).Len() > 0) {
			names = append(names, v.Type().Field(i).Name)
		}
	}
	return names
}

// TestNoHeaderIsMissing: no other header is read into a request.
func TestNoHeaderIsMissing(t *testing.T) {
	source, err := os.ReadFile("../../internal/exchange/request.go")
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	for _, m := range regexp.MustCompile(`case "([^"]+)":`).FindAllSubmatch(source, -1) {
		read = append(read, string(m[1]))
	}
	if want := inputs(t); !slices.Equal(read, want) {
		t.Errorf("exchange reads %q, and the key has %q", read, want)
	}
}
