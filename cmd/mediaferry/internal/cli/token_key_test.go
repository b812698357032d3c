package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// keyOf is a token_key made of one byte.
func keyOf(b string) string { return strings.Repeat(b, 32) }

// does runs a command and returns its standard output. It fails the test for any other exit code, and where stderr and
// stdout together lack the text.
func does(t *testing.T, g *clitest.Ground, code int, text string, args ...string) string {
	t.Helper()
	r := g.Run(args...)
	if r.Code != code || !strings.Contains(r.Out+r.Err, text) {
		t.Errorf("%v: exit code %d, want %d and %q\n%s%s", args, r.Code, code, text, r.Out, r.Err)
	}
	return strings.TrimSpace(r.Out)
}

// What several machines share needs a key that they share, too.
func TestSharedWithoutTokenKey(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*clitest.Ground){
		"Redis":  func(g *clitest.Ground) { g.Set("MEDIAFERRY_REDIS_URL", redistest.Start(t).URL()) },
		"ledger": func(g *clitest.Ground) { g.Set("MEDIAFERRY_LEDGER_URL", ledgertest.Postgres(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			g := clitest.New(t, wechattest.Config{})
			set(g)
			for _, command := range []string{"run", "serve", "worker"} {
				does(t, g, tasks.ExitUsage, "MEDIAFERRY_TOKEN_KEY", command)
			}
			does(t, g, tasks.ExitUsage, "MEDIAFERRY_TOKEN_KEY", "keys", "add", "shop")
		})
	}
}

// Every producer has a secret of its own, which is in the ledger, but not to be read there.
func TestEachProducerHasItsOwnSecret(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	secret := func(args ...string) string {
		t.Helper()
		return does(t, g, tasks.ExitOK, "whsec_", append([]string{"webhook", "secret"}, args...)...)
	}
	does(t, g, tasks.ExitUsage, `there is no producer "shop"`, "webhook", "secret", "--producer", "shop")
	does(t, g, tasks.ExitOK, "mf_", "keys", "add", "shop")
	does(t, g, tasks.ExitOK, "mf_", "keys", "add", "crm")
	shop, crm, local := secret("--producer", "shop"), secret("--producer", "crm"), secret()
	if shop == crm || shop == local || crm == local {
		t.Error("two producers have the same secret")
	}
	does(t, g, tasks.ExitOK, "mf_", "keys", "add", "shop")
	fresh := does(t, g, tasks.ExitOK, "--producer shop", "webhook", "rotate", "--producer", "shop")
	if got := secret("--producer", "shop"); got != fresh+"\n"+shop {
		t.Errorf("during the rotation: %s, want %s and %s", got, fresh, shop)
	}
	if secret("--producer", "crm") != crm || secret() != local {
		t.Error("a rotation changed another producer's secret")
	}
	does(t, g, tasks.ExitOK, "signs alone", "webhook", "rotate", "--producer", "shop", "--finish")
	if got := secret("--producer", "shop"); got != fresh {
		t.Errorf("after the rotation: %s", got)
	}

	data := filepath.Join(g.Dir, "data")
	if fi, err := os.Stat(filepath.Join(data, "token.key")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("token.key: %v, %v", fi, err)
	}
	files, err := filepath.Glob(filepath.Join(data, "ledger.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{shop, crm, local, fresh} {
			if bytes.Contains(b, []byte(strings.TrimPrefix(s, "whsec_"))) {
				t.Errorf("%s holds a secret", filepath.Base(file))
			}
		}
	}
}

// The secret of a version before, in files of the data dir, goes on signing.
func TestSecretOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	data := filepath.Join(g.Dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	const old, next = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, s := range map[string]string{"webhook.secret": old, "webhook.secret.next": next} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(s+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if got := does(t, g, tasks.ExitOK, "", "webhook", "secret"); got != next+"\n"+old {
			t.Errorf("got %s", got)
		}
	}
	if left, err := filepath.Glob(filepath.Join(data, "webhook.secret*")); err != nil || left != nil {
		t.Error(left, err)
	}
}

