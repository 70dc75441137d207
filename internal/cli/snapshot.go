package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// checkSnapshot refuses a path at which the snapshot would be read as a policy, or would replace
// something that is not a snapshot.
func checkSnapshot(path string, policies []string) error {
	if path == "" {
		return nil
	}
	if filepath.Ext(path) == ".json" {
		return usagef("--snapshot %s: a snapshot is YAML: write a name that ends in .yaml", path)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return usagef("--snapshot %s is not a regular file: write the path of a file, such as %s", path,
			filepath.Join(path, "snapshot.yaml"))
	}
	place := placeOf(path)
	isPlace := func(file string) bool { return placeOf(file) == place || resolved(file) == place }
	if slices.ContainsFunc(policyfile.List(policies), isPlace) {
		return usagef("--snapshot %s is a file of --policy, which corsd would replace: write another path", path)
	}
	for _, dir := range policies {
		if within(place, placeOf(dir)) || within(place, resolved(dir)) {
			return usagef("--snapshot %s is in the policy directory %s, and would be read as a policy: "+
				"write a path outside of it", path, dir)
		}
	}
	return nil
}

// placeOf returns the absolute path of a directory entry, without links in the directories above. The
// entry itself may be a link.
func placeOf(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		absolute = path
	}
	return filepath.Join(resolved(filepath.Dir(absolute)), filepath.Base(absolute))
}

// resolved returns the absolute path that a path leads to. The last parts of it may not exist.
func resolved(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if target, err := filepath.EvalSymlinks(path); err == nil || path == filepath.Dir(path) {
		return target
	}
	return filepath.Join(resolved(filepath.Dir(path)), filepath.Base(path))
}

// within reports whether a path is a directory or below it.
func within(path, dir string) bool {
	below, err := filepath.Rel(dir, path)
	return err == nil && below != ".." && !strings.HasPrefix(below, ".."+string(filepath.Separator))
}
