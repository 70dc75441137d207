package tools

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Pinned returns the value of a variable of tools.mk in root: the version of a tool.
func Pinned(root, variable string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "tools.mk"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, " := "); found && name == variable {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("tools.mk does not set %s", variable)
}
