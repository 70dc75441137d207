package exchange

// requestText collects the text of a request whose bytes do not last: messages are read into
// buffers that are used again, while the request is used until the end of the exchange. All values
// that decisions are made from are copied into one string.
type requestText struct {
	values []byte
	picks  []pick
}

// pick is one of the values, and the place in the request that it is for: a field, or a list of
// header lines.
type pick struct {
	field *string
	lines *[]string
	end   int // of the value
}

func (t *requestText) reset() { t.values, t.picks = t.values[:0], t.picks[:0] }

func (t *requestText) add(p pick, value []byte) {
	t.values = append(t.values, value...)
	p.end = len(t.values)
	t.picks = append(t.picks, p)
}

// move writes the collected text to the request.
func (t *requestText) move() {
	text, start := string(t.values), 0
	for _, p := range t.picks {
		value := text[start:p.end]
		if start = p.end; p.field != nil {
			*p.field = value
		} else {
			*p.lines = append(*p.lines, value)
		}
	}
	t.reset()
}

// AddHeader adds a header line of the request, or a pseudo-header, if decisions are made from it. The
// name must be in lower case, as in HTTP/2 and from Envoy. The bytes are copied.
func (x *Exchange) AddHeader(name, value []byte) {
	var p pick
	switch r := &x.Request; string(name) {
	case ":method":
		p.field = &r.Method
	case ":scheme":
		p.field = &r.Scheme
	case ":authority":
		p.field = &r.Authority
	case ":path":
		p.field = &r.Path
	case ":protocol":
		p.field = &r.Protocol
	case "origin":
		p.lines = &r.Origin
	case "upgrade":
		p.lines = &r.Upgrade
	case "sec-fetch-site":
		p.lines = &r.FetchSite
	case "access-control-request-method":
		p.lines = &r.RequestMethod
	case "access-control-request-headers":
		p.lines = &r.RequestHeaders
	case "access-control-request-private-network":
		p.lines = &r.RequestPrivateNetwork
	default:
		return
	}
	x.text.add(p, value)
}

// SetText sets a field of x.Request. The bytes are copied.
func (x *Exchange) SetText(field *string, value []byte) { x.text.add(pick{field: field}, value) }
