package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/webhook"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestWebhookVerify(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	secret := tasks.Secret(strings.TrimSpace(g.Run("webhook", "secret").Out))
	body := []byte("{\"type\":\"upload.succeeded\"}\n")
	for _, tc := range []struct {
		name string
		at   time.Time
		code int
		want string
	}{
		{"fresh", time.Now(), tasks.ExitOK, "good: webhook msg_1"},
		{"old", time.Now().Add(-time.Hour), tasks.ExitFailed, "the signature is good, but its time is more than 5m0s away"},
	} {
		header, err := webhook.Sign("msg_1", tc.at, body, secret)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(g.Dir, tc.name)
		if err := os.WriteFile(path, request(header, body), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := g.Run("webhook", "verify", path); r.Code != tc.code || !strings.Contains(r.Out, tc.want) {
			t.Errorf("%s: exit code %d\n%s%s", tc.name, r.Code, r.Out, r.Err)
		}
	}
}

// request is a request as a receiver may have kept it.
func request(h http.Header, body []byte) []byte {
	var b strings.Builder
	fmt.Fprint(&b, "POST /hook HTTP/1.1\r\nHost: shop.example\r\n")
	_ = h.Write(&b) // to memory
	fmt.Fprintf(&b, "\r\n%s", body)
	return []byte(b.String())
}
