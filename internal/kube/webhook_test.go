package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corsd/corsd/internal/kube/kubetest"
)

// ask sends a review of an object to a webhook, and returns the response.
func ask(t *testing.T, h http.Handler, kind, name, spec string) *reviewResponse {
	t.Helper()
	namespace, name, _ := strings.Cut(name, "/")
	object := fmt.Sprintf(`{"apiVersion": "corsd.dev/v1alpha1", "kind": %q, "metadata": {"namespace": %q, "name": %q}, "spec": %s}`,
		kind, namespace, name, jsonOf(t, spec))
	body := fmt.Sprintf(`{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1",
		"kind": {"group": "corsd.dev", "version": "v1alpha1", "kind": %q}, "namespace": %q, "name": %q, "object": %s}}`,
		kind, namespace, name, object)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/validate?timeout=5s", strings.NewReader(body)))
	var v review
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != http.StatusOK {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	if v.Kind != "AdmissionReview" || v.APIVersion != "admission.k8s.io/v1" || v.Response == nil || v.Response.UID != "1" {
		t.Fatalf("answered %s", w.Body)
	}
	return v.Response
}

// TestWebhook: an object is judged among all that are live, as the reader would judge it.
func TestWebhook(t *testing.T) {
	s := kubetest.Start(t)
	putNamespace(s, "n", "*.example")
	putNamespace(s, "m", "b.example")
	put(t, s, "CORSPolicy", "n/a", aGood)
	var reader *Reader
	r := start(t, s, func(o *Options) { o.HostGrants, o.Targets = true, true }, "", func(made *Reader) { reader = made })
	h := reader.Webhook()
	eventually(t, "the policy is live", func() bool { return r.allows("a.example", "https://p.example") })

	for _, row := range []struct {
		name, kind, object, spec string
		refused                  string // a part of the message, "" if it is allowed
		warning                  string // a part of the first warning, "" if there is none
	}{
		{"a good one", "CORSPolicy", "n/b", bGood, "", ""},
		{"a change of one that is live", "CORSPolicy", "n/a", strings.ReplaceAll(aGood, "p.example", "q.example"), "", ""},
		{
			"a fault", "CORSPolicy", "n/b", aBad,
			`spec.cors.allowOrigins[0]: "p.example" has no scheme (origin_invalid); hint: https://p.example`, "",
		},
		{"a fault of form", "CORSPolicy", "n/b", wrongForm, "spec.cors.alowOrigins", ""},
		{"a conflict with an older one", "CORSPolicy", "n/b", aGood, "is matched by the cors of policy n/a already", ""},
		{"a set that is missing", "CORSPolicy", "n/b", `{hosts: [b.example], cors: {allowOriginSets: [partners]}}`, "unknown_reference", ""},
		{"a host that is not granted", "CORSPolicy", "m/a", `{hosts: [c.example], cors: {allowOrigins: ["https://p.example"]}}`, "host_not_granted", ""},
		{"a warning", "CORSPolicy", "n/b", strings.ReplaceAll(bGood, "p.example", "p.example:443"), "", "default_port"},
		{"a set", "OriginSet", "n/partners", partners, "", "origin_set_unused"},
		{"a target that is missing yet", "CORSPolicy", "n/b", policyOf("HTTPRoute/r"), "", "target_not_found"},
		{"targets beside hosts", "CORSPolicy", "n/b", strings.Replace(policyOf("HTTPRoute/r"), "{", "{hosts: [b.example], ", 1), "exactly one of the two", "target_not_found"},
		{"another kind", "Secret", "n/x", `{}`, "", ""},
	} {
		a := ask(t, h, row.kind, row.object, row.spec)
		message := ""
		if a.Status != nil {
			message = a.Status.Message
		}
		if a.Allowed != (row.refused == "") || !strings.Contains(message, row.refused) {
			t.Errorf("%s: allowed: %t, message %q", row.name, a.Allowed, message)
		}
		warnings := strings.Join(a.Warnings, "\n")
		if (row.warning == "") != (warnings == "") || !strings.Contains(warnings, row.warning) {
			t.Errorf("%s: warnings %q", row.name, warnings)
		}
		if !a.Allowed && (len(a.Status.Details.Causes) == 0 || a.Status.Code != http.StatusUnprocessableEntity) {
			t.Errorf("%s: status %+v", row.name, a.Status)
		}
	}
	if !r.allows("a.example", "https://p.example") || r.allows("b.example", "https://p.example") {
		t.Error("a review changed what is live")
	}
}

// TestWebhookOfAPart: a corsd that reads a part of the objects judges no others.
func TestWebhookOfAPart(t *testing.T) {
	s := kubetest.Start(t)
	for _, row := range []struct {
		options       Options
		refused, left string // objects with a fault
	}{
		{Options{Namespace: "n"}, "n/a", "m/a"},
		{Options{Selector: "!team"}, "n/a", ""},
		{Options{Selector: "team=a"}, "", "n/a"},
	} {
		var reader *Reader
		r := start(t, s, func(o *Options) { o.Namespace, o.Selector = row.options.Namespace, row.options.Selector }, "",
			func(made *Reader) { reader = made })
		<-r.Ready()
		for object, allowed := range map[string]bool{row.refused: false, row.left: true} {
			if object == "" {
				continue
			}
			if a := ask(t, reader.Webhook(), "CORSPolicy", object, aBad); a.Allowed != allowed {
				t.Errorf("%+v: %s is allowed: %t", row.options, object, a.Allowed)
			}
		}
	}
}

// TestWebhookTakesTurns: while a review is read or judged, the others wait, and not for ever.
func TestWebhookTakesTurns(t *testing.T) {
	s := kubetest.Start(t)
	var reader *Reader
	r := start(t, s, nil, "", func(made *Reader) { reader = made })
	<-r.Ready()
	reader.reviewWait = 50 * time.Millisecond
	h := reader.Webhook()
	body, slow := io.Pipe()
	var first sync.WaitGroup
	first.Go(func() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/validate", body))
	})
	if _, err := slow.Write([]byte("{")); err != nil { // which returns when it is read
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/validate", strings.NewReader("{}")))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("beside another review: %d", w.Code)
	}
	slow.Close()
	first.Wait()
	if a := ask(t, h, "CORSPolicy", "n/a", aGood); !a.Allowed {
		t.Errorf("after it: %+v", a)
	}
}

