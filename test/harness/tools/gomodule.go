package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program is a program that `go install` refuses to build, because the go.mod of its module replaces other modules by
// directories of the source tree.
type Program struct {
	// Module has the package of the program.
	Module, Version, Package string

	// Parts is the version at which those other modules are published, "" if the go.mod requires them at that version.
	Parts string

	// Require has further requirements, "path version", for a module that requires versions which cannot be downloaded.
	Require []string

	// LDFlags are flags for the linker.
	LDFlags string
}

// Build builds the program into a file. It needs the Go module proxy, unless the modules are in Go's cache. The go.sum
// is that of the program's module, so the dependencies are those with which the program was released.
func (p Program) Build(ctx context.Context, file string) error {
	scratch, err := os.MkdirTemp("", "corsd-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	source, err := p.download(ctx, scratch)
	if err != nil {
		return err
	}
	if err := p.writeModule(ctx, source, scratch); err != nil {
		return err
	}
	_, err = goCommand(ctx, scratch, "build", "-mod=mod", "-trimpath", "-ldflags", p.LDFlags, "-o", file, p.Package)
	return err
}

// download returns the directory of the module's source.
func (p Program) download(ctx context.Context, scratch string) (string, error) {
	out, err := goCommand(ctx, scratch, "mod", "download", "-json", p.Module+"@"+p.Version)
	var downloaded struct{ Dir, Error string }
	if decoded := json.Unmarshal(out, &downloaded); decoded == nil && downloaded.Error != "" {
		return "", errors.New(downloaded.Error)
	}
	return downloaded.Dir, err
}

// writeModule writes the go.mod and go.sum of a module that requires only the program's module.
func (p Program) writeModule(ctx context.Context, source, scratch string) error {
	out, err := goCommand(ctx, source, "mod", "edit", "-json")
	if err != nil {
		return err
	}
	var parsed struct {
		Go      string
		Godebug []struct{ Key, Value string }
		Replace []struct {
			Old, New struct{ Path, Version string }
		}
	}
	if err := json.Unmarshal(out, &parsed); err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "module scratch\n\ngo %s\n\nrequire %s %s\n", parsed.Go, p.Module, p.Version)
	for _, r := range p.Require {
		fmt.Fprintf(&text, "require %s\n", r)
	}
	for _, setting := range parsed.Godebug {
		fmt.Fprintf(&text, "godebug %s=%s\n", setting.Key, setting.Value)
	}
	for _, r := range parsed.Replace {
		switch {
		case r.New.Version != "":
			fmt.Fprintf(&text, "replace %s %s => %s %s\n", r.Old.Path, r.Old.Version, r.New.Path, r.New.Version)
		case p.Parts != "":
			fmt.Fprintf(&text, "replace %s => %s %s\n", r.Old.Path, r.Old.Path, p.Parts)
		}
	}
	if err := os.WriteFile(filepath.Join(scratch, "go.mod"), []byte(text.String()), 0o644); err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(scratch, "go.sum"), sums, 0o644)
}

// goCommand runs the go command in dir, with low priority: a large build would delay what else runs here.
func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	command := append([]string{"go"}, args...)
	if nice, err := exec.LookPath("nice"); err == nil {
		command = append([]string{nice, "-n", "15"}, command...)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("go %s: %w\n%s", args[0], err, errors.String())
	}
	return out, nil
}
