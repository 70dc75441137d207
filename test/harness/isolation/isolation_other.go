//go:build !linux

package isolation

// Start is not supported on this system.
func Start(string, ...string) (status int, err error) { return 0, ErrUnsupported }

// Enter is not supported on this system.
func Enter() error { return ErrUnsupported }

// Bind is not supported on this system.
func Bind(string, string) error { return ErrUnsupported }

// Unbind returns [ErrUnsupported].
func Unbind(string) error { return ErrUnsupported }
