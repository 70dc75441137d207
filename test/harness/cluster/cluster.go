package cluster

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/corsd/corsd/test/harness/process"
)

// Cluster is an etcd and a kube-apiserver. Its Client may do everything.
type Cluster struct {
	*Client

	binaries     Binaries
	dir          string
	etcd, server *process.Process

	etcdAddress, peerAddress string // URLs
	port                     string // of the API server
}

// Start starts etcd and kube-apiserver on free ports of 127.0.0.1 with an empty store, and returns when the API server
// is ready. If that fails, Start ends both.
func Start(ctx context.Context, b Binaries) (_ *Cluster, err error) {
	dir, err := os.MkdirTemp("", "corsd-cluster-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{binaries: b, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	if err := c.choosePorts(); err != nil {
		return nil, err
	}
	if err := c.writeKey(); err != nil {
		return nil, err
	}
	token := rand.Text()
	if err := os.WriteFile(c.file("tokens.csv"), []byte(token+",admin,admin,system:masters\n"), 0o600); err != nil {
		return nil, err
	}
	if c.Client, err = c.newClient("admin", token); err != nil {
		return nil, err
	}
	if err := c.startEtcd(ctx); err != nil {
		return nil, err
	}
	return c, c.StartServer(ctx)
}

// Stop ends both programs, and removes everything that they have stored.
func (c *Cluster) Stop() error {
	var errs []error
	for _, p := range []*process.Process{c.server, c.etcd} {
		if p != nil {
			p.Kill() // nothing of what it stores is needed any more
		}
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}

// Logs returns what the programs have printed since they were last started.
func (c *Cluster) Logs() string {
	var text string
	if c.etcd != nil {
		text += "--- etcd\n" + c.etcd.Output()
	}
	if c.server != nil {
		text += "--- kube-apiserver\n" + c.server.Output()
	}
	return text
}

// KillServer kills the API server. Its clients lose their connections. What it has stored stays in etcd.
func (c *Cluster) KillServer() { c.server.Kill() }

// StartServer starts the API server again, at the same address and with the same certificate, and returns when it is
// ready.
func (c *Cluster) StartServer(ctx context.Context) (err error) {
	c.server, err = process.Start(context.WithoutCancel(ctx), c.binaries.APIServer,
		"--etcd-servers", c.etcdAddress,
		"--bind-address", "127.0.0.1",
		"--secure-port", c.port,
		"--cert-dir", c.file("certificates"), // it writes a certificate there if there is none
		// No client uses the address, but there must be one, and a loopback address is refused.
		"--advertise-address", "192.0.2.1",
		"--endpoint-reconciler-type", "none",
		"--service-cluster-ip-range", "10.96.0.0/16",
		"--service-account-issuer", "https://kubernetes.default.svc",
		"--service-account-key-file", c.file("sa.key"),
		"--service-account-signing-key-file", c.file("sa.key"),
		"--authorization-mode", "RBAC",
		"--token-auth-file", c.file("tokens.csv"),
		"--anonymous-auth=false",
		// Pods would need a ServiceAccount that a controller makes.
		"--disable-admission-plugins", "ServiceAccount",
	)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	err = c.server.Await(ctx, func(ctx context.Context) error {
		time.Sleep(200 * time.Millisecond) // each attempt starts kubectl
		_, err := c.Kubectl(ctx, "", "get", "--raw", "/readyz")
		return err
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, c.Logs())
	}
	return nil
}

func (c *Cluster) startEtcd(ctx context.Context) (err error) {
	c.etcd, err = process.Start(context.WithoutCancel(ctx), c.binaries.Etcd,
		"--data-dir", c.file("etcd"), "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", c.etcdAddress, "--advertise-client-urls", c.etcdAddress,
		"--listen-peer-urls", c.peerAddress, "--initial-advertise-peer-urls", c.peerAddress,
		"--initial-cluster", "default="+c.peerAddress,
	)
	return err
}

func (c *Cluster) file(name string) string { return filepath.Join(c.dir, name) }

// choosePorts sets three free ports. They stay the same when the API server is started again.
func (c *Cluster) choosePorts() error {
	var ports [3]string
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close() // after all three are chosen, so that they differ
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
	}
	c.etcdAddress, c.peerAddress, c.port = "http://127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1], ports[2]
	return nil
}

// writeKey writes the key that signs the tokens of ServiceAccounts.
func (c *Cluster) writeKey() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return os.WriteFile(c.file("sa.key"), text, 0o600)
}
