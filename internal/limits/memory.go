package limits

import (
	"io/fs"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// softPercent is the part of a container's memory limit that becomes Go's soft limit. The rest is for memory that Go
// does not count (25 MiB of the program's file), and for allocations while a garbage collection runs: 12 MiB were seen
// in an attack.
const softPercent = 85

// Memory returns how much memory the process may use, in bytes, and 0 if nothing limits it. It sets Go's
// soft limit below the container's, unless there is one already (GOMEMLIMIT), which then counts if it is lower.
// root is the root of the file system.
func Memory(root fs.FS) int64 {
	container := containerLimit(root)
	soft := debug.SetMemoryLimit(-1)
	if soft == math.MaxInt64 {
		if container > 0 {
			debug.SetMemoryLimit(SoftLimit(container))
		}
		return container
	}
	set := soft / softPercent * 100 // the limit of a container for which one would set it
	if container > 0 {
		return min(set, container)
	}
	return set
}

// SoftLimit returns Go's soft limit for a container's memory limit, both in bytes.
func SoftLimit(container int64) int64 { return container / 100 * softPercent }

// containerLimit returns the lowest limit of the control groups that the process is in, 0 if there is none.
// A group is limited by those above it, too.
func containerLimit(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return 0
	}
	limit := int64(math.MaxInt64)
	for line := range strings.Lines(string(mounts)) {
		if m, ok := parseMount(line); ok {
			limit = min(limit, m.limit(root, string(groups)))
		}
	}
	if limit == math.MaxInt64 {
		return 0
	}
	return limit
}

// mount is a mounted hierarchy of control groups that can limit memory.
type mount struct {
	root, point string // the group that is mounted, and where
	unified     bool   // version 2
}

// parseMount reads a line of mountinfo: ID, parent, device, root, mount point, options and optional fields, a
// dash, type, source and options of the file system (proc(5)).
func parseMount(line string) (m mount, ok bool) {
	before, after, _ := strings.Cut(line, " - ")
	place, fileSystem := strings.Fields(before), strings.Fields(after)
	if len(place) < 5 || len(fileSystem) < 3 {
		return m, false
	}
	m = mount{root: place[3], point: place[4], unified: fileSystem[0] == "cgroup2"}
	return m, m.unified || fileSystem[0] == "cgroup" && hasWord(fileSystem[2], "memory")
}

func hasWord(list, word string) bool { return strings.Contains(","+list+",", ","+word+",") }

// limit returns the lowest limit from the process's group up to the one that is mounted.
func (m mount) limit(root fs.FS, groups string) int64 {
	limit, file := int64(math.MaxInt64), "memory.limit_in_bytes"
	if m.unified {
		file = "memory.max"
	}
	group := m.group(groups)
	for {
		text, err := fs.ReadFile(root, strings.TrimPrefix(path.Join(m.point, group, file), "/"))
		if err == nil {
			limit = min(limit, parseLimit(string(text)))
		}
		if group == "/" {
			return limit
		}
		group = path.Dir(group)
	}
}

// group returns the process's group below the mount point. Lines of /proc/self/cgroup have a number, the
// controllers (none for version 2), and the group. In a container the group may be one that is not mounted; then
// the mounted one is its own.
func (m mount) group(groups string) string {
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 || m.unified != (fields[1] == "") || !m.unified && !hasWord(fields[1], "memory") {
			continue
		}
		if below, ok := strings.CutPrefix(path.Clean(fields[2]), strings.TrimSuffix(m.root, "/")); ok {
			return path.Join("/", below)
		}
	}
	return "/"
}

// unlimited is the least number that version 1 writes for no limit: the highest that is a multiple of a page,
// of 64 KiB at most.
const unlimited = math.MaxInt64 &^ (64<<10 - 1)

func parseLimit(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 || n >= unlimited { // also "max"
		return math.MaxInt64
	}
	return n
}
