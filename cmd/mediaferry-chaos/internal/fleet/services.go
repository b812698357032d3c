package fleet

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/process"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/receiver"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/worker/webhook"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func (f *Fleet) startSandbox(ctx context.Context) error {
	journal, err := process.OpenLog(f.path("sandbox.log"))
	if err != nil {
		return err
	}
	f.onClose(func() { journal.Close() })
	c := wechattest.Config{Seed: int64(f.Run.Seed&(1<<62-1)) + 1, Journal: journal, KeepBytes: 1 << 30}
	for _, a := range f.Run.Accounts() {
		id := scenario.AppIDs[a.Name]
		c.Accounts = append(c.Accounts, wechattest.Account{AppID: id, Secret: secretOf(id), NoQuota: true})
	}
	f.Sandbox = wechattest.New(c)
	// Half of the uploads take a while, so that a killed worker always has some under way.
	f.Sandbox.Rate(wechattest.Fault{Path: history.UploadPath, Kind: wechattest.Slow, Delay: 300 * time.Millisecond}, 0.5)
	addr, err := f.serve(ctx, f.freezing(f.Sandbox))
	if err != nil {
		return err
	}
	return f.startProxy("wechat", "tcp", addr)
}

// secretOf returns the appsecret of an account of the sandbox.
func secretOf(appID string) string { return hex.EncodeToString([]byte(appID)[:16]) }

// freezing answers token calls of the frozen account with errcode 40125, the appsecret is invalid. All other calls go to
// WeChat.
func (f *Fleet) freezing(wechat http.Handler) http.Handler {
	f.frozen.Store(true)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f.frozen.Load() || !strings.HasSuffix(r.URL.Path, "token") {
			wechat.ServeHTTP(w, r)
			return
		}
		const limit = 1 << 16
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		if err != nil {
			return // the worker went away
		}
		if bytes.Contains(body, []byte(scenario.AppIDs[scenario.AccountFrozen])) || r.URL.Query().Get("appid") == scenario.AppIDs[scenario.AccountFrozen] {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"errcode":40125,"errmsg":"invalid appsecret"}`) // the worker may go away
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		wechat.ServeHTTP(w, r)
	})
}

func (f *Fleet) startReceivers(ctx context.Context) error {
	f.secret = webhook.NewSecret()
	for _, name := range f.Run.Receivers() {
		r, err := receiver.New(name, f.secret)
		if err != nil {
			return err
		}
		addr, err := f.serve(ctx, r)
		if err != nil {
			return err
		}
		f.Receivers[name], f.callbacks[name] = r, "http://"+addr+"/hook"
		if name == scenario.ReceiverSlow {
			r.Set(receiver.VerySlow)
		}
	}
	return nil
}

// serve serves h on a free loopback port until Close.
func (f *Fleet) serve(ctx context.Context, h http.Handler) (addr string, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	f.running.Go(func() { _ = server.Serve(l) }) // ends with Close
	f.onClose(func() { server.Close() })
	return l.Addr().String(), nil
}
