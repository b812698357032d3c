package fleet

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/clock"
)

// Build builds mediaferry into dir, as it is released or with a clock that can be set, and returns its path.
func Build(ctx context.Context, dir string, clocks bool) (string, error) {
	_, here, _, _ := runtime.Caller(0)
	binary := filepath.Join(dir, "mediaferry")
	args := []string{"build", "-o", binary}
	if clocks {
		file, err := clock.Overlay(dir)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", file)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/mediaferry/mediaferry/cmd/mediaferry")...)
	if module := filepath.Dir(here); filepath.IsAbs(module) {
		if _, err := os.Stat(module); err == nil {
			cmd.Dir = module
		}
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	text, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build mediaferry (or name one with -mediaferry): %w\n%s", err, text)
	}
	return binary, nil
}
