package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func (a *app) sandboxCommand() *cobra.Command {
	var (
		listen, journal, appid, secret string
		daily, minute                  int
		exposed                        bool
		seed                           int64
	)
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a WeChat on this machine, with faults on demand",
		Long: `Answers like WeChat's temporary-media API: tokens, media/upload, media/get, quotas, and the same refusals. POST
/_sandbox/faults makes it fail; GET /_sandbox/ lists what else it can do.`,
		Example: `  mediaferry sandbox --listen 127.0.0.1:8090 --journal calls.jsonl
  MEDIAFERRY_WECHAT_BASE_URL=http://127.0.0.1:8090 MEDIAFERRY_WECHAT_APPID=… MEDIAFERRY_WECHAT_SECRET=… mediaferry upload photos/`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := wechattest.Config{
				Accounts: []wechattest.Account{{AppID: appid, Secret: secret, DailyLimit: daily, MinuteLimit: minute}},
				Seed:     seed,
			}
			if !exposed {
				if err := checkLoopback("--listen", listen, "loopback.sandbox"); err != nil {
					return err
				}
			}
			if daily < 0 || minute < 0 {
				return exit.Usage(words.Fail("sandbox.limits"))
			}
			if journal != "" {
				f, err := os.OpenFile(journal, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
				if err != nil {
					return exit.Usagef("--journal: %w", err)
				}
				defer f.Close()
				c.Journal = f
			}
			return serveSandbox(cmd.Context(), listen, c, a.Out, a.Err)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:0", "loopback `address`; port 0 takes a free one")
	flags.BoolVar(&exposed, "exposed", false, "listen where others can reach it, as in a network of containers")
	flags.StringVar(&journal, "journal", "", "append every call to this `FILE`, one JSON object a line")
	flags.StringVar(&appid, "appid", wechattest.DefaultAppID, "the account's appid")
	flags.StringVar(&secret, "secret", wechattest.DefaultSecret, "the account's appsecret")
	flags.IntVar(&daily, "daily-limit", 0, "upload calls a day (default WeChat's 100,000)")
	flags.IntVar(&minute, "minute-limit", 0, "upload calls a minute (default none)")
	flags.Int64Var(&seed, "seed", 0, "make tokens, media ids and random faults the same in every run")
	return cmd
}

// serveSandbox answers until ctx ends. Its address is the first line on out.
func serveSandbox(ctx context.Context, address string, c wechattest.Config, out, people io.Writer) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return exit.Usagef("--listen: %w", err)
	}
	fmt.Fprintf(out, "http://%s\n", l.Addr())
	fmt.Fprintf(people, "MEDIAFERRY_WECHAT_BASE_URL=http://%s MEDIAFERRY_WECHAT_APPID=%s MEDIAFERRY_WECHAT_SECRET=%s\n",
		l.Addr(), c.Accounts[0].AppID, c.Accounts[0].Secret)
	server := wire.NewServer(wechattest.New(c))
	context.AfterFunc(ctx, func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(stop) != nil {
			server.Close()
		}
	})
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
