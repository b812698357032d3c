package config_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
)

const account = "accounts: {default: {appid: wx0, secret: s}}\n"

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ yaml, commands, want string }{
		{account, "run worker serve", "storage_root: is not set"},
		{account + "storage_root: /srv", "run worker serve upload status", ""},
		{account + "s3: {buckets: [media]}", "run worker serve", ""},
		{account, "upload check demo status", ""},
		{"storage_root: /srv", "run worker upload", "accounts: there is none"},
		{"storage_root: /srv", "serve status check", ""},
		{"redis_url: redis://h", "upload", ""}, // somebody else works
		{account + "storage_root: /srv\nredis_url: redis://h", "run worker serve", "token_key: is not set"},
		{account + "storage_root: /srv\nledger_url: postgres://h/db", "run worker serve upload", "token_key: is not set"},
		{account + "storage_root: /srv\nredis_url: redis://h\ntoken_key: " + strings.Repeat("0a", 32), "run worker serve", ""},
	} {
		cfg := load(t, c.yaml)
		for command := range strings.FieldsSeq(c.commands) {
			err := cfg.Check(command)
			if c.want == "" && err != nil || c.want != "" && (tasks.CodeOf(err) != tasks.Invalid || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s with %q: %v, want %q", command, c.yaml, err, c.want)
			}
		}
	}
}

// A symlink does not hide that the data dir lies below the storage root, whether it exists yet or not.
func TestStorageRootContainsDataDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "srv", "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "srv", "sub"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for data, bad := range map[string]bool{
		"srv": true, "srv/sub": true, "srv/sub/new/deep": true, "link": true, "link/new": true, "srv/..data": true,
		"srv2": false, ".": false, "other/new": false, "srv/../x": false,
	} {
		_, err := config.Load("", at("MEDIAFERRY_STORAGE_ROOT="+filepath.Join(dir, "srv"), "MEDIAFERRY_DATA_DIR="+dir+"/"+data))
		if bad != (err != nil) {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]bool{
		"127.0.0.1:1": true, "127.1.2.3:1": true, "[::1]:1": true, "localhost:1": true, "[::ffff:127.0.0.1]:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "example.com:1": false, "": false,
	} {
		if got := (config.Config{Listen: listen}).Loopback(); got != want {
			t.Errorf("%q: %v", listen, got)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string][]string{
		account:                            nil,
		"accounts: {a: {access_token: t}}": {"accounts.a: has no appid, so no media is reused and its holds are kept by name"},
		"accounts: {a: {appid: x, secret: s, token: token, access_token: t}}": {"accounts.a: access_token is not used (token: token)"},
		"accounts: {a: {appid: x, token_url: 'http://tokens/a'}}":             {"accounts.a: the token comes from token_url unencrypted"},
		"accounts: {a: {appid: x, secret: s, token_header: 'K: v'}}":          {"accounts.a: token_header is not used (token: stable_token)"},
		"accounts: {a: {appid: x, token_url: 'http://127.0.0.1:1/a'}}":        nil,
		"redis_url: redis://h":                              {"ledger_url: is a SQLite file while Redis is shared: every process must run on this machine"},
		"redis_url: redis://h\nledger_url: postgres://h/db": nil,
		"listen: ':80'":                                     {"listen: :80 can be reached from outside without TLS: API keys travel readable"},
		"listen: ':80'\ntls: {cert_file: /c, key_file: /k}": nil,
	} {
		if diff := cmp.Diff(want, texts(load(t, yaml).Warnings())); diff != "" {
			t.Errorf("%s: %s", yaml, diff)
		}
	}
}

func TestDerived(t *testing.T) {
	t.Parallel()
	c := load(t, "token_key: "+strings.Repeat("0a", 32))
	if c.Realm() != "api.weixin.qq.com" {
		t.Error(c.Realm())
	}
	want := bytes.Repeat([]byte{10}, 32)
	if got, old := c.TokenKeys(); !bytes.Equal(got, want) || old != nil {
		t.Error(hex.EncodeToString(got), old)
	}
	for _, b64 := range []string{"CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo=", "CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo"} {
		if got, old := load(t, "token_key_old: "+b64).TokenKeys(); got != nil || !bytes.Equal(old[0], want) {
			t.Error(hex.EncodeToString(got), old)
		}
	}
	if got, old := load(t, "").TokenKeys(); got != nil || old != nil {
		t.Error(hex.EncodeToString(got), old)
	}
}

// An account has a day of its own, or that of the worker section.
func TestResetZone(t *testing.T) {
	t.Parallel()
	c := load(t, "worker: {reset_zone: Europe/Berlin}\naccounts: {a: {access_token: t, reset_zone: America/New_York}, b: {access_token: t}}")
	for account, want := range map[string]string{"a": "America/New_York", "b": "Europe/Berlin"} {
		if got := c.ResetZone(account); got.String() != want {
			t.Errorf("%s: %s, want %s", account, got, want)
		}
	}
	if got := load(t, "accounts: {a: {access_token: t}}").ResetZone("a"); got.String() != "Asia/Shanghai" {
		t.Errorf("by default: %s", got)
	}
}

// texts are errors in English.
func texts(errs []error) (all []string) {
	for _, err := range errs {
		all = append(all, err.Error())
	}
	return all
}

// A key that was a setting in the version before is no error, in the file or as a variable.
func TestGoneSettings(t *testing.T) {
	t.Parallel()
	c := load(t, "wechat: {token_floor: 10s}\ndispatcher: {lead_ttl: x}", "MEDIAFERRY_WORKER__SLOTS=7")
	want := []string{
		"dispatcher.lead_ttl: is no longer a setting and has no effect: remove it",
		"wechat.token_floor: is no longer a setting and has no effect: remove it",
		"MEDIAFERRY_WORKER__SLOTS: is no longer a setting and has no effect: remove it",
	}
	if diff := cmp.Diff(want, texts(c.Warnings())); diff != "" {
		t.Error(diff)
	}
}

// The reference is complete: every key says what it is, what it takes and how it is set.
func TestKeys(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	short := 0
	for _, k := range config.Keys() {
		if k.Meaning == "" || k.Accepts == nil || seen[k.Path] || k.Env != "MEDIAFERRY_"+strings.ToUpper(strings.ReplaceAll(k.Path, ".", "__")) {
			t.Errorf("%+v", k)
		}
		seen[k.Path] = true
		if k.Short != "" {
			short++
		}
	}
	if short != 5 {
		t.Errorf("%d short names", short)
	}
	want := config.Key{
		Path: "accounts.NAME.secret", Env: "MEDIAFERRY_ACCOUNTS__NAME__SECRET", Short: "MEDIAFERRY_WECHAT_SECRET",
		Accepts: tasks.Textf("a text without white space"), Meaning: "its appsecret", Secret: true,
	}
	for _, k := range config.Keys() {
		if k.Path == want.Path {
			if diff := cmp.Diff(want, k); diff != "" {
				t.Error(diff)
			}
		}
	}
}
