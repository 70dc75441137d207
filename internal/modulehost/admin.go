package modulehost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/corsd/corsd/internal/admin"
)

// adminPort serves probes about the policies that were opened last with its address: when Envoy gets another
// configuration, those of the old one are still open.
type adminPort struct {
	server adminServer
	latest atomic.Pointer[Policies]
	users  int
}

// shared shares its address with other processes of the same user: at a hot restart, the old Envoy still has it.
var shared = net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(err, failed)
}}

// checkAdmin refuses addresses that others than this machine could reach: they are not asked who they are.
func checkAdmin(address string) error {
	const want = "write a loopback address such as 127.0.0.1:9092"
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("admin is %q: %w; %s", address, err, want)
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return fmt.Errorf("admin is %q; %s", address, want)
	}
	return nil
}

// openAdmin serves the pages of p at its address. The caller holds h.mu.
func (h *Host) openAdmin(p *Policies) error {
	port := h.admins[p.admin]
	if port == nil {
		listener, err := shared.Listen(context.Background(), "tcp", p.admin)
		if err != nil {
			return fmt.Errorf("admin: %w", err)
		}
		port = &adminPort{}
		port.server = adminServer{listener: listener, logger: h.logger, handler: admin.Handler(admin.Options{
			Policies: func() admin.Policies { return port.latest.Load() }, Stopping: func() bool { return false },
		})}
		h.admins[p.admin] = port
	}
	port.latest.Store(p)
	if port.users++; port.users == 1 {
		go port.server.serve()
		h.logger.Info("admin is listening", "address", port.server.listener.Addr().String())
	}
	return nil
}

// closeAdmin ends what openAdmin began. The caller holds h.mu.
func (h *Host) closeAdmin(p *Policies) {
	port := h.admins[p.admin]
	if port == nil {
		return
	}
	if port.users--; port.users == 0 {
		delete(h.admins, p.admin)
		_ = port.server.listener.Close() // connections end with their page
	}
}