// A key is changed for another while the old one still opens what it encrypted, until nothing needs it.
func TestTokenKeyRotation(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(1, 3000)
	keys := func(current, old string) {
		g.Set("MEDIAFERRY_TOKEN_KEY", current)
		g.Set("MEDIAFERRY_TOKEN_KEY_OLD", old)
	}
	keys(keyOf("01"), "")
	does(t, g, tasks.ExitOK, "mf_", "keys", "add", "shop")
	before := does(t, g, tasks.ExitOK, "whsec_", "webhook", "secret", "--producer", "shop")

	keys(keyOf("02"), "")
	for _, args := range [][]string{{"run"}, {"serve"}, {"upload", g.Media}, {"webhook", "secret", "--producer", "shop"}, {"webhook", "rotate"}, {"keys", "add", "crm"}} {
		does(t, g, tasks.ExitUsage, "token_key is not the key of this ledger", args...)
	}
	does(t, g, tasks.ExitFailed, "token_key is not the key of this ledger", "doctor")

	keys(keyOf("02"), keyOf("01"))
	does(t, g, tasks.ExitOK, "token_key_old is still needed: it encrypts 1 secret", "doctor")
	does(t, g, tasks.ExitOK, "", "upload", g.Media) // encrypts anew
	does(t, g, tasks.ExitOK, "token_key_old may go", "doctor")
	keys(keyOf("02"), "")
	does(t, g, tasks.ExitOK, "reads all secrets", "doctor")
	if got := does(t, g, tasks.ExitOK, "", "webhook", "secret", "--producer", "shop"); got != before {
		t.Errorf("the secret changed from %s to %s", before, got)
	}
	keys(keyOf("01"), "")
	does(t, g, tasks.ExitUsage, "token_key is not the key of this ledger", "run")
}

// A restored ledger works with its key. Without it, or with another one, nothing is made anew silently, and a lost key
// can be given up.
func TestRestoreAndTheKey(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(1, 3000)
	file := filepath.Join(g.Dir, "copy.db")
	does(t, g, tasks.ExitOK, "mf_", "keys", "add", "shop")
	before := does(t, g, tasks.ExitOK, "whsec_", "webhook", "secret", "--producer", "shop")
	does(t, g, tasks.ExitOK, "", "upload", g.Media)
	does(t, g, tasks.ExitOK, "it lacks the key of its secrets: keep "+filepath.Join(g.Dir, "data", "token.key"), "backup", file)
	key, err := os.ReadFile(filepath.Join(g.Dir, "data", "token.key"))
	if err != nil {
		t.Fatal(err)
	}
	restore := func(key string) string {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "data")
		err := os.MkdirAll(dir, 0o700)
		if err == nil && key != "" {
			err = os.WriteFile(filepath.Join(dir, "token.key"), []byte(key), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		g.Set("MEDIAFERRY_DATA_DIR", dir)
		does(t, g, tasks.ExitOK, "1 upload", "restore", file)
		does(t, g, tasks.ExitOK, "succeeded", "list") // whatever the key, nothing is lost
		return dir
	}

	restore(string(key))
	if got := does(t, g, tasks.ExitOK, "", "webhook", "secret", "--producer", "shop"); got != before {
		t.Errorf("with the key: %s, want %s", got, before)
	}

	restore(keyOf("07"))
	does(t, g, tasks.ExitUsage, "token_key is not the key of this ledger", "upload", g.Media)

	dir := restore("")
	does(t, g, tasks.ExitUsage, "token.key is missing", "upload", g.Media)
	does(t, g, tasks.ExitFailed, "token.key is missing", "doctor")
	if _, err := os.Stat(filepath.Join(dir, "token.key")); err == nil {
		t.Error("a key was made anew silently")
	}
	fresh := does(t, g, tasks.ExitOK, "signs alone", "webhook", "rotate", "--producer", "shop", "--lost-key")
	if got := does(t, g, tasks.ExitOK, "", "webhook", "secret", "--producer", "shop"); got != fresh || got == before {
		t.Errorf("after the key was given up: %s, want %s", got, fresh)
	}
	does(t, g, tasks.ExitOK, "", "upload", g.Media)
}
