package conformance_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// runLibrary runs a library for Go's net/http: one server that is all its
// configurations, each on the host that has its name.
func (o other) runLibrary(t *testing.T, middleware func(c config) http.Handler) {
	t.Helper()
	if parts.Lacking != nil {
		t.Skip(parts.Lacking)
	}
	o.version = moduleVersion(t, "github.com/"+o.title)
	servers := map[string]http.Handler{}
	for _, c := range o.configs {
		servers[c.name] = middleware(c)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(r.Host, ".")
		servers[name].ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	o.cluster = server.Listener.Addr().String()
	o.hosts = o.plainHost
	o.publish(t, o.run(t))
}

// moduleVersion returns the version of a module that the tests require.
func moduleVersion(t *testing.T, module string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts.Root, "test", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == module {
			return module + " " + fields[1]
		}
	}
	t.Fatalf("test/go.mod does not require %s", module)
	return ""
}

// literal writes the fields of a struct that are set, as Go does.
func literal(name string, options any) string {
	v := reflect.ValueOf(options)
	var fields []string
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() || v.Field(i).IsZero() {
			continue
		}
		value := fmt.Sprintf("%#v", v.Field(i))
		if field.Type.Kind() == reflect.Func {
			value = "allowed, // " + field.Type.String()
		} else {
			value += ","
		}
		fields = append(fields, "\t"+field.Name+": "+value+"\n")
	}
	if fields == nil {
		return name + "{}\n"
	}
	return name + "{\n" + strings.Join(fields, "") + "}\n"
}
