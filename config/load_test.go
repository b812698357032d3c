package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
)

// write puts a file into the test's own folder.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// at is the environment of somebody without settings.
func at(extra ...string) []string { return append([]string{"HOME=/home/me"}, extra...) }

func load(t *testing.T, yaml string, environ ...string) config.Config {
	t.Helper()
	c, err := config.Load(write(t, "mediaferry.yaml", yaml), at(environ...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rejected returns the lines of the error, which must be Invalid.
func rejected(t *testing.T, yaml string, environ ...string) []string {
	t.Helper()
	_, err := config.Load(write(t, "m.yaml", yaml), at(environ...))
	if !errors.Is(err, &tasks.Error{Code: tasks.Invalid}) && tasks.CodeOf(err) != tasks.Invalid {
		t.Fatalf("the error is %v", err)
	}
	text := strings.TrimPrefix(err.Error(), "read settings: ")
	lines := strings.Split(text, "\n  ")
	if len(lines) > 1 {
		if want := fmt.Sprintf("%d settings are wrong:", len(lines)-1); lines[0] != want {
			t.Errorf("the first line is %q, want %q", lines[0], want)
		}
		lines = lines[1:]
	}
	return lines
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", at())
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/defaults.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), c.String()); diff != "" {
		t.Error(diff)
	}
}

// An empty text, in the file or in a variable, is as if the key were not there.
func TestEmptyIsUnset(t *testing.T) {
	t.Parallel()
	got := load(t, "listen: ''\nworker: {lease: '', reset_zone: ''}\nlimits:\naccounts: {}\nlog: {level: null}", "MEDIAFERRY_QUEUE_PREFIX=")
	if diff := cmp.Diff(load(t, "").String(), got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestDataDir(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ environ, want string }{
		{"XDG_STATE_HOME=/state", "/state/mediaferry"},
		{"XDG_STATE_HOME=relative", "/home/me/.local/state/mediaferry"},
		{"MEDIAFERRY_DATA_DIR=~/ferry", "/home/me/ferry"},
	} {
		if got := load(t, "", c.environ); got.DataDir != c.want || got.LedgerURL.Reveal() != "sqlite:"+c.want+"/ledger.db" {
			t.Errorf("%s: %s, %s", c.environ, got.DataDir, got.LedgerURL)
		}
	}
	if _, err := config.Load("", nil); err == nil || !strings.Contains(err.Error(), "data_dir: is not set") {
		t.Errorf("without HOME: %v", err)
	}
}

// value gives each kind of key something that is not its default, once as in YAML and once as in a variable.
func value(t *testing.T, k config.Key) (inYAML any, inVariable string) {
	t.Helper()
	switch {
	case k.Path == "redis_url":
		return "redis://:hidden@redis/1", "redis://:hidden@redis/1"
	case k.Path == "producers.NAME.accounts":
		return []string{"name"}, "name"
	case k.Path == "accounts.NAME.token":
		return "token", "token"
	case k.Path == "accounts.NAME.token_command":
		return []string{"cat", "/run/token"}, "cat,/run/token"
	case k.Path == "retention":
		return "7d", "7d"
	case k.Path == "worker.backoff_base":
		return "2s", "2s"
	case strings.HasPrefix(k.Accepts.Error(), "one of "):
		options := strings.Split(strings.TrimPrefix(k.Accepts.Error(), "one of "), ", ")
		if options[0] != k.Default {
			return options[0], options[0]
		}
		return options[1], options[1]
	}
	kinds := []struct {
		accepts, text string
		value         any
	}{
		{"a name of", "name", "name"},
		{"a text without", "hidden", "hidden"},
		{"a path below /cgi-bin/", "menu/get,message/custom/send", []string{"menu/get", "message/custom/send"}},
		{"a path", "/some/path", "/some/path"},
		{"a text", "hidden", "hidden"},
		{"sqlite:", "postgres://me:hidden@db/ferry", "postgres://me:hidden@db/ferry"},
		{"host:port", "127.0.0.1:9", "127.0.0.1:9"},
		{"32 bytes", strings.Repeat("0a", 32), strings.Repeat("0a", 32)},
		{"an https URL without path", "https://api2.weixin.qq.com,http://127.0.0.1:1", []string{"https://api2.weixin.qq.com", "http://127.0.0.1:1"}},
		{"an http or https URL", "https://example.com/x", "https://example.com/x"},
		{"an http, https", "http://me:hidden@proxy:3128", "http://me:hidden@proxy:3128"},
		{"a header", "X-Key: hidden", "X-Key: hidden"},
		{"errcodes", "45033=temporary,-1000=rejected", map[int]string{45033: "temporary", -1000: "rejected"}},
		{"a time zone", "Europe/Berlin", "Europe/Berlin"},
		{"whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}},
		{"a host, an address", "10.0.0.0/8, receiver.internal", []string{"10.0.0.0/8", "receiver.internal"}},
		{"a host, or", "*.example.com", []string{"*.example.com"}},
		{"at least 16 characters", "hidden-hidden-hidden", "hidden-hidden-hidden"},
		{"sha256:", "sha256:" + strings.Repeat("ab", 32), "sha256:" + strings.Repeat("ab", 32)},
		{"a prefix", "2026/,s3://bucket/x", []string{"2026/", "s3://bucket/x"}},
		{"the name of a bucket", "media", []string{"media"}},
		{"a duration", "3m", "3m"},
		{"a size", "20MiB", "20MiB"},
		{"a whole number", "7", 7},
		{"true or false", "true", true},
	}
	for _, kind := range kinds {
		if strings.HasPrefix(k.Accepts.Error(), kind.accepts) {
			return kind.value, kind.text
		}
	}
	t.Fatalf("%s accepts %q, which this test does not know", k.Path, k.Accepts)
	return nil, ""
}

// companions are what a key can't be set without.
func companions(k config.Key) []string {
	switch {
	case strings.HasPrefix(k.Path, "accounts.NAME."):
		return []string{"MEDIAFERRY_ACCOUNTS__NAME__APPID=wx0", "MEDIAFERRY_ACCOUNTS__NAME__SECRET=s"}
	case k.Path == "producers.NAME.accounts":
		return []string{"MEDIAFERRY_ACCOUNTS__NAME__APPID=wx0", "MEDIAFERRY_ACCOUNTS__NAME__SECRET=s"}
	case k.Path == "tls.cert_file":
		return []string{"MEDIAFERRY_TLS__KEY_FILE=/key"}
	case k.Path == "tls.key_file":
		return []string{"MEDIAFERRY_TLS__CERT_FILE=/cert"}
	case k.Path == "redis_tls.ca_file":
		return []string{"MEDIAFERRY_REDIS_URL=rediss://h"}
	case k.Path == "redis_tls.cert_file":
		return []string{"MEDIAFERRY_REDIS_URL=rediss://h", "MEDIAFERRY_REDIS_TLS__KEY_FILE=/key"}
	case k.Path == "redis_tls.key_file":
		return []string{"MEDIAFERRY_REDIS_URL=rediss://h", "MEDIAFERRY_REDIS_TLS__CERT_FILE=/cert"}
	case k.Path == "s3.access_key":
		return []string{"MEDIAFERRY_S3__SECRET_KEY=k"}
	case k.Path == "s3.secret_key":
		return []string{"MEDIAFERRY_S3__ACCESS_KEY=k"}
	}
	return nil
}

// without leaves out the variable itself.
func without(list []string, name string) []string {
	var out []string
	for _, kv := range list {
		if !strings.HasPrefix(kv, name+"=") {
			out = append(out, kv)
		}
	}
	return out
}

// asYAML nests a value under its dotted path.
func asYAML(t *testing.T, path string, value any) string {
	t.Helper()
	parts := strings.Split(strings.ReplaceAll(path, "NAME", "name"), ".")
	for i := len(parts) - 1; i >= 0; i-- {
		value = map[string]any{parts[i]: value}
	}
	b, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every key there is can be set in the file, by its variable, and if it is a secret by a file in either: all four
// give the same settings, which differ from the defaults.
func TestEveryKeyFromEverywhere(t *testing.T) {
	t.Parallel()
	for _, k := range config.Keys() {
		t.Run(k.Path, func(t *testing.T) {
			t.Parallel()
			inYAML, inVariable := value(t, k)
			base := without(companions(k), k.Env)
			want := load(t, asYAML(t, k.Path, inYAML), base...)
			if plain, err := config.Load("", at(base...)); err == nil && cmp.Equal(reveal(t, want), reveal(t, plain)) {
				t.Error("setting it changes nothing")
			}
			same := func(how, yaml string, environ ...string) {
				t.Helper()
				if diff := cmp.Diff(reveal(t, want), reveal(t, load(t, yaml, append(environ, base...)...))); diff != "" {
					t.Errorf("%s: %s", how, diff)
				}
			}
			same("variable", "", k.Env+"="+inVariable)
			if !k.Secret {
				return
			}
			file := write(t, "secret", inVariable+"\n")
			same("file of a secret, in the file", asYAML(t, k.Path+"_file", file))
			same("file of a secret, by variable", "", k.Env+"_FILE="+file)
		})
	}
}

// reveal is a Config with its secrets as plain text, so that comparing looks into them.
func reveal(t *testing.T, c config.Config) any {
	t.Helper()
	return fmt.Sprintf("%s\n%q", c, secretsOf(c))
}

func secretsOf(c config.Config) []string {
	out := []string{c.RedisURL.Reveal(), c.LedgerURL.Reveal(), c.LedgerPassword.Reveal(), c.RedisPassword.Reveal(), c.TokenKey.Reveal(), c.TokenKeyOld.Reveal(), c.WeChat.Proxy.Reveal(), c.S3.SecretKey.Reveal(), c.S3.SessionToken.Reveal()}
	a, p := c.Accounts["name"], c.Producers["name"]
	out = append(out, a.TokenCommand...)
	out = append(out, a.Secret.Reveal(), a.AccessToken.Reveal(), a.TokenURL.Reveal(), a.TokenHeader.Reveal(), p.Key.Reveal())
	for _, s := range append(c.Webhook.Secrets, p.WebhookSecrets...) {
		out = append(out, s.Reveal())
	}
	return out
}

// A password that is kept apart may have characters that a URL can't.
func TestPasswordsOfServers(t *testing.T) {
	t.Parallel()
	const password = "p@ss/w?rd#%41 +:'\"\\"
	environ := []string{"HOME=/home/me", "MEDIAFERRY_LEDGER_PASSWORD=" + password, "MEDIAFERRY_REDIS_PASSWORD=" + password}
	for name, urls := range map[string][2]string{
		"none in the URL":     {"postgres://me@a:1,b:2/db?sslmode=disable", "redis://a:1/2"},
		"another in the URL":  {"postgres://me:other@a:1,b:2/db?sslmode=disable", "redis://:other@a:1/2"},
		"no user in the URL":  {"postgres:///db?host=/run&user=me", "redis://a:1/2"},
		"an @ in a parameter": {"postgres://me@a:1,b:2/db?application_name=a@b", "redis://a:1/2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Load("", append(environ, "MEDIAFERRY_LEDGER_URL="+urls[0], "MEDIAFERRY_REDIS_URL="+urls[1], "MEDIAFERRY_TOKEN_KEY="+strings.Repeat("ab", 32)))
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(c.Ledger())
			if err != nil {
				t.Fatal(err)
			}
			o, err := c.Redis()
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := u.User.Password(); got != password || o.Universal.Password != password || o.Universal.DB != 2 {
				t.Errorf("the ledger's password is %q, that of Redis %q", got, o.Universal.Password)
			}
		})
	}
}

// No way of printing settings, or of failing to read them, shows a secret.
func TestNoSecretShows(t *testing.T) {
	t.Parallel()
	const marker = "hunter2"
	for _, k := range config.Keys() {
		if !k.Secret {
			continue
		}
		t.Run(k.Path, func(t *testing.T) {
			t.Parallel()
			_, good := value(t, k)
			good = strings.ReplaceAll(good, "hidden", marker)
			for _, text := range []string{good, marker, "x://" + marker + "@h", "redis-sentinel://:" + marker + "@h/x?master=m", "redis-cluster://" + marker + ":x", marker + " \x00"} {
				c, err := config.Load("", append(without(companions(k), k.Env), "HOME=/h", k.Env+"="+text))
				var shown strings.Builder
				fmt.Fprintf(&shown, "%v %+v %#v %s %q %v %+v %#v", c, c, c, c, c, c.Accounts, c.WeChat, c.Producers)
				j, _ := json.Marshal(c)
				shown.Write(j)
				fmt.Fprintf(&shown, "%v %v %v", err, c.Warnings(), c.Check("run"))
				if strings.Contains(shown.String(), marker) {
					t.Errorf("%q shows in %s", text, shown.String())
				}
			}
			if _, err := config.Load(write(t, "m.yaml", asYAML(t, k.Path, []any{[]string{marker}, marker})), at()); err == nil || strings.Contains(err.Error(), marker) {
				t.Errorf("a list: %v", err)
			}
		})
	}
}

func TestEnvironmentWins(t *testing.T) {
	t.Parallel()
	file := "worker: {concurrency: 3, lease: 20s}\naccounts: {default: {appid: a, secret: s}, My-Shop: {appid: b, secret: s}}\n"
	c := load(t, file, "MEDIAFERRY_WORKER__CONCURRENCY=4", "MEDIAFERRY_WORKER__LEASE=", "MEDIAFERRY_WECHAT_SECRET=s2",
		"MEDIAFERRY_ACCOUNTS__MY_SHOP__APPID=b2", "MEDIAFERRY_ACCOUNTS__THIRD__ACCESS_TOKEN=t", "OTHER=1")
	if c.Worker.Concurrency != 4 || c.Worker.Lease != 20*time.Second {
		t.Errorf("%+v", c.Worker)
	}
	want := map[string]config.Account{
		"default": {AppID: "a", Secret: "s2", Token: "stable_token", Reserve: 5},
		"My-Shop": {AppID: "b2", Secret: "s", Token: "stable_token", Reserve: 5},
		"third":   {AccessToken: "t", Token: "static", Reserve: 5},
	}
	if diff := cmp.Diff(want, c.Accounts); diff != "" {
		t.Error(diff)
	}
}

// A variable beats a file's value also when one of them is the file of a secret.
func TestEnvironmentWinsOverSecretFiles(t *testing.T) {
	t.Parallel()
	file := write(t, "f", "from-file\r\n")
	yaml := "accounts: {default: {appid: a, secret_file: " + file + "}}"
	if got := load(t, yaml).Accounts["default"].Secret; got != "from-file" {
		t.Errorf("secret_file gives %q", got.Reveal())
	}
	if got := load(t, yaml, "MEDIAFERRY_WECHAT_SECRET=from-env").Accounts["default"].Secret; got != "from-env" {
		t.Errorf("beside a variable it is %q", got.Reveal())
	}
	other := write(t, "g", "two\n")
	if got := load(t, "accounts: {default: {appid: a, secret: one}}", "MEDIAFERRY_WECHAT_SECRET_FILE="+other).Accounts["default"].Secret; got != "two" {
		t.Errorf("beside a variable's file it is %q", got.Reveal())
	}
}

func TestConfigVariable(t *testing.T) {
	t.Parallel()
	path := write(t, "a.yaml", "worker: {concurrency: 5}")
	for _, c := range []struct {
		path string
		want int
	}{{"", 5}, {write(t, "b.yaml", "worker: {concurrency: 6}"), 6}, {write(t, "c.yaml", "# nothing\n"), 64}} {
		got, err := config.Load(c.path, at("MEDIAFERRY_CONFIG="+path))
		if err != nil || got.Worker.Concurrency != c.want {
			t.Errorf("%q: %d, %v", c.path, got.Worker.Concurrency, err)
		}
	}
}
