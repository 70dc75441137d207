package lab

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
)

// Exchange is one request as Envoy received it, and its response.
type Exchange struct {
	Method    string  `json:"method"`
	Scheme    string  `json:"scheme"`
	Authority string  `json:"authority"`
	Path      string  `json:"path"` // with the query
	Protocol  string  `json:"protocol"`
	Request   []Field `json:"request"` // the headers that the lab's configuration names

	Status   int     `json:"status"`
	Details  string  `json:"details"`  // Envoy's response code details, such as via_upstream
	Answered string  `json:"answered"` // by "corsd", "application" or "Envoy"
	Response []Field `json:"response"`

	// corsd's decision; all are "" if corsd was not called.
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
	Policy  string `json:"policy"`
	Rule    string `json:"rule"`
}

// Field is one header.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// header returns the value of a header of the request, "" if there is none.
func (x *Exchange) header(name string) string {
	for _, f := range x.Request {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// runs is the highest number of attempts that are kept.
const runs = 1000

// record has the exchanges of attempts from Envoy's access log, by their run.
type record struct {
	accesslog.UnimplementedAccessLogServiceServer

	metadata string // the namespace of corsd's metadata

	mu    sync.Mutex
	order []string // runs, oldest first
	seen  map[string][]Exchange
	news  chan struct{} // closed when the next exchange is added
}

func newRecord(metadata string) *record {
	return &record{metadata: metadata, seen: map[string][]Exchange{}, news: make(chan struct{})}
}

// StreamAccessLogs receives Envoy's access log.
func (r *record) StreamAccessLogs(stream accesslog.AccessLogService_StreamAccessLogsServer) error {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&accesslog.StreamAccessLogsResponse{})
		}
		if err != nil {
			return err
		}
		for _, entry := range message.GetHttpLogs().GetLogEntry() {
			r.add(r.exchange(entry))
		}
	}
}

// exchange converts an entry of the access log.
func (r *record) exchange(entry *accesslogdata.HTTPAccessLogEntry) Exchange {
	request, response := entry.GetRequest(), entry.GetResponse()
	decision := entry.GetCommonProperties().GetMetadata().GetFilterMetadata()[r.metadata].GetFields()
	return Exchange{
		Answered:  answered(entry),
		Method:    request.GetRequestMethod().String(),
		Scheme:    request.GetScheme(),
		Authority: request.GetAuthority(),
		Path:      cmp.Or(request.GetOriginalPath(), request.GetPath()),
		Protocol:  protocols[entry.GetProtocolVersion()],
		Request:   fields(request.GetRequestHeaders()),
		Status:    int(response.GetResponseCode().GetValue()),
		Details:   response.GetResponseCodeDetails(),
		Response:  fields(response.GetResponseHeaders()),
		Verdict:   decision["verdict"].GetStringValue(),
		Reason:    decision["reason"].GetStringValue(),
		Policy:    decision["policy"].GetStringValue(),
		Rule:      decision["rule"].GetStringValue(),
	}
}

// answered returns the sender of the response.
func answered(entry *accesslogdata.HTTPAccessLogEntry) string {
	details := entry.GetResponse().GetResponseCodeDetails()
	switch {
	case strings.HasPrefix(details, "corsd_"), details == "ext_authz_denied":
		return "corsd"
	case entry.GetCommonProperties().GetUpstreamRemoteAddress() != nil:
		return "application"
	}
	return "Envoy"
}

var protocols = map[accesslogdata.HTTPAccessLogEntry_HTTPVersion]string{
	accesslogdata.HTTPAccessLogEntry_HTTP11: "HTTP/1.1", accesslogdata.HTTPAccessLogEntry_HTTP2: "HTTP/2",
}

func fields(headers map[string]string) []Field {
	sorted := make([]Field, 0, len(headers))
	for name, value := range headers {
		sorted = append(sorted, Field{name, value})
	}
	slices.SortFunc(sorted, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return sorted
}

// add keeps an exchange if it is part of an attempt.
func (r *record) add(x Exchange) {
	run := runOf(x.Path)
	if run == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.seen[run]; !known {
		if len(r.order) == runs {
			delete(r.seen, r.order[0])
			r.order = r.order[1:]
		}
		r.order = append(r.order, run)
	}
	r.seen[run] = append(r.seen[run], x)
	close(r.news)
	r.news = make(chan struct{})
}

// runOf returns the run in a path's query, "" if there is none.
func runOf(path string) string {
	_, query, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return values.Get("run")
}

// of returns the exchanges of a run so far, and a channel that is closed when the next exchange of
// any run is added.
func (r *record) of(run string) ([]Exchange, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen[run]), r.news
}

// Envoy reports a request when it has ended, which may be after the page has the response. The
// number of requests of a run is not known: after the time quiet without another one, all have
// been reported.
const (
	quiet    = 60 * time.Millisecond
	patience = 2 * time.Second // the longest wait for the first
)

// await returns the exchanges of a run as soon as there is at least one and no other has followed
// for the time quiet. It returns none if there is none within the time patience.
func (r *record) await(ctx context.Context, run string) []Exchange {
	late := time.After(patience)
	for {
		seen, news := r.of(run)
		var settled <-chan time.Time
		if len(seen) > 0 {
			settled = time.After(quiet)
		}
		select {
		case <-news:
		case <-settled:
			return seen
		case <-late:
			return seen
		case <-ctx.Done():
			return seen
		}
	}
}
