// Command licences copies the licences of everything that is linked into a binary, for an
// image that is given to others:
//
//	licences DIRECTORY [FLAGS OF go list] PACKAGE
//
// It writes DIRECTORY/MODULE/FILE, for Go itself DIRECTORY/go/FILE. A module without a licence
// is an error.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: licences DIRECTORY [FLAGS OF go list] PACKAGE")
		os.Exit(2)
	}
	if err := collect(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func collect(to string, args []string) error {
	goroot, err := output("env", "GOROOT")
	if err != nil {
		return err
	}
	root := strings.TrimSpace(goroot)
	if err := copyAll(to, source{module: "go", root: root, dirs: []string{root}}); err != nil {
		return err
	}
	const format = "{{if not .Standard}}{{.Module.Path}}\t{{.Module.Dir}}\t{{.Dir}}{{end}}"
	packages, err := output(append([]string{"list", "-deps", "-f", format}, args...)...)
	if err != nil {
		return err
	}
	modules := map[string]source{}
	for line := range strings.Lines(packages) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			return fmt.Errorf("go list wrote %q", line)
		}
		m := modules[fields[0]]
		m.module, m.root, m.dirs = fields[0], fields[1], append(m.dirs, fields[2])
		modules[fields[0]] = m
	}
	var errs []error
	for _, m := range modules {
		errs = append(errs, copyAll(to, m))
	}
	return errors.Join(errs...)
}

func output(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", args[0], err)
	}
	return string(out), nil
}

// source is a module, and the directories of its packages that are linked in.
type source struct {
	module, root string
	dirs         []string
}

// copyAll copies the licences of the module, and those that stand beside its packages or
// between them and its root: code of others is often kept in a directory of its own.
func copyAll(to string, m source) error {
	seen := map[string]bool{}
	licences := 0
	for _, dir := range append(m.dirs, m.root) {
		for ; !seen[dir] && strings.HasPrefix(dir, m.root); dir = filepath.Dir(dir) {
			seen[dir] = true
			names, err := legalFiles(dir)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(m.root, dir)
			if err != nil {
				return err
			}
			for _, name := range names {
				if err := copyFile(filepath.Join(to, m.module, relative, name), filepath.Join(dir, name)); err != nil {
					return err
				}
				if isLicence(name) {
					licences++
				}
			}
		}
	}
	if licences == 0 {
		return fmt.Errorf("module %s has no licence", m.module)
	}
	return nil
}

// legalFiles lists what has to be passed on: licences, and notices beside them.
func legalFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		isNotice := isLicence(name) || begins(name, "NOTICE", "PATENTS", "COPYRIGHT")
		if !e.IsDir() && filepath.Ext(name) != ".GO" && isNotice {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func isLicence(name string) bool {
	return begins(strings.ToUpper(name), "LICENSE", "LICENCE", "COPYING")
}

func begins(name string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(name, word) })
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
