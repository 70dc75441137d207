//go:build !linux

package envoy

import "context"

// lock is not needed where nothing is installed.
func lock(context.Context, string) (unlock func(), err error) { return func() {}, nil }
