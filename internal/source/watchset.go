package source

import (
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// watchSet is the set of directories that show every change of some paths:
// watching a file does not show that another was renamed over it, or that a ConfigMap's ..data
// leads elsewhere. It has all directories above, since any may be renamed, or removed and created
// again.
type watchSet struct {
	dirs  map[string]bool // that exist
	whole map[string]bool // directories of which every entry matters
	names map[string]bool // entries of the other directories that matter
}

func watchSetOf(paths []string) watchSet {
	w := watchSet{dirs: map[string]bool{}, whole: map[string]bool{}, names: map[string]bool{}}
	for _, path := range paths {
		if absolute, err := filepath.Abs(path); err == nil {
			w.add(absolute, maxLinks)
		}
	}
	return w
}

// maxLinks bounds the links that are followed, as operating systems do.
const maxLinks = 40

// add adds a path, the directories above it, and the same for each link on the way.
func (w *watchSet) add(path string, links int) {
	if isDir(path) {
		w.whole[path], w.dirs[path] = true, true
	} else {
		w.whole[filepath.Dir(path)] = true // ..data, and files that are renamed over this one, are beside it
	}
	for p := path; p != filepath.Dir(p) && !w.names[p]; p = filepath.Dir(p) {
		w.names[p] = true
		if isDir(filepath.Dir(p)) {
			w.dirs[filepath.Dir(p)] = true
		}
		target, err := os.Readlink(p)
		if err != nil || links == 0 {
			continue
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(p), target)
		}
		w.add(filepath.Join(target, path[len(p):]), links-1)
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// matters reports whether an event may be about the paths.
func (w *watchSet) matters(event fsnotify.Event) bool {
	return w.names[event.Name] || w.whole[filepath.Dir(event.Name)]
}
