package config

import (
	"path/filepath"
	"strings"
)

// complete fills in what depends on the environment or on other settings, and makes paths absolute.
func (l *loader) complete(c *Config) {
	if c.DataDir == "" {
		c.DataDir = l.stateDir()
	}
	for _, p := range []struct {
		key  string
		path *string
	}{
		{"data_dir", &c.DataDir}, {"storage_root", &c.StorageRoot},
		{"tls.cert_file", &c.TLS.CertFile}, {"tls.key_file", &c.TLS.KeyFile},
	} {
		l.absolute(p.key, p.path)
	}
	l.ledger(c)
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
	l.reject("data_dir", "is not set, and there is no HOME to put it under: want a path")
	return ""
}

func (l *loader) ledger(c *Config) {
	path, sqlite := strings.CutPrefix(c.LedgerURL.Reveal(), "sqlite:")
	switch {
	case c.LedgerURL == "" && c.DataDir != "":
		c.LedgerURL = DSN("sqlite:" + filepath.Join(c.DataDir, "ledger.db"))
	case sqlite:
		l.absolute("ledger_url", &path)
		c.LedgerURL = DSN("sqlite:" + path)
	}
}

func (l *loader) absolute(key string, path *string) {
	if *path == "" {
		return
	}
	abs, err := filepath.Abs(expand(*path, l.environ))
	if err != nil {
		l.reject(key, "%v", err)
		return
	}
	*path = abs
}

// expand replaces a leading "~/", which no shell has seen in a file.
func expand(path string, environ []string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if home := variable(environ, "HOME"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	return path
}

// source is where an account's token comes from when nothing says so.
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
