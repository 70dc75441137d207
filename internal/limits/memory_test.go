package limits

import (
	"io/fs"
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

// files is a file system of files and their texts.
func files(pairs ...string) fs.FS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

const (
	v1Mount = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
	v2Mount = "35 31 0:32 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup rw,nsdelegate\n"
)

func TestContainerLimit(t *testing.T) {
	const (
		mounts, group = "proc/self/mountinfo", "proc/self/cgroup"
		v1, v2        = "sys/fs/cgroup/memory/", "sys/fs/cgroup/"
	)
	for _, row := range []struct {
		why  string
		root fs.FS
		want int64
	}{
		{"not Linux", files(), 0},
		{"version 2", files(mounts, v2Mount, group, "0::/pod\n", v2+"pod/memory.max", "268435456\n"), 256 << 20},
		{"version 2 without a limit", files(mounts, v2Mount, group, "0::/pod\n", v2+"pod/memory.max", "max\n"), 0},
		{"version 2, a limit above", files(mounts, v2Mount, group, "0::/a/b\n",
			v2+"a/b/memory.max", "max\n", v2+"a/memory.max", "1000000\n"), 1000000},
		{"version 2, the lowest counts", files(mounts, v2Mount, group, "0::/a/b\n",
			v2+"a/b/memory.max", "2000000\n", v2+"a/memory.max", "1000000\n"), 1000000},
		{"version 2, in a namespace", files(mounts, v2Mount, group, "0::/\n", v2+"memory.max", "3000000\n"), 3000000},
		{"version 1", files(mounts, v1Mount, group, "4:memory:/pod\n0::/\n",
			v1+"pod/memory.limit_in_bytes", "4000000\n",
			v1+"memory.limit_in_bytes", "9223372036854771712\n"), 4000000},
		{"version 1 without a limit", files(mounts, v1Mount, group, "4:memory:/\n",
			v1+"memory.limit_in_bytes", "9223372036854771712\n"), 0},
		{
			"version 1 in a container, which sees its own group only",
			files(mounts, "35 31 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
				group, "4:memory:/docker/1\n",
				v1+"memory.limit_in_bytes", "5000000\n"), 5000000,
		},
		{"a group that is not below the mounted one", files(
			mounts, "35 31 0:32 /other /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
			group, "0::/pod\n", v2+"memory.max", "6000000\n"), 6000000},
		{"both versions, memory in one", files(
			mounts, v1Mount+"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			group, "4:memory:/pod\n0::/\n", v1+"pod/memory.limit_in_bytes", "7000000\n"), 7000000},
		{"nonsense", files(mounts, "a b c\n\n-\n - \n"+v2Mount, group, "x\n0::/pod\n", v2+"pod/memory.max", "-5\n"), 0},
	} {
		t.Run(row.why, func(t *testing.T) {
			if got := containerLimit(row.root); got != row.want {
				t.Errorf("%d, want %d", got, row.want)
			}
		})
	}
}

func TestMemoryAndGOMEMLIMIT(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	limited := files("proc/self/mountinfo", v2Mount, "proc/self/cgroup", "0::/\n",
		"sys/fs/cgroup/memory.max", "100000000\n")
	for _, row := range []struct {
		why        string
		root       fs.FS
		set        int64 // by GOMEMLIMIT
		want, soft int64
	}{
		{"a container's limit leaves some", limited, math.MaxInt64, 100e6, 85e6},
		{"none, none", files(), math.MaxInt64, 0, math.MaxInt64},
		{"GOMEMLIMIT stays", limited, 42.5e6, 50e6, 42.5e6},
		{"GOMEMLIMIT stays, be it too high", limited, 450e6, 100e6, 450e6},
		{"GOMEMLIMIT alone", files(), 85e6, 100e6, 85e6},
	} {
		debug.SetMemoryLimit(row.set)
		got := Memory(row.root)
		if soft := debug.SetMemoryLimit(-1); got != row.want || soft != row.soft {
			t.Errorf("%s: %d with a soft limit of %d, want %d and %d", row.why, got, soft, row.want, row.soft)
		}
	}
}
