package browser_test

import (
	"io"
	"net"
	"testing"

	"golang.org/x/net/proxy"

	"github.com/corsd/corsd/test/harness/browser"
)

// greeter starts a server that sends its name to every client.
func greeter(t *testing.T, name string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, name)
			c.Close()
		}
	}()
	return l.Addr().String()
}

func TestNames(t *testing.T) {
	names, err := browser.NewNames()
	if err != nil {
		t.Fatal(err)
	}
	defer names.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	names.Lead("*.example:443", greeter(t, "any"))
	names.Lead("*.shop.example:443", greeter(t, "shop"))
	names.Lead("www.shop.example:443", greeter(t, "www"))
	names.Lead("10.0.0.1:443", greeter(t, "an address"))
	names.Lead("gone.example:443", gone.Addr().String())
	dialer, err := proxy.SOCKS5("tcp", names.Address(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, to, want string }{
		{"a name of its own", "www.shop.example:443", "www"},
		{"below another", "api.shop.example:443", "shop"},
		{"far below", "a.b.shop.example:443", "shop"},
		{"the other itself is not below it", "shop.example:443", "any"},
		{"an IPv4 address", "10.0.0.1:443", "an address"},
		{"another port leads nowhere", "www.shop.example:80", ""},
		{"what nobody has named leads nowhere", "www.shop.test:443", ""},
		{"where nobody listens", "gone.example:443", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := dialer.Dial("tcp", tt.to)
			if err != nil {
				if tt.want != "" {
					t.Error(err)
				}
				return
			}
			defer c.Close()
			got, err := io.ReadAll(c)
			if err != nil || string(got) != tt.want {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
