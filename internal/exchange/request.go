package exchange

import "github.com/corsd/corsd/pkg/policy"

// requestText collects the text of a request whose bytes do not last: messages are read into
// buffers that are used again, while the request is used until the end of the exchange. All values
// that decisions are made from are copied into one string.
type requestText struct {
	values []byte
	picks  []pick
}

// pick is a part of the values, and the field of the request or the header that it is for.
type pick struct {
	field  *string // of a policy.Request, nil for a header
	header string  // in lower case
	end    int     // in values
}

func (t *requestText) reset() { t.values, t.picks = t.values[:0], t.picks[:0] }

// move writes the collected text to the request.
func (t *requestText) move(r *policy.Request) {
	text, start := string(t.values), 0
	for _, p := range t.picks {
		value := text[start:p.end]
		if start = p.end; p.field != nil {
			*p.field = value
		} else {
			r.AddHeader(p.header, value)
		}
	}
	t.reset()
}

// AddHeader adds a header line of the request, or a pseudo-header, with its name in lower case. The
// bytes are copied.
func (x *Exchange) AddHeader(name, value []byte) {
	if field := x.pseudoHeader(name); field != nil {
		x.SetText(field, value)
	} else if header := requestHeader(name); header != "" {
		t := &x.text
		t.values = append(t.values, value...)
		t.picks = append(t.picks, pick{header: header, end: len(t.values)})
	}
}

// SetText sets a field of x.Request. The bytes are copied.
func (x *Exchange) SetText(field *string, value []byte) {
	t := &x.text
	t.values = append(t.values, value...)
	t.picks = append(t.picks, pick{field: field, end: len(t.values)})
}

// pseudoHeader returns the field for a pseudo-header, nil if the name is not one.
func (x *Exchange) pseudoHeader(name []byte) *string {
	switch string(name) {
	case ":method":
		return &x.Request.Method
	case ":scheme":
		return &x.Request.Scheme
	case ":authority":
		return &x.Request.Authority
	case ":path":
		return &x.Request.Path
	case ":protocol":
		return &x.Request.Protocol
	}
	return nil
}

// requestHeader returns the name of a header that decisions are made from, "" for every other name.
// It does not allocate.
func requestHeader(name []byte) string {
	switch string(name) {
	case "origin":
		return "origin"
	case "upgrade":
		return "upgrade"
	case "sec-fetch-site":
		return "sec-fetch-site"
	case "access-control-request-method":
		return "access-control-request-method"
	case "access-control-request-headers":
		return "access-control-request-headers"
	case "access-control-request-private-network":
		return "access-control-request-private-network"
	}
	return ""
}
