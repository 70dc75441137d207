// Package kubetest has an HTTP stand-in of a Kubernetes API server, for tests: it lists, watches and keeps objects,
// and applies statuses. It judges nothing. The module of end-to-end tests uses a real API server.
package kubetest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// Server is a stand-in. Make one with [Start] or [New].
type Server struct {
	http *httptest.Server

	mu       sync.Mutex
	objects  map[string]Object // by plural, namespace and name
	version  int               // the resourceVersion of the last change
	watchers map[chan event]string
	refuse   int             // the status with which all requests are answered, 0 to answer them
	absent   map[string]bool // plurals of kinds that the server does not have
	watches  int             // the status with which watches are answered, 0 to answer them
	older    bool            // see [Server.Older]
	writes   int             // of statuses
	requests map[string]int
}

// Object is an object as JSON.
type Object = map[string]any

type event struct {
	Type   string `json:"type"`
	Object Object `json:"object"`
}

// Start starts a server that the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := New()
	t.Cleanup(s.Close)
	return s
}

// New starts a server.
func New() *Server {
	s := &Server{objects: map[string]Object{}, watchers: map[chan event]string{}, requests: map[string]int{}}
	s.http = httptest.NewServer(s)
	return s
}

// Close ends the server.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Config returns how to reach the server.
func (s *Server) Config() *rest.Config { return &rest.Config{Host: s.http.URL} }

// Kubeconfig returns the text of a file that has how to reach the server.
func (s *Server) Kubeconfig() string {
	return fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: t, cluster: {server: %q}}]\n"+
		"contexts: [{name: t, context: {cluster: t, user: t}}]\nusers: [{name: t, user: {}}]\ncurrent-context: t\n",
		s.http.URL)
}

var plurals = map[string]string{
	"CORSPolicy": "corspolicies", "OriginSet": "originsets", "CORSDefaults": "corsdefaults", "Namespace": "namespaces",
	"Gateway": "gateways", "HTTPRoute": "httproutes", "GRPCRoute": "grpcroutes",
}

// roots are the paths of the versions that the server has.
var roots = map[string]string{
	"corsd.dev/v1alpha1": "/apis/corsd.dev/v1alpha1/", "v1": "/api/v1/",
	"gateway.networking.k8s.io/v1": "/apis/gateway.networking.k8s.io/v1/",
}

// Put creates an object, or replaces it. Its metadata but for the name, namespace, annotations, labels and
// creationTimestamp is set as an API server does.
func (s *Server) Put(o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	meta := o["metadata"].(Object)
	k := keyOf(plurals[o["kind"].(string)], text(meta["namespace"]), text(meta["name"]))
	before, found := s.objects[k]
	s.version++
	meta["uid"], meta["generation"] = "uid-"+strconv.Itoa(s.version), 1
	if meta["creationTimestamp"] == nil {
		meta["creationTimestamp"] = time.Unix(1_700_000_000+int64(s.version), 0).UTC().Format(time.RFC3339)
	}
	kind := "ADDED"
	if found {
		kind = "MODIFIED"
		old := before["metadata"].(Object)
		meta["uid"], meta["creationTimestamp"] = old["uid"], old["creationTimestamp"]
		meta["generation"] = old["generation"]
		if fmt.Sprint(before["spec"]) != fmt.Sprint(o["spec"]) {
			meta["generation"] = old["generation"].(int) + 1
		}
		if before["status"] != nil {
			o["status"] = before["status"]
		}
	}
	s.set(k, kind, o)
}

// Delete deletes an object.
func (s *Server) Delete(kind, namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := keyOf(plurals[kind], namespace, name)
	o := maps.Clone(s.objects[k])
	s.version++
	s.set(k, "DELETED", o)
}

// Status returns the status of an object, nil if there is none.
func (s *Server) Status(kind, namespace, name string) Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, _ := s.objects[keyOf(plurals[kind], namespace, name)]["status"].(Object)
	return status
}

// Writes returns how many statuses were written.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// Requests returns how many requests there were, by method and path.
func (s *Server) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// Refuse makes the server answer all requests with a status and end all watches, or answer them again if it is 0.
func (s *Server) Refuse(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = status
	if status != 0 {
		s.endWatches()
	}
}

// RefuseWatches makes the server answer watches with a status and end those that there are, or answer them again if it
// is 0.
func (s *Server) RefuseWatches(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches = status
	s.endWatches()
}

func (s *Server) endWatches() {
	for w := range s.watchers {
		delete(s.watchers, w)
		close(w)
	}
}

// Older makes the server one that does not stream lists, and sends them in as many parts as the client wants.
func (s *Server) Older() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.older = true
}

// Expire ends all watches with the error that the changes since their version are not known any more, before the last
// changes are sent if there are any.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watchers {
		for len(w) > 0 {
			<-w
		}
		w <- event{"ERROR", statusOf(http.StatusGone)}
	}
	s.endWatches()
}

// SetStatus sets the status of an object, as its controller does.
func (s *Server) SetStatus(kind, namespace, name string, status Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := keyOf(plurals[kind], namespace, name)
	o := maps.Clone(s.objects[k])
	o["status"] = status
	s.version++
	s.set(k, "MODIFIED", o)
}

// Absent makes the server answer as if the definitions of these kinds were not installed, and of no others.
func (s *Server) Absent(kinds ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent = map[string]bool{}
	for _, kind := range kinds {
		s.absent[plurals[kind]] = true
	}
}

