package config

import (
	"path/filepath"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// complete fills in the defaults that depend on the environment or on other settings.
func (l *loader) complete(c *Config) {
	if c.DataDir == "" {
		c.DataDir = l.stateDir()
	}
	path, sqlite := strings.CutPrefix(c.LedgerURL.Reveal(), "sqlite:")
	if c.LedgerURL == "" && c.DataDir != "" {
		path, sqlite = filepath.Join(c.DataDir, "ledger.db"), true
	}
	if sqlite {
		abs, err := filepath.Abs(expand(path, l.environ))
		if err != nil {
			l.reject("ledger_url", err)
		}
		c.LedgerURL = DSN("sqlite:" + abs)
	}
	for name, a := range c.Accounts {
		if a.Token == "" {
			a.Token = a.source()
			c.Accounts[name] = a
		}
	}
}

// stateDir follows the XDG base directories, whose paths must be absolute.
func (l *loader) stateDir() string {
	if dir := variable(l.environ, "XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "mediaferry")
	}
	if home := variable(l.environ, "HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "mediaferry")
	}
	l.reject("data_dir", tasks.Textf("is not set, and there is no HOME to put it under: want a path"))
	return ""
}

// expand replaces a leading "~/", which no shell has seen in a file.
func expand(path string, environ []string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if home := variable(environ, "HOME"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	return path
}

// source returns where an account's token comes from if nothing says so.
func (a Account) source() string {
	switch {
	case a.AccessToken != "":
		return TokenStatic
	case a.TokenURL != "":
		return TokenURL
	case len(a.TokenCommand) > 0:
		return TokenCommand
	}
	return TokenStable
}