// TestWebhookBeforeTheList: before the resources are listed, everything is allowed, with a warning.
func TestWebhookBeforeTheList(t *testing.T) {
	s := kubetest.Start(t)
	s.Refuse(http.StatusForbidden)
	var reader *Reader
	start(t, s, nil, "", func(made *Reader) { reader = made })
	if a := ask(t, reader.Webhook(), "CORSPolicy", "n/a", aBad); !a.Allowed || len(a.Warnings) != 1 {
		t.Errorf("answered %+v", a)
	}
}

// TestWebhookHostile: what is not a review is refused.
func TestWebhookHostile(t *testing.T) {
	s := kubetest.Start(t)
	var reader *Reader
	start(t, s, nil, "", func(made *Reader) { reader = made })
	for _, row := range []struct {
		body string
		want int
	}{
		{"", http.StatusBadRequest},
		{"{}", http.StatusBadRequest},
		{"[]", http.StatusBadRequest},
		{`{"request": 1}`, http.StatusBadRequest},
		{strings.Repeat(" ", maxReview+1), http.StatusRequestEntityTooLarge},
		{`{"request": {"uid": "1", "kind": {"group": "corsd.dev", "kind": "CORSPolicy"}, "object": {"metadata": 1}}}`, http.StatusOK},
		{`{"request": {"uid": "1", "kind": {"group": "corsd.dev", "kind": "CORSPolicy"}, "object": null}}`, http.StatusOK},
	} {
		w := httptest.NewRecorder()
		reader.Webhook().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/validate", bytes.NewBufferString(row.body)))
		if w.Code != row.want {
			t.Errorf("%.60q: answered %d %s, want %d", row.body, w.Code, w.Body, row.want)
		}
	}
}
