package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/corsd/corsd/internal/telemetry"
)

// Set by the linker, in released binaries and in images, which are built without
// the repository.
var version, revision = "", ""

// build describes this binary.
type build struct{ version, revision, goVersion string }

func buildInfo() build {
	b := build{version: version, revision: revision, goVersion: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.version = cmp.Or(b.version, info.Main.Version)
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.revision = cmp.Or(b.revision, s.Value)
			}
		}
	}
	b.revision = cmp.Or(b.revision, "unknown")
	return b
}

func (b build) String() string {
	return fmt.Sprintf("%s (revision %s, %s, %s/%s)", b.version, b.revision, b.goVersion, runtime.GOOS, runtime.GOARCH)
}

func newVersion(std Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this binary",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return printVersion(std) },
	}
}

func printVersion(std Stdio) error {
	_, err := fmt.Fprintf(std.Out, "corsd %s\n", buildInfo())
	return err
}

// labels returns the labels of corsd_build_info.
func (b build) labels() telemetry.Build {
	return telemetry.Build{Version: b.version, Revision: b.revision, GoVersion: b.goVersion}
}
