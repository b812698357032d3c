package main

import (
	"context"
	"fmt"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// look opens the ledger alone, for commands that only read it or act on its rows.
func (a *app) look(ctx context.Context) (*stack, error) {
	cfg, err := a.settings()
	if err != nil {
		return nil, err
	}
	if err := makeDataDir(cfg.DataDir); err != nil {
		return nil, err
	}
	log := a.logger(cfg, true)
	l, err := openLedger(ctx, cfg, ledger.Options{Log: log})
	if err != nil {
		return nil, err
	}
	s := &stack{cfg: cfg, log: log, ledger: l, embedded: cfg.RedisURL == embedded}
	s.closeWith(func() { l.Close() })
	return s, nil
}

// openLedger opens the ledger of the settings, and names its file where that fails.
func openLedger(ctx context.Context, c config.Config, o ledger.Options) (*ledger.Ledger, error) {
	l, err := ledger.Open(ctx, c.LedgerURL.Reveal(), o)
	if path, isFile := sqlitePath(c); err != nil && isFile {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, err
}
