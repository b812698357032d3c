package cli_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// The sandbox is a WeChat with the account, the limits, the journal and the luck that its flags say.
func TestSandboxCommand(t *testing.T) {
	t.Parallel()
	const appid, secret = "wx00000000000000aa", "00000000000000000000000000000aaa"
	journal := filepath.Join(t.TempDir(), "calls.jsonl")
	var first []string
	for range 2 {
		g := clitest.New(t, wechattest.Config{})
		p := g.Start("sandbox", "--listen", "127.0.0.1:0", "--appid", appid, "--secret", secret, "--seed", "7", "--journal", journal,
			"--daily-limit", "1", "--minute-limit", "600")
		p.Until("MEDIAFERRY_WECHAT_SECRET=" + secret + "\n")
		said := strings.Fields(p.Log.String())
		g.Env = append(g.Env, said[1:]...)
		g.Fill(2, 3000)
		r := g.Run("upload", "--output", "json", filepath.Join(g.Media, "000", "00000.jpg"))
		if r.Code != tasks.ExitOK {
			t.Fatalf("exit code %d\n%s", r.Code, r.Err)
		}
		first = append(first, g.Outcomes(r.Out)[0].MediaID)
		if r := g.Run("upload", "--wait", "0s", g.Media); r.Code != tasks.ExitQuota || !strings.Contains(g.Run("accounts", "list").Out, "held until") {
			t.Errorf("over the daily limit: exit code %d\n%s", r.Code, r.Err)
		}
		if got := askedRate(t, said[0], appid, secret); got != 600 {
			t.Errorf("quota/get grants %d calls a minute, want 600", got)
		}
		p.Signal(syscall.SIGTERM)
		if p.Error != nil {
			t.Errorf("the sandbox ended with %v", p.Error)
		}
	}
	if first[0] != first[1] {
		t.Errorf("the same seed issues %s and %s", first[0], first[1])
	}
	b, err := os.ReadFile(journal)
	if calls := string(b); err != nil || strings.Count(calls, clitest.UploadPath) < 2 || strings.Count(calls, first[0]) != 2 {
		t.Errorf("the journal has not every call, %v:\n%s", err, calls)
	}
}

// askedRate is how many uploads a minute a WeChat grants.
func askedRate(t *testing.T, base, appid, secret string) int {
	t.Helper()
	var token struct {
		Value string `json:"access_token"`
	}
	var quota struct {
		Rate struct {
			Count int `json:"call_count"`
		} `json:"rate_limit"`
	}
	for _, call := range []struct {
		path string
		body string
		into any
	}{
		{"/cgi-bin/stable_token", `{"grant_type":"client_credential","appid":"` + appid + `","secret":"` + secret + `"}`, &token},
		{"/cgi-bin/openapi/quota/get?access_token=", `{"cgi_path":"/cgi-bin/media/upload"}`, &quota},
	} {
		res, err := http.Post(base+call.path+token.Value, "application/json", strings.NewReader(call.body))
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(res.Body).Decode(call.into)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return quota.Rate.Count
}
