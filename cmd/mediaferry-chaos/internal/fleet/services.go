package fleet

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/process"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/receiver"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func (f *Fleet) startSandbox(ctx context.Context) error {
	journal, err := process.OpenLog(f.path("sandbox.log"))
	if err != nil {
		return err
	}
	f.onClose(func() { journal.Close() })
	c := wechattest.Config{Seed: int64(f.Run.Seed&(1<<62-1)) + 1, Journal: journal, KeepBytes: 1 << 30}
	for _, id := range scenario.AppIDs {
		c.Accounts = append(c.Accounts, wechattest.Account{AppID: id, Secret: secretOf(id), NoQuota: true})
	}
	f.Sandbox = wechattest.New(c)
	// Half of the uploads take a while, so that a killed worker always has some under way.
	f.Sandbox.Rate(wechattest.Fault{Path: history.UploadPath, Kind: wechattest.Slow, Delay: 300 * time.Millisecond}, 0.5)
	addr, err := f.serve(ctx, f.Sandbox)
	if err != nil {
		return err
	}
	return f.startProxy("wechat", "tcp", addr)
}

// secretOf returns the appsecret of an account of the sandbox.
func secretOf(appID string) string { return hex.EncodeToString([]byte(appID)[:16]) }

func (f *Fleet) startReceiver(ctx context.Context) (err error) {
	if f.Receiver, err = receiver.New(); err != nil {
		return err
	}
	addr, err := f.serve(ctx, f.Receiver)
	f.callback = "http://" + addr + "/hook"
	return err
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
