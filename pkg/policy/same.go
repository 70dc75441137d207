package policy

// same is what answers say that is the same whatever the request says: it is written,
// and encoded, when the engine is compiled. Fields that are nil are not used.
type same struct {
	granted, told, denied sameFields // of preflights
	actual                sameFields
}

type sameFields struct {
	fields  []Field
	encoded []byte
}

// Encoding has an encoder make bytes of what many answers have in common, once, for
// [Answer.Encoded].
func Encoding(encode func([]Field) []byte) Option {
	return func(o *options) { o.encode = encode }
}

// sameOf writes what answers under some settings have in common: with the same
// functions as for each of them, for a request that says nothing.
func (c *compiler) sameOf(e *effects) (s same) {
	d := Decision{Class: ClassPreflight, effects: e, request: &Request{}}
	s.denied = c.sameFields(&d, (*Decision).appendDenied)
	if e.methods == nil { // nothing is ever granted
		return s
	}
	if !e.methods.any && !e.headers.any { // else the answer depends on what is asked for
		s.granted = c.sameFields(&d, (*Decision).appendGranted)
		s.told = c.sameFields(&d, (*Decision).appendTold)
	}
	d.Class = ClassActual
	if !d.readsUpstream() {
		s.actual = c.sameFields(&d, (*Decision).appendActual)
	}
	return s
}

func (c *compiler) sameFields(d *Decision, write func(*Decision, *Answer)) (s sameFields) {
	var a Answer
	write(d, &a)
	s.fields = a.Set
	if c.encode != nil && len(a.Set) > 0 {
		s.encoded = c.encode(a.Set)
	}
	return s
}

// appendSame sets what many answers have in common. write writes it where it is not
// the same for this one.
func (d *Decision) appendSame(a *Answer, s *sameFields, write func(*Decision, *Answer)) {
	if s.fields == nil || d.depends {
		write(d, a)
		return
	}
	a.EncodedFrom = len(a.Set)
	a.Set = append(a.Set, s.fields...)
	a.EncodedTo = len(a.Set)
	a.Encoded = s.encoded
}

func (d *Decision) appendGranted(a *Answer) {
	d.appendReaders(a)
	d.appendLists(a)
	d.appendMaxAge(a)
	a.set(exposeHeaders, d.exposed(a, nil))
	d.appendVary(a, nil)
}

func (d *Decision) appendTold(a *Answer) {
	d.appendReaders(a)
	d.appendLists(a)
	d.appendVary(a, nil)
}

func (d *Decision) appendDenied(a *Answer) { d.appendVary(a, nil) }

func (d *Decision) appendActual(a *Answer) {
	d.appendReaders(a)
	a.set(exposeHeaders, d.effects.expose.joined)
}
