package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/corsd/corsd/test/demo/lab"
)

// checkLab checks that Envoy serves all files of the lab's page, and that corsd explains a
// request to the API.
func checkLab(ctx context.Context, l *lab.Lab) error {
	var errs []error
	for _, path := range lab.Assets() {
		errs = append(errs, fetch(ctx, l, l.Origins.Page+path))
	}
	errs = append(errs, fetch(ctx, l, l.Origins.API+"/articles/7?run=demo"))
	l.Exchanges(ctx, "demo") // waits until Envoy has reported the request
	errs = append(errs, fetch(ctx, l, l.Origins.Page+"/explanation?of=demo&n=0"))
	l.NewEntries() // these lines of the access log are not to be shown
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the lab's page: %w", err)
	}
	return nil
}

// fetch requests a URL from Envoy, as the page. It connects to Envoy's address, because some
// machines do not resolve names below localhost.
func fetch(ctx context.Context, l *lab.Lab, url string) error {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, l.Envoy.Address)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Origin", l.Origins.Page)
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case answer.StatusCode != http.StatusOK || len(body) == 0:
		return fmt.Errorf("%s: %s, with %d bytes", url, answer.Status, len(body))
	}
	return nil
}

// ofPage reports whether a line of Envoy's access log is about the lab's page itself, which polls.
func ofPage(l *lab.Lab, entry string) bool {
	host, _ := strings.CutPrefix(l.Origins.Page, "http://")
	return strings.Contains(entry, " "+host+"/")
}
