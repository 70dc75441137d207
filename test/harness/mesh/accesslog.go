package mesh

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Entry is a line of Envoy's access log, as the configurations of deploy/ format it.
type Entry string

// untilOrigin matches an Entry up to the client's Origin, which may contain anything.
var untilOrigin = regexp.MustCompile(`^\S+ \S+ \d+ \S+ cors=\S+ reason=(\S+) policy=\S* rule=\S* origin=`)

// Reason returns corsd's reason, "-" if corsd was not called.
func (e Entry) Reason() string { return untilOrigin.FindStringSubmatch(string(e))[1] }

// NextEntry returns the next line of the access log. Envoy writes one for each request, after its
// end.
func (m *Mesh) NextEntry(ctx context.Context) (Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := m.Envoy.Await(ctx, func(context.Context) error {
		if len(m.entries()) <= m.returned {
			return errors.New("no entry in the access log")
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("after %d entries: %w", m.returned, err)
	}
	m.returned++
	return m.entries()[m.returned-1], nil
}

// NewEntries returns the lines of the access log that neither NextEntry nor NewEntries has returned
// before.
func (m *Mesh) NewEntries() []Entry {
	entries := m.entries()[m.returned:]
	m.returned += len(entries)
	return entries
}

func (m *Mesh) entries() []Entry {
	var entries []Entry
	for _, line := range m.Envoy.Lines() {
		if untilOrigin.MatchString(line) {
			entries = append(entries, Entry(line))
		}
	}
	return entries
}
