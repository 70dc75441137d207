package policyfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Bounds of the search for directories that are not read.
const (
	maxIgnored        = 100    // directories that are reported
	maxIgnoredEntries = 10_000 // entries that are looked at, of all directories
)

// ignoredDirectories warns of the directories with policy files that stand in a directory that paths
// name: they are not read, and someone may think that they are.
func ignoredDirectories(paths []string) []spec.Diagnostic {
	s := ignoredSearch{left: maxIgnoredEntries}
	for _, path := range paths {
		s.named = append(s.named, filepath.Clean(path))
	}
	for _, path := range s.named {
		s.directory(path)
	}
	return s.found
}

type ignoredSearch struct {
	named []string
	left  int // entries that may still be looked at
	found []spec.Diagnostic
}

// directory looks at the directories in one that is named. One that cannot be read is a fault already.
func (s *ignoredSearch) directory(path string) {
	for _, e := range s.entries(path) {
		below := filepath.Join(path, e.Name())
		if e.Type().IsRegular() || strings.HasPrefix(e.Name(), ".") || slices.Contains(s.named, below) ||
			len(s.found) == maxIgnored {
			continue
		}
		isFile := func(e fs.DirEntry) bool { return isPolicyFile(below, e) }
		if isDirectory(below) && slices.ContainsFunc(s.entries(below), isFile) {
			s.found = append(s.found, spec.Diagnostic{
				Code: spec.CodeDirectoryIgnored, Location: inFile(below, position{}),
				Message: "has policy files that are not read: of a directory only its own files are",
				Hint:    "name " + below + " too",
			})
		}
	}
}

// entries returns the entries of a directory, as many as may still be looked at, and none if path is
// not a directory that can be read.
func (s *ignoredSearch) entries(path string) []fs.DirEntry {
	if s.left == 0 || !isDirectory(path) {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer dir.Close()
	list, err := dir.ReadDir(s.left)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	s.left -= len(list)
	return list
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
