package config

import (
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// Check reports what a subcommand ("run", "worker", "serve", "upload", …) still needs, in one tasks.Invalid error.
// Commands that it does not know need nothing more.
func (c Config) Check(command string) error {
	var bad []error
	works := command == "run" || command == "worker"
	if (works || command == "serve") && c.StorageRoot == "" && len(c.S3.Buckets) == 0 {
		bad = append(bad, tasks.Textf("storage_root: is not set; %s wants to be told which folder sources may come from (%sSTORAGE_ROOT), or s3.buckets", command, prefix))
	}
	if command == "upload" && c.RedisURL == Embedded {
		works = true
	}
	if (works || command == "serve") && c.Shared() && c.TokenKey == "" {
		bad = append(bad, tasks.Textf(NoTokenKey))
	}
	if works && len(c.Accounts) == 0 {
		bad = append(bad, tasks.Textf("accounts: there is none; want %[1]sWECHAT_APPID and %[1]sWECHAT_SECRET, or accounts in the settings file", prefix))
	}
	return invalid(bad)
}

// contained says so when the storage root contains the data dir, whose keys and ledger could then be submitted.
func (c Config) contained() error {
	if c.StorageRoot == "" || c.DataDir == "" {
		return nil
	}
	root, data := resolved(c.StorageRoot), resolved(c.DataDir)
	rel, err := filepath.Rel(root, data)
	if inside := err == nil && filepath.IsLocal(rel); !inside {
		return nil
	}
	return tasks.Textf("%s contains the data dir %s: move one of them", c.StorageRoot, c.DataDir)
}

// resolved follows the symlinks of as much of the path as exists.
func resolved(path string) string {
	if followed, err := filepath.EvalSymlinks(path); err == nil {
		return followed
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolved(parent), filepath.Base(path))
}

// Warnings are sentences about settings that are taken but are seldom meant.
func (c Config) Warnings() []error {
	out := slices.Clone(c.ignored)
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		a := c.Accounts[name]
		if a.AppID == "" {
			out = append(out, tasks.Textf("accounts.%s: has no appid, so no media is reused and its holds are kept by name", name))
		}
		if a.AccessToken != "" && a.Token != TokenStatic {
			out = append(out, tasks.Textf("accounts.%s: access_token is not used (token: %s)", name, a.Token))
		}
		if a.TokenHeader != "" && a.Token != TokenURL {
			out = append(out, tasks.Textf("accounts.%s: token_header is not used (token: %s)", name, a.Token))
		}
		if u, err := url.Parse(a.TokenURL.Reveal()); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
			out = append(out, tasks.Textf("accounts.%s: the token comes from token_url unencrypted", name))
		}
	}
	if c.RedisURL != Embedded && strings.HasPrefix(c.LedgerURL.Reveal(), "sqlite:") {
		out = append(out, tasks.Textf("ledger_url: is a SQLite file while Redis is shared: every process must run on this machine"))
	}
	if !c.Loopback() && c.TLS.CertFile == "" {
		out = append(out, tasks.Textf("listen: %s can be reached from outside without TLS: API keys travel readable", c.Listen))
	}
	return out
}
