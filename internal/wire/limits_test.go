package wire

import (
	"bytes"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// readMessage is either message from Envoy.
type readMessage interface {
	Read(data mem.BufferSlice) error
	Release()
	Large() bool
}

func emptyHeaders(n int) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for range n {
		m.Headers = append(m.Headers, &corev3.HeaderValue{})
	}
	return m
}

func requestOf(m *corev3.HeaderMap) proto.Message {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{Headers: m},
	}}
}

func checkOf(m *corev3.HeaderMap) proto.Message {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{HeaderMap: m}},
	}}
}

// unknownField makes the general decoder read a message.
var unknownField = protowire.AppendVarint(protowire.AppendTag(nil, 2000, protowire.VarintType), 1)

func TestHeadersAreBounded(t *testing.T) {
	for name, row := range map[string]struct {
		message func(*corev3.HeaderMap) proto.Message
		read    readMessage
	}{"ext_proc": {requestOf, &ProcessingRequest{}}, "ext_authz": {checkOf, &CheckRequest{}}} {
		for layout, suffix := range map[string][]byte{"usual": nil, "unusual": unknownField} {
			for n, wanted := range map[int]bool{MaxHeaders: true, MaxHeaders + 1: false, maxFields: false, 50_000: false} {
				b := append(marshal(t, row.message(emptyHeaders(n))), suffix...)
				err := row.read.Read(mem.BufferSlice{mem.SliceBuffer(b)})
				if (err == nil) != wanted {
					t.Errorf("%s, %s layout, %d headers: %v", name, layout, n, err)
				}
				row.read.Release()
			}
		}
	}
}

// What becomes many objects is refused before it does, in whatever part of a message it is.
func TestFieldsAreBounded(t *testing.T) {
	values := func(n int) *structpb.ListValue {
		l := &structpb.ListValue{}
		for range n {
			l.Values = append(l.Values, &structpb.Value{})
		}
		return l
	}
	nested := func(depth int) (v *structpb.Value) {
		for v = structpb.NewBoolValue(true); depth > 0; depth-- {
			v = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
		}
		return v
	}
	cookie := &corev3.HeaderValue{Key: "cookie", RawValue: bytes.Repeat([]byte("session=a; "), 5000)}
	attributes := func(v *structpb.Value) proto.Message {
		fields := map[string]*structpb.Value{"b": v}
		return &extprocv3.ProcessingRequest{Attributes: map[string]*structpb.Struct{"a": {Fields: fields}}}
	}
	for _, row := range []struct {
		why  string
		m    proto.Message
		read bool
	}{
		{"a few values", attributes(structpb.NewListValue(values(100))), true},
		{"too many values", attributes(structpb.NewListValue(values(maxFields))), false},
		{"a few levels", attributes(nested(5)), true},
		{"too many levels", attributes(nested(maxFieldDepth)), false},
		{"much text", requestOf(&corev3.HeaderMap{Headers: []*corev3.HeaderValue{cookie}}), true},
	} {
		err := (&ProcessingRequest{}).Read(mem.BufferSlice{mem.SliceBuffer(append(marshal(t, row.m), unknownField...))})
		if (err == nil) != row.read {
			t.Errorf("%s: %v", row.why, err)
		}
		if err != nil && !strings.Contains(err.Error(), "fields in a message") {
			t.Errorf("%s: %v", row.why, err)
		}
	}
}

func TestFieldCountAtTheBound(t *testing.T) {
	field := []byte{1<<3 | varintType, 1}
	if err := checkFields(bytes.Repeat(field, maxFields)); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	if checkFields(bytes.Repeat(field, maxFields+1)) == nil {
		t.Error("one more is not refused")
	}
}

// Buffers that have grown for one message are not kept for those that follow.
func TestLarge(t *testing.T) {
	for _, row := range []struct {
		why           string
		headers, size int
		large         bool
	}{
		{"as much as is kept", keptHeaders, keptSize, false},
		{"room for one more header", keptHeaders + 1, 0, true},
		{"a byte more", 0, keptSize + 1, true},
	} {
		headers := make([]Header, 0, row.headers)
		for name, read := range map[string]readMessage{
			"ext_proc": &ProcessingRequest{Headers: headers}, "ext_authz": &CheckRequest{Headers: headers},
			"extensions": &CheckRequest{Extensions: headers},
		} {
			_ = read.Read(mem.BufferSlice{mem.SliceBuffer(make([]byte, row.size))}) // only its size matters
			read.Release()
			if read.Large() != row.large {
				t.Errorf("%s, %s: large is %v", name, row.why, read.Large())
			}
		}
	}
}

// countingOutbox is an Outbox that counts.
type countingOutbox struct {
	mem.BufferPool
	queued, put int
}

func (o *countingOutbox) Queued() { o.queued++ }

func (o *countingOutbox) Put(b *[]byte) {
	o.put++
	o.BufferPool.Put(b)
}

// An outbox is called twice for each answer: when gRPC has it, and when its buffer is free again.
func TestOutbox(t *testing.T) {
	o := &countingOutbox{BufferPool: Buffers}
	a := Answer{Outbox: o}
	for i := range 3 {
		a.Unchanged(KindRequestBody)
		buffers := a.Buffers()
		if o.queued != i+1 || o.put != i {
			t.Errorf("sent %d: queued %d, written %d", i+1, o.queued, o.put)
		}
		buffers.Free()
		if o.put != i+1 {
			t.Errorf("written %d: counted %d", i+1, o.put)
		}
	}
}
