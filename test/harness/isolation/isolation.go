// Package isolation runs the tests of a package in network and mount namespaces of their own. Programs that listen on
// fixed ports do not collide with others on the machine, and cannot be reached from outside. Addresses of pods are on
// the loopback device, since API servers refuse loopback addresses as endpoints.
package isolation

import (
	"errors"
	"net/netip"
	"os"
)

// variable is set in the environment of the process that is inside.
const variable = "CORSD_TEST_ISOLATED"

// ErrUnsupported is the error on systems without these namespaces.
var ErrUnsupported = errors.New("needs network and mount namespaces, which only Linux has")

// Pods is the network whose addresses can be listened on inside.
var Pods = netip.MustParsePrefix("10.244.0.0/16")

// Inside reports whether this process is in its own namespaces.
func Inside() bool { return os.Getenv(variable) != "" }
