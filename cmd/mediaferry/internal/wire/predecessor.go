package wire

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// workerFile of the data dir names the process that works on it, or did so last.
const workerFile = "worker.name"

// takeOver begins again what the process before this one on the same data dir had begun. This process has locked the
// data dir, so that one is dead, and its leases need not run out first. A ledger outside the data dir may be shared: there
// takeOver does nothing.
func (s *Stack) takeOver(ctx context.Context) error {
	if !OwnLedger(s.Config) {
		return nil
	}
	path := filepath.Join(s.Config.DataDir, workerFile)
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read who worked here before: %w", err)
	}
	if name := strings.TrimSpace(string(before)); name != "" {
		n, err := s.Ledger.Abandon(ctx, name)
		if err != nil {
			return fmt.Errorf("take over: %w", err)
		}
		if n > 0 {
			s.Log.Warn("the process that worked here before did not end in good order: what it had begun is begun again", "process", name, "uploads", n)
		}
	}
	if err := os.WriteFile(path, []byte(s.Name+"\n"), 0o600); err != nil {
		return fmt.Errorf("write who works here: %w", err)
	}
	return nil
}

// processName names this process among all that ever use a ledger, for people to read.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
}
