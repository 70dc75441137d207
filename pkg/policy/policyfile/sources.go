package policyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// source is one file: its bytes, or the fault that kept them from being read.
type source struct {
	name  string
	data  []byte
	fault *spec.Diagnostic

	// entry is the entry of a ConfigMap in this file that has the data, nil if the data is the file.
	entry *entry
	// rendered reports that the documents of others are skipped.
	rendered bool
}

func (s *source) isJSON() bool {
	if s.entry != nil {
		return filepath.Ext(s.entry.key) == ".json"
	}
	return filepath.Ext(s.name) == ".json"
}

func unreadable(name string, err error) *source {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the diagnostic has the name
	}
	return &source{name: name, fault: &spec.Diagnostic{
		Location: inFile(name, position{}), Code: spec.CodeSourceUnreadable, Message: "cannot be read: " + err.Error(),
		Hint: unreadableHint(err),
	}}
}

func unreadableHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "a file or directory that is there"
	case errors.Is(err, fs.ErrPermission):
		return "one that the user may read whom corsd runs as"
	case errors.Is(err, errNotRegular):
		return "a regular file, or a directory of them"
	}
	return "another file"
}

func beyond(name, what, hint string) *source {
	return &source{name: name, fault: &spec.Diagnostic{
		Location: inFile(name, position{}), Code: spec.CodeLimitExceeded, Message: what, Hint: hint,
	}}
}

func tooLarge(name string, most int64) *source {
	return beyond(name, fmt.Sprintf("more than %s bytes in one file", count(int(most))), "several files")
}

// list returns the files that paths stand for, in the order of their names, each
// once. A path that cannot be read has its fault already.
func (l limits) list(paths []string) []*source {
	found := l.sources(paths)
	slices.SortStableFunc(found, func(a, b *source) int { return strings.Compare(a.name, b.name) })
	return once(found)
}

// sources names the files as paths do, in any order.
func (l limits) sources(paths []string) []*source {
	var found []*source
	for _, path := range paths {
		found = append(found, l.listPath(filepath.Clean(path))...)
	}
	return found
}

func (l limits) listPath(path string) []*source {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return []*source{unreadable(path, err)}
	case !info.IsDir():
		return []*source{{name: path}}
	}
	names, err := l.listDirectory(path)
	if err != nil {
		return []*source{unreadable(path, err)}
	}
	if len(names) > l.files {
		return []*source{beyond(path, fmt.Sprintf("more than %s files in one directory", count(l.files)),
			"fewer files, of several documents each")}
	}
	var found []*source
	for _, name := range names {
		found = append(found, &source{name: filepath.Join(path, name)})
	}
	return found
}

// listDirectory returns the names of policy files in a directory, or l.files+1 of
// them. Entries are fetched in portions: a directory may hold millions of others.
func (l limits) listDirectory(path string) ([]string, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var names []string
	for len(names) <= l.files {
		entries, err := dir.ReadDir(256)
		for _, e := range entries {
			if isPolicyFile(path, e) {
				names = append(names, e.Name())
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return names[:min(len(names), l.files+1)], nil
}

// isPolicyFile reports whether an entry is to be read. Links to files are: a mounted ConfigMap
// consists of them. The hidden directories (..data) that they lead into are not. A link that leads
// nowhere is, so that it is reported and not overlooked.
func isPolicyFile(dir string, e fs.DirEntry) bool {
	if strings.HasPrefix(e.Name(), ".") {
		return false
	}
	switch filepath.Ext(e.Name()) {
	case ".yaml", ".yml", ".json":
	default:
		return false
	}
	if e.Type()&fs.ModeSymlink == 0 {
		return !e.IsDir()
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	return err != nil || !info.IsDir()
}

// once drops files that were named before, be it by another path or a link. A file whose
// links cannot be followed is unreadable: it may be one that was named before.
func once(sources []*source) []*source {
	seen := map[string]bool{}
	return slices.DeleteFunc(sources, func(s *source) bool {
		id, err := identity(s.name)
		if err != nil && s.fault == nil {
			*s = *unreadable(s.name, err)
		}
		if seen[id] {
			return true
		}
		seen[id] = true
		return false
	})
}

// identity is the same for all names of a file, unless there is an error.
func identity(name string) (string, error) {
	resolved, err := filepath.EvalSymlinks(name)
	if err != nil {
		resolved = name
	}
	absolute, failed := filepath.Abs(resolved)
	if failed != nil {
		absolute = resolved
	}
	return absolute, errors.Join(err, failed)
}

// read fills in the bytes of a file, or its fault.
func (s *source) read(most int64) {
	data, err := readRegular(s.name, most+1)
	switch {
	case err != nil:
		*s = *unreadable(s.name, err)
	case int64(len(data)) > most:
		*s = *tooLarge(s.name, most)
	default:
		s.data = data
	}
}

var errNotRegular = errors.New("not a regular file")

// readRegular reads at most so many bytes of a regular file. Anything else is
// refused: opening a FIFO or a device may block for ever or have effects. The kind is checked
// before opening and after, since a path may be replaced between the two; O_NONBLOCK is for that
// moment.
func readRegular(name string, most int64) ([]byte, error) {
	if info, err := os.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	var b bytes.Buffer
	b.Grow(int(min(info.Size(), most)) + bytes.MinRead) // with room to find its end
	_, err = b.ReadFrom(io.LimitReader(file, most))
	return b.Bytes(), err
}
