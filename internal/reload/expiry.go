package reload

import (
	"time"

	"github.com/corsd/corsd/pkg/policy"
)

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
	return r.expireSets(r.engine.Load())
}

// expireSets lets the origin sets of an engine expire whose time has come, and logs their names.
func (r *Reloader) expireSets(engine *policy.Engine) bool {
	names := engine.Expire(time.Now())
	if len(names) == 0 {
		return false
	}
	r.metrics.Expired()
	r.logger.Warn("origin sets have expired and grant nothing any more", "originSets", bounded(names))
	return true
}
