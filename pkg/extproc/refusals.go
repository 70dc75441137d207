package extproc

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/corsd/corsd/pkg/policy"
)

// How many refusals are logged at most. The metrics count them all.
const (
	refusalsPerSecond = 10
	refusalsBurst     = 20
)

// maxLogged bounds what a client can put into a log line, in bytes of each value.
const maxLogged = 256

// refusalLog logs refusals, one line each. It never sees cookies or credentials, and
// leaves out queries, path parameters (;jsessionid=…) and user info, which may hold secrets.
type refusalLog struct {
	logger  *slog.Logger
	limiter *rate.Limiter
	passed  atomic.Int64 // over, since the last line
}

func newRefusalLog(l *slog.Logger) *refusalLog {
	return &refusalLog{logger: l, limiter: rate.NewLimiter(refusalsPerSecond, refusalsBurst)}
}

func (l *refusalLog) log(p Profile, d *policy.Decision, r *policy.Request) {
	ctx := context.Background()
	if !l.logger.Enabled(ctx, slog.LevelInfo) {
		return
	}
	if !l.limiter.Allow() {
		l.passed.Add(1)
		return
	}
	attrs := []slog.Attr{
		slog.String("class", d.Class.String()), slog.String("reason", d.Reason.String()),
		slog.String("policy", d.Policy()), slog.String("rule", d.Rule()), slog.String("enforcement", string(d.Enforcement())),
		slog.String("profile", p.String()), slog.String("method", clip(r.Method)), slog.String("host", clip(withoutUserInfo(r.Authority))),
		slog.String("path", clip(plainPath(r.Path))), slog.String("origin", clip(plainOrigins(r.Origin))),
	}
	if d.Class == policy.ClassPreflight {
		attrs = append(attrs, slog.String("requestMethod", clip(strings.Join(r.RequestMethod, ", "))),
			slog.String("requestHeaders", clip(strings.Join(r.RequestHeaders, ", "))))
	}
	if n := l.passed.Swap(0); n > 0 {
		attrs = append(attrs, slog.Int64("notLogged", n))
	}
	l.logger.LogAttrs(ctx, slog.LevelInfo, "refused", attrs...)
}

// plainPath is the path up to its query or its first path parameter. The ";" stays: it is
// why the path is ambiguous.
func plainPath(path string) string {
	path, _, _ = strings.Cut(path, "?")
	if before, _, found := strings.Cut(path, ";"); found {
		return before + ";…"
	}
	return path
}

// plainOrigins joins the lines of Origin, each without user info, and without what follows
// the authority. No browser sends either, but another client may.
func plainOrigins(lines []string) string {
	plain := make([]string, len(lines))
	for i, line := range lines {
		plain[i] = plainOrigin(line)
	}
	return strings.Join(plain, ", ")
}

func plainOrigin(line string) string {
	scheme, rest, found := strings.Cut(line, "://")
	if !found {
		scheme, rest = "", line
	} else {
		scheme += "://"
	}
	if authority := withoutUserInfo(rest); authority != rest {
		scheme, rest = scheme+"…@", authority
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end] + "…"
	}
	return scheme + rest
}

// withoutUserInfo: an authority may have a password in it.
func withoutUserInfo(authority string) string {
	return authority[strings.LastIndexByte(authority, '@')+1:]
}

func clip(s string) string {
	if len(s) > maxLogged {
		return s[:maxLogged] + "…"
	}
	return s
}
