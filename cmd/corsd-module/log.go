//go:build cgo

package main

// #include "module.h"
import "C"

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"unsafe"
)

// envoyLog is a [slog.Handler] that writes lines to Envoy's log, at its levels. Envoy adds the time and the
// level.
type envoyLog struct {
	slog.Handler
	line *line
}

// line is the line that is being written.
type line struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func newEnvoyLog() *envoyLog {
	l := &line{}
	return &envoyLog{line: l, Handler: slog.NewTextHandler(&l.text, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		},
	})}
}

var logger = slog.New(newEnvoyLog())

// Enabled implements [slog.Handler].
func (h *envoyLog) Enabled(_ context.Context, level slog.Level) bool {
	return bool(C.corsd_logs(levelOf(level)))
}

// Handle implements [slog.Handler].
func (h *envoyLog) Handle(ctx context.Context, r slog.Record) error {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	h.line.text.Reset()
	h.line.text.WriteString("corsd: ")
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	text := bytes.TrimSuffix(h.line.text.Bytes(), []byte("\n"))
	C.corsd_log(levelOf(r.Level), (*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.size_t(len(text)))
	return nil
}

// WithAttrs implements [slog.Handler].
func (h *envoyLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &envoyLog{h.Handler.WithAttrs(attrs), h.line}
}

// WithGroup implements [slog.Handler].
func (h *envoyLog) WithGroup(name string) slog.Handler {
	return &envoyLog{h.Handler.WithGroup(name), h.line}
}

func levelOf(level slog.Level) C.int {
	switch {
	case level >= slog.LevelError:
		return C.LOG_ERROR
	case level >= slog.LevelWarn:
		return C.LOG_WARN
	case level >= slog.LevelInfo:
		return C.LOG_INFO
	}
	return C.LOG_DEBUG
}
