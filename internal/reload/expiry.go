package reload

import "time"

// maxTimer bounds how long a timer is trusted: the system's clock may be set while it runs.
const maxTimer = time.Hour

// expiry returns a channel that receives a value when the next origin set may have expired. It
// never does if no set expires.
func (r *Reloader) expiry() <-chan time.Time {
	at := r.engine.Load().NextExpiry()
	if at.IsZero() {
		return nil
	}
	return time.After(min(max(time.Until(at), time.Second), maxTimer))
}

// expire ends the grants of origin sets on their date, and reports whether it has ended any.
func (r *Reloader) expire() bool {
	engine := r.engine.Load()
	before := engine.NextExpiry()
	engine.Expire(time.Now())
	return !engine.NextExpiry().Equal(before)
}
