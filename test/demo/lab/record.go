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

// Exchange is one request as Envoy saw it, and what it answered.
type Exchange struct {
	Method    string  `json:"method"`
	Scheme    string  `json:"scheme"`
	Authority string  `json:"authority"`
	Path      string  `json:"path"` // with the query
	Protocol  string  `json:"protocol"`
	Request   []Field `json:"request"` // of its headers those that the lab's configuration names

	Status   int     `json:"status"`
	Details  string  `json:"details"`  // Envoy's word for how it came to the answer, such as via_upstream
	Answered string  `json:"answered"` // by "corsd", "application" or "Envoy"
	Response []Field `json:"response"`

	// What corsd said of it, all "" where corsd was not asked.
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

// header gives the value of a header of the request, "" where there is none.
func (x *Exchange) header(name string) string {
	for _, f := range x.Request {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// runs bounds how many attempts are remembered.
const runs = 1000

// record is what Envoy's access log told of attempts, by their run.
type record struct {
	accesslog.UnimplementedAccessLogServiceServer

	metadata string // the namespace of corsd's words

	mu    sync.Mutex
	order []string // runs, oldest first
	seen  map[string][]Exchange
	news  chan struct{} // closed at the next exchange
}

func newRecord(metadata string) *record {
	return &record{metadata: metadata, seen: map[string][]Exchange{}, news: make(chan struct{})}
}

// StreamAccessLogs takes Envoy's access log.
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

// exchange reads an entry of the access log.
func (r *record) exchange(entry *accesslogdata.HTTPAccessLogEntry) Exchange {
	request, response := entry.GetRequest(), entry.GetResponse()
	said := entry.GetCommonProperties().GetMetadata().GetFilterMetadata()[r.metadata].GetFields()
	return Exchange{
		Answered: answered(entry), Method: request.GetRequestMethod().String(), Scheme: request.GetScheme(), Authority: request.GetAuthority(),
		Path:     cmp.Or(request.GetOriginalPath(), request.GetPath()),
		Protocol: protocols[entry.GetProtocolVersion()], Request: fields(request.GetRequestHeaders()),
		Status: int(response.GetResponseCode().GetValue()), Details: response.GetResponseCodeDetails(),
		Response: fields(response.GetResponseHeaders()),
		Verdict:  said["verdict"].GetStringValue(), Reason: said["reason"].GetStringValue(),
		Policy: said["policy"].GetStringValue(), Rule: said["rule"].GetStringValue(),
	}
}

// answered says whose answer it is.
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

// add remembers an exchange that is part of an attempt.
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

// runOf gives the run that a path's query names.
func runOf(path string) string {
	_, query, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return values.Get("run")
}

// of gives what has been seen of a run, and a channel that is closed when there
// is news.
func (r *record) of(run string) ([]Exchange, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen[run]), r.news
}

// Envoy says of a request when it has ended, and by then the page may know more.
// Nobody says how many there are; quiet is how long after one it is the last.
const (
	quiet    = 60 * time.Millisecond
	patience = 2 * time.Second // for the first
)

// await gives the exchanges of a run once there is at least one and no other has
// followed for a while. It gives none where none comes.
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
