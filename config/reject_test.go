package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/config"
)

// All that is wrong comes at once, each by its name and place.
func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	got := rejected(t, `worker:
  concurency: 3
  attempts: many
  backoff_base: 10m
redis_url: http://h
accounts:
  shop: {appid: 12 3}
  "bad name": {}
  late: {appid: x}
producers:
  p: {accounts: [shpo], role: king}
limits: 5
`, "MEDIAFERRY_WORKER__LEASE=3", "MEDIAFERRY_LISTN=:1", "MEDIAFERRY_TOKEN_KEY=short", "MEDIAFERRY_TLS__CERT_FILE=/c")
	want := []string{
		"accounts.bad name (m.yaml:8): \"bad name\" is not a name: want 1 to 64 of a-z A-Z 0-9 . _ -",
		`accounts.shop.appid (m.yaml:7): "12 3" is not taken: want a text without white space`,
		"limits (m.yaml:12): is a section: want a mapping of keys to values",
		`producers.p.role (m.yaml:11): "king" is not taken: want one of producer, operator, viewer`,
		`worker.attempts (m.yaml:3): "many" is not taken: want a whole number, 1 to 100`,
		"worker.concurency (m.yaml:2): is not a setting; did you mean worker.concurrency?",
		`worker.lease (MEDIAFERRY_WORKER__LEASE): "3" is not taken: want a duration like 500ms, 15s, 5m, 2h or 30d, 2s to 10m`,
		"MEDIAFERRY_LISTN: is not a setting; did you mean MEDIAFERRY_LISTEN?",
		"token_key (MEDIAFERRY_TOKEN_KEY): the value (not shown) is not taken: want 32 bytes, as 64 hex digits or base64",
		"redis_url (m.yaml:5): want embedded, redis://, rediss://, unix://, redis-sentinel:// or redis-cluster://",
		"tls: want both cert_file and key_file, or none",
		"accounts.late.secret: is missing: token source stable_token wants it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const wantPath = "want a path below /cgi-bin/ as in message/custom/send, but none that gives tokens or that the drop-in endpoint answers itself"

func TestRejected(t *testing.T) {
	t.Parallel()
	secret, key := write(t, "secret", "s"), strings.Repeat("ab", 32)
	for name, c := range map[string]struct {
		yaml    string
		environ []string
		want    string
	}{
		"no mapping":             {"- a", nil, "m.yaml: is not a mapping of keys to values"},
		"a text":                 {"hunter2", nil, "m.yaml: is not a mapping of keys to values"},
		"files without TLS":      {"redis_url: redis://h\nredis_tls: {ca_file: /ca}", nil, "redis_tls (m.yaml:2): redis_url does not use TLS: want rediss://, or ?tls=true"},
		"half a certificate":     {"redis_url: rediss://h\nredis_tls: {cert_file: /c}", nil, "redis_tls (m.yaml:2): want both cert_file and key_file, or none"},
		"files without a Redis":  {"redis_tls: {ca_file: /ca}", nil, "redis_tls (m.yaml:1): there is no redis_url that it could be for"},
		"two documents":          {"worker: {}\n---\nworker: {}", nil, "m.yaml: has a second document; one is read"},
		"bad syntax":             {"a: [", nil, "m.yaml: line 1: did not find expected node content"},
		"a key twice":            {"worker:\n  lease: 3s\n  lease: 4s", nil, `m.yaml: line 3: mapping key "lease" already defined at line 2`},
		"an alias of itself":     {"worker: &a {lease: *a}", nil, "m.yaml: anchor 'a' value contains itself"},
		"a fraction":             {"worker: {attempts: 1.5}", nil, `worker.attempts (m.yaml:1): "1.5" is not taken: want a whole number, 1 to 100`},
		"too many":               {"worker: {attempts: 101}", nil, `worker.attempts (m.yaml:1): "101" is not taken: want a whole number, 1 to 100`},
		"too few":                {"worker: {attempts: 0}", nil, `worker.attempts (m.yaml:1): "0" is not taken: want a whole number, 1 to 100`},
		"a mapping for a value":  {"listen: {a: b}", nil, "listen.a (m.yaml:1): is not a setting; did you mean listen?"},
		"a list of lists":        {"webhook: {allow: [[a]]}", nil, "webhook.allow (m.yaml:1): want a list of a host, an address or a CIDR"},
		"a list for a value":     {"listen: [a]", nil, "listen (m.yaml:1): want host:port, as in 127.0.0.1:8080"},
		"no duration":            {"worker: {lease: 10}", nil, `worker.lease (m.yaml:1): "10" is not taken: want a duration like 500ms, 15s, 5m, 2h or 30d, 2s to 10m`},
		"http elsewhere":         {"wechat: {base_url: http://api.weixin.qq.com}", nil, "wechat.base_url (m.yaml:1): http://api.weixin.qq.com is not https: http is taken for loopback, and for the hosts that wechat.plain_http names"},
		"one bad of two":         {"wechat: {base_url: [https://a, ftp://b]}", nil, `wechat.base_url (m.yaml:1): "ftp://b" is not taken: want an https URL without path`},
		"a class of errcodes":    {"wechat: {errcodes: {45009: whatever}}", nil, `wechat.errcodes.45009 (m.yaml:1): "whatever" is not taken: want errcodes with one of temporary, token, minute_limit, daily_limit, rejected, defect, account, unknown`},
		"a section by variable":  {"", []string{"MEDIAFERRY_WORKER=1"}, "MEDIAFERRY_WORKER: is not a setting"},
		"a name alone":           {"", []string{"MEDIAFERRY_ACCOUNTS__SHOP=1"}, "MEDIAFERRY_ACCOUNTS__SHOP: is not a setting"},
		"below a value":          {"", []string{"MEDIAFERRY_LISTEN__X=1"}, "MEDIAFERRY_LISTEN__X: is not a setting; did you mean MEDIAFERRY_LISTEN?"},
		"a key of an account":    {"", []string{"MEDIAFERRY_ACCOUNTS__SHOP__APID=1"}, "MEDIAFERRY_ACCOUNTS__SHOP__APID: is not a setting; did you mean MEDIAFERRY_ACCOUNTS__SHOP__APPID?"},
		"unknown and empty":      {"", []string{"MEDIAFERRY_REDISURL="}, "MEDIAFERRY_REDISURL: is not a setting; did you mean MEDIAFERRY_REDIS_URL?"},
		"nothing close":          {"", []string{"MEDIAFERRY_ZZZZZZZZ=1"}, "MEDIAFERRY_ZZZZZZZZ: is not a setting"},
		"no secret, no file":     {"", []string{"MEDIAFERRY_LISTEN_FILE=/x"}, "MEDIAFERRY_LISTEN_FILE: is not a setting"},
		"a long and a short":     {"", []string{"MEDIAFERRY_WECHAT_PROXY=http://a", "MEDIAFERRY_WECHAT__PROXY=http://b"}, "MEDIAFERRY_WECHAT__PROXY: is the same setting as MEDIAFERRY_WECHAT_PROXY: give one of them"},
		"a secret and its file":  {"token_key: " + key + "\ntoken_key_file: " + secret, nil, "token_key_file (m.yaml:2): is the same setting as token_key: give one of them"},
		"both by variable":       {"", []string{"MEDIAFERRY_TOKEN_KEY=" + key, "MEDIAFERRY_TOKEN_KEY_FILE=" + secret}, "MEDIAFERRY_TOKEN_KEY_FILE: is the same setting as MEDIAFERRY_TOKEN_KEY: give one of them"},
		"no such file":           {"token_key_file: /none", nil, "token_key (m.yaml:1): open /none: no such file or directory"},
		"no file at all":         {"token_key_file: [a]", nil, "token_key (m.yaml:1): want the path of a file"},
		"a source that climbs":   {"producers: {p: {sources: [a/../b]}}", nil, `producers.p.sources (m.yaml:1): "a/../b" is not taken: want a prefix like folder/ or s3://bucket/prefix`},
		"a key for the person":   {"producers: {local: {key: 0123456789abcdefg}}", nil, "producers.local (m.yaml:1): is the person at the command line, for whom no key speaks: give the producer another name"},
		"key and hash":           {"producers: {p: {key: 0123456789abcdefg, key_hash: 'sha256:" + strings.Repeat("0", 64) + "'}}", nil, "producers.p (m.yaml:1): key and key_hash are both set: give one of them"},
		"an unknown account":     {"accounts: {shop: {access_token: t}}\nproducers: {p: {accounts: [shpo]}}", nil, `producers.p.accounts (m.yaml:2): there is no account "shpo"; did you mean shop?`},
		"half an account":        {"", []string{"MEDIAFERRY_WECHAT_SECRET=s"}, "accounts.default.appid: is missing: token source stable_token wants it; set it, or MEDIAFERRY_WECHAT_APPID"},
		"no token_url":           {"accounts: {a: {token: url}}", nil, "accounts.a.token_url: is missing: token source url wants it"},
		"no token_command":       {"accounts: {a: {token: command}}", nil, "accounts.a.token_command: is missing: token source command wants it"},
		"no access_token":        {"accounts: {a: {token: static}}", nil, "accounts.a.access_token: is missing: token source static wants it"},
		"too little memory":      {"worker: {memory_budget: 16MiB}\nlimits: {video: 20MiB}", nil, "worker.memory_budget (m.yaml:1): 16MiB can't hold one file of 20MiB, the largest of limits"},
		"cap below base":         {"worker: {backoff_base: 10m}", nil, "worker.backoff_cap: 5m0s is below worker.backoff_base, 10m0s"},
		"half of S3's keys":      {"s3: {access_key: a}", nil, "s3 (m.yaml:1): want both access_key and secret_key, or none for the usual AWS environment"},
		"data below storage":     {"storage_root: /srv\ndata_dir: /srv/data", nil, "storage_root (m.yaml:1): /srv contains the data dir /srv/data: move one of them"},
		"no errcode":             {"wechat: {errcodes: {x: token}}", nil, `wechat.errcodes.x (m.yaml:1): "token" is not taken: want errcodes with one of temporary, token, minute_limit, daily_limit, rejected, defect, account, unknown`},
		"a password in base_url": {"wechat: {base_url: 'https://me:hidden@h'}", nil, `wechat.base_url (m.yaml:1): "https://***@h" is not taken: want an https URL without path`},
		"a password for S3":      {"s3: {endpoint: 'https://me:hidden@h'}", nil, `s3.endpoint (m.yaml:1): "https://***@h" is not taken: want an http or https URL without user name or password`},
		"a password, no scheme":  {"s3: {endpoint: 'me:hidden@h'}", nil, `s3.endpoint (m.yaml:1): "***" is not taken: want an http or https URL without user name or password`},
		"a secret parameter":     {"s3: {endpoint: 'ftp://h?key=hidden'}", nil, `s3.endpoint (m.yaml:1): "ftp://h?key=***" is not taken: want an http or https URL without user name or password`},
		"a path with a token":    {"passthrough: [message/custom/send, component/api_component_token]", nil, `passthrough (m.yaml:1): "component/api_component_token" is not taken: ` + wantPath},
		"a token itself":         {"passthrough: [stable_token]", nil, `passthrough (m.yaml:1): "stable_token" is not taken: ` + wantPath},
		"the drop-in's own":      {"passthrough: [media/upload]", nil, `passthrough (m.yaml:1): "media/upload" is not taken: ` + wantPath},
		"a path that climbs":     {"passthrough: [message/../token]", nil, `passthrough (m.yaml:1): "message/../token" is not taken: ` + wantPath},
		"a pattern of paths":     {"passthrough: ['message/*']", nil, `passthrough (m.yaml:1): "message/*" is not taken: ` + wantPath},
		"a whole path":           {"passthrough: [/cgi-bin/menu/get]", nil, `passthrough (m.yaml:1): "/cgi-bin/menu/get" is not taken: ` + wantPath},
		"credentials in a hook":  {"webhook: {url: 'https://me:hidden@h/'}", nil, `webhook.url (m.yaml:1): "https://***@h/" is not taken: want an http or https URL without user name or password`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]string{c.want}, rejected(t, c.yaml, c.environ...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilesAreBounded(t *testing.T) {
	t.Parallel()
	big := write(t, "big", strings.Repeat("#\n", 3<<20))
	for _, path := range []string{big, filepath.Join(t.TempDir(), "none.yaml"), t.TempDir()} {
		if _, err := config.Load(path, at()); err == nil || !strings.Contains(err.Error(), "settings file: ") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if got := rejected(t, "", "MEDIAFERRY_TOKEN_KEY_FILE="+big); !strings.HasSuffix(got[0], "has over 64KiB") {
		t.Errorf("%q", got)
	}
	if got := rejected(t, "", "MEDIAFERRY_TOKEN_KEY_FILE="+write(t, "empty", "\n")); !strings.HasSuffix(got[0], "is empty") {
		t.Errorf("%q", got)
	}
}

// FuzzLoad: no file makes it panic, and what loads can be printed and loaded again, to the same.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{"", "worker: {lease: 10s}", "a: &a [*a]", "accounts: {a: {b: 1}, ? [x] : y}", "wechat: {errcodes: {1: token, '-1': temporary}}", "? {a: b}\n: c", "<<: {listen: ':1'}", "listen: ~\nlimits:"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := config.Load(write(t, "a.yaml", string(b)), at())
		if err != nil {
			return
		}
		plain := c.String()
		if strings.Contains(plain, "***") {
			return
		}
		again, err := config.Load(write(t, "b.yaml", plain), at())
		if err != nil || again.String() != plain {
			t.Errorf("%v\n%s\n%s", err, plain, again)
		}
	})
}
