package wire

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// OpenLedger opens the ledger alone, for commands that only read it or act on its rows.
func OpenLedger(ctx context.Context, c config.Config, log *slog.Logger) (*Stack, error) {
	if err := MakeDataDir(c.DataDir); err != nil {
		return nil, err
	}
	s := New(c, log)
	if err := s.OpenLedger(ctx, ledger.Options{Log: log}); err != nil {
		return nil, err
	}
	return s, nil
}

// OpenLedger opens the ledger of the settings. An error names the ledger's file.
func (s *Stack) OpenLedger(ctx context.Context, o ledger.Options) error {
	l, err := ledger.Open(ctx, s.Config.Ledger(), o)
	if path, isFile := LedgerFile(s.Config); err != nil && isFile {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err != nil {
		return tasks.Textf("%w: see ledger_url (MEDIAFERRY_LEDGER_URL)", err)
	}
	s.Ledger = l
	s.closeWith(func() { l.Close() })
	return nil
}

// OwnLedger reports whether the ledger is the data dir's own file. Who has locked the data dir is alone with it then.
func OwnLedger(c config.Config) bool {
	return c.RedisURL == config.Embedded && c.LedgerURL.Reveal() == "sqlite:"+filepath.Join(c.DataDir, "ledger.db")
}

// LedgerFile returns the path of a SQLite ledger. It returns false for any other.
func LedgerFile(c config.Config) (path string, isFile bool) {
	path, isFile = strings.CutPrefix(c.LedgerURL.Reveal(), "sqlite:")
	if !isFile || path == "" {
		return "", false
	}
	return filepath.Clean(path), true
}
