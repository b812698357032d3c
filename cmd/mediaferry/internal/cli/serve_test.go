package cli_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// serve accepts and answers, and leaves the work to others; what a producer submitted is found under its name.
func TestServeAcceptsForOthers(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Write("a.jpg", mediatest.Distinct(1, tasks.Image, 3000))
	s := g.Served(g.Start("serve"))
	shop := *s
	if shop.Key = strings.TrimSpace(g.Run("keys", "add", "shop").Out); shop.Key == "" {
		t.Fatal("there is no key for the shop")
	}
	var receipt tasks.Receipt
	const request = `{"external_id":"order-7","type":"image","source":"a.jpg","callback_url":"https://shop.example/hook"}`
	if status := shop.Ask("POST", "/v1/uploads", request, &receipt); status != 202 {
		t.Fatalf("status %d", status)
	}
	if r := g.Run("show", "--producer", "shop", "order-7"); r.Code != tasks.ExitOK || !strings.Contains(r.Out, receipt.ID.String()) {
		t.Errorf("show: exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if r := g.Run("show", "order-7"); r.Code == tasks.ExitOK {
		t.Errorf("order-7 is found under another producer's name:\n%s", r.Out)
	}
	s.Process.Signal(syscall.SIGTERM)
	if s.Process.Error != nil {
		t.Errorf("serve ended with %v", s.Process.Error)
	}
	if n := len(g.Sandbox.Calls()); n != 0 {
		t.Errorf("serve made %d calls", n)
	}
}