// set stores an object and tells watchers. The caller holds s.mu and has counted s.version up.
func (s *Server) set(k, kind string, o Object) {
	o = maps.Clone(o)
	meta := maps.Clone(o["metadata"].(Object))
	meta["resourceVersion"] = strconv.Itoa(s.version)
	o["metadata"] = meta
	if s.objects[k] = o; kind == "DELETED" {
		delete(s.objects, k)
	}
	for w, prefix := range s.watchers {
		if strings.HasPrefix(k, prefix) {
			w <- event{kind, o}
		}
	}
}

func keyOf(plural, namespace, name string) string { return plural + "/" + namespace + "/" + name }

func text(v any) string {
	s, _ := v.(string)
	return s
}

// ServeHTTP serves …/namespaces/NS/PLURAL/NAME/status, …/namespaces/NS/PLURAL and …/PLURAL.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	refuse := s.refuse
	s.requests[r.Method+" "+r.URL.Path]++
	s.mu.Unlock()
	if refuse != 0 {
		writeStatus(w, refuse)
		return
	}
	path := r.URL.Path
	for _, root := range roots {
		path = strings.TrimPrefix(path, root)
	}
	namespace := ""
	if rest, found := strings.CutPrefix(path, "namespaces/"); found && strings.Contains(rest, "/") {
		namespace, path, _ = strings.Cut(rest, "/")
	}
	parts := strings.Split(path, "/")
	s.mu.Lock()
	absent := s.absent[parts[0]]
	s.mu.Unlock()
	switch {
	case absent:
		writeStatus(w, http.StatusNotFound)
	case r.Method == http.MethodPatch && len(parts) == 3 && parts[2] == "status":
		s.patchStatus(w, r, keyOf(parts[0], namespace, parts[1]))
	case r.Method == http.MethodGet && len(parts) == 1:
		prefix := parts[0] + "/"
		if namespace != "" {
			prefix += namespace + "/"
		}
		if r.URL.Query().Get("watch") != "" {
			s.watch(w, r, prefix)
		} else {
			s.list(w, r, prefix)
		}
	default:
		writeStatus(w, http.StatusNotFound)
	}
}

func (s *Server) patchStatus(w http.ResponseWriter, r *http.Request, k string) {
	body, _ := io.ReadAll(r.Body)
	var patch Object
	err := json.Unmarshal(body, &patch)
	if err != nil || r.Header.Get("Content-Type") != "application/apply-patch+yaml" {
		writeStatus(w, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, found := s.objects[k]
	if !found {
		writeStatus(w, http.StatusNotFound)
		return
	}
	o = maps.Clone(o)
	o["status"] = patch["status"]
	s.version++
	s.writes++
	s.set(k, "MODIFIED", o)
	_ = json.NewEncoder(w).Encode(o)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	items, meta := s.under(prefix), Object{"resourceVersion": strconv.Itoa(s.version)}
	if limit, _ := strconv.Atoi(r.URL.Query().Get("limit")); s.older && limit > 0 {
		begin, _ := strconv.Atoi(r.URL.Query().Get("continue"))
		end := min(begin+limit, len(items))
		if end < len(items) {
			meta["continue"] = strconv.Itoa(end)
		}
		items = items[begin:end]
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Object{
		"apiVersion": versionOf(prefix), "kind": kindOf(prefix) + "List", "metadata": meta, "items": items,
	})
}

func (s *Server) under(prefix string) []Object {
	items := []Object{}
	for _, k := range slices.Sorted(maps.Keys(s.objects)) {
		if strings.HasPrefix(k, prefix) {
			items = append(items, s.objects[k])
		}
	}
	return items
}

// watch sends events until the client goes, those of all objects first if it asks for them.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, prefix string) {
	stream := r.URL.Query().Get("sendInitialEvents") == "true"
	if status := s.refuses(stream); status != 0 {
		writeStatus(w, status)
		return
	}
	events := make(chan event, 100_000)
	s.mu.Lock()
	var first []event
	if stream {
		first = s.firstEvents(prefix)
	}
	s.watchers[events] = prefix
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.watchers, events)
		s.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "application/json")
	flusher := w.(http.Flusher)
	flusher.Flush()
	out := json.NewEncoder(w)
	for _, e := range first {
		_ = out.Encode(e)
	}
	flusher.Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case e, open := <-events:
			if !open {
				return
			}
			_ = out.Encode(e)
			flusher.Flush()
		}
	}
}

// firstEvents returns a list as events. The caller holds s.mu.
func (s *Server) firstEvents(prefix string) (first []event) {
	for _, o := range s.under(prefix) {
		first = append(first, event{"ADDED", o})
	}
	return append(first, event{"BOOKMARK", Object{
		"apiVersion": versionOf(prefix), "kind": kindOf(prefix), "metadata": Object{
			"resourceVersion": strconv.Itoa(s.version),
			"annotations":     Object{"k8s.io/initial-events-end": "true"},
		},
	}})
}

// refuses returns the status with which a watch is refused, 0 if it is not. stream: it begins with a list.
func (s *Server) refuses(stream bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.older && stream {
		return http.StatusUnprocessableEntity
	}
	return s.watches
}

func kindOf(prefix string) string {
	for kind, plural := range plurals {
		if strings.HasPrefix(prefix, plural+"/") {
			return kind
		}
	}
	return ""
}

func versionOf(prefix string) string {
	switch kindOf(prefix) {
	case "Namespace":
		return "v1"
	case "Gateway", "HTTPRoute", "GRPCRoute":
		return "gateway.networking.k8s.io/v1"
	}
	return "corsd.dev/v1alpha1"
}

func writeStatus(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(statusOf(status))
}

func statusOf(status int) Object {
	reasons := map[int]string{
		401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 410: "Expired", 422: "Invalid", 500: "InternalError",
	}
	return Object{
		"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reasons[status], "code": status,
		"message": "refused by the test",
	}
}
