// Package refusals logs refused requests.
package refusals

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/pkg/policy"
)

// Bounds of the log lines of refusals. Metrics count every refusal.
const (
	refusalsPerSecond = 10
	refusalsBurst     = 20
)

// maxLogged bounds each value of a client in a log line, in bytes.
const maxLogged = 256

// Log is an [exchange.Observer] that logs refusals, one line each. It never logs cookies or
// credentials, and leaves out queries, path parameters (;jsessionid=…) and user info, which may hold
// secrets.
type Log struct {
	exchange.Discard

	logger  *slog.Logger
	limiter *rate.Limiter
	dropped atomic.Int64 // since the last line
}

// New returns an observer that logs to l, at level Info.
func New(l *slog.Logger) *Log {
	return &Log{logger: l, limiter: rate.NewLimiter(refusalsPerSecond, refusalsBurst)}
}

// Decided implements [exchange.Observer].
func (l *Log) Decided(ctx context.Context, e exchange.Event) {
	d, r := e.Decision, e.Request
	if d.Verdict != policy.VerdictDeny || !l.logger.Enabled(ctx, slog.LevelInfo) {
		return
	}
	if !l.limiter.Allow() {
		l.dropped.Add(1)
		return
	}
	attrs := []slog.Attr{
		slog.String("class", d.Class.String()), slog.String("reason", d.Reason.String()),
		slog.String("policy", d.Policy()), slog.String("rule", d.Rule()),
		slog.String("enforcement", string(d.Enforcement())),
		slog.String("profile", e.Profile.String()), slog.String("method", clip(r.Method)),
		slog.String("host", clip(withoutUserInfo(r.Authority))), slog.String("path", clip(plainPath(r.Path))),
		slog.String("origin", clip(plainOrigins(r.Origin))),
	}
	if d.Class == policy.ClassPreflight {
		attrs = append(attrs, slog.String("requestMethod", clip(strings.Join(r.RequestMethod, ", "))),
			slog.String("requestHeaders", clip(strings.Join(r.RequestHeaders, ", "))))
	}
	if n := l.dropped.Swap(0); n > 0 {
		attrs = append(attrs, slog.Int64("notLogged", n))
	}
	l.logger.LogAttrs(ctx, slog.LevelInfo, "refused", attrs...)
}

// plainPath returns the path up to its query or its first path parameter. It keeps the ";", which
// makes the path ambiguous.
func plainPath(path string) string {
	path, _, _ = strings.Cut(path, "?")
	if before, _, found := strings.Cut(path, ";"); found {
		return before + ";…"
	}
	return path
}

// plainOrigins joins the lines of Origin, each without user info and without anything after the
// authority. Browsers send neither, but other clients may.
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

// withoutUserInfo returns an authority without its user info, which may hold a password.
func withoutUserInfo(authority string) string {
	return authority[strings.LastIndexByte(authority, '@')+1:]
}

func clip(s string) string {
	if len(s) > maxLogged {
		return s[:maxLogged] + "…"
	}
	return s
}
