//go:build planted

package planted

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/source"
	"github.com/mediaferry/mediaferry/worker/webhook"
	"github.com/mediaferry/mediaferry/worker/webhook/webhooktest"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// Main is `mediaferry worker`, as far as the tool needs it, over a ledger with a planted bug.
func Main(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("planted-worker: want the settings file and the bug")
	}
	c, err := config.Load(args[0], os.Environ())
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	l, err := openLedger(ctx, c.LedgerURL.Reveal(), args[1], c.Worker.Lease)
	if err != nil {
		return err
	}
	options, err := c.Redis()
	if err != nil {
		return err
	}
	rdb := enqueue.Connect(*options.Universal)
	belt := enqueue.NewBelt(rdb, c.QueuePrefix+":")
	files, err := source.New(source.Config{Root: c.StorageRoot, Log: log})
	if err != nil {
		return err
	}
	client, err := plantedWeChat(c, log)
	if err != nil {
		return err
	}
	accounts := client.Accounts()
	for i, a := range accounts {
		accounts[i].DailyLimit = c.Accounts[a.Name].DailyLimit
	}
	if err := l.Join(ctx, tasks.Process{Name: "test", Role: tasks.RoleRun}, accounts); err != nil {
		return err
	}
	w := worker.New(worker.Deps{Ledger: l, Files: files, Checker: newPlantedChecker(c.Limits), Uploader: client, Accounts: accounts}, worker.Config{
		Slots: c.Worker.Concurrency, Lease: l.belief(), Log: log,
		Retry: worker.Retry{Attempts: c.Worker.Attempts, Base: c.Worker.BackoffBase, Cap: c.Worker.BackoffCap},
	})
	sender := webhook.New(webhook.Config{Allow: func(string) []string { return c.Webhook.Allow }}, webhooktest.Secrets(c.Webhook.Secrets...))
	courier := &worker.Courier{Ledger: l, Sender: sender, Log: log}
	dispatcher := enqueue.NewDispatcher(l, &beltWithBug{Belt: belt, bug: args[1]})
	dispatcher.Grace, dispatcher.Log = c.Worker.Lease, log
	server := worker.NewServer(rdb, worker.Handlers{Run: w.Carry, Deliver: courier.Deliver},
		worker.ServerConfig{Prefix: c.QueuePrefix + ":", Slots: c.Worker.Concurrency, Drain: c.Worker.Shutdown, Log: log})
	if err := server.Start(); err != nil {
		return err
	}
	log.Info("ready")
	err = dispatcher.Run(ctx)
	server.Shutdown(context.WithoutCancel(ctx), w.Drain, w.Stop)
	w.Close()
	return err
}

func plantedWeChat(c config.Config, log *slog.Logger) (*wechat.Client, error) {
	var accounts []wechat.Account
	for name, a := range c.Accounts {
		accounts = append(accounts, wechat.Account{Name: name, AppID: a.AppID, Secret: a.Secret})
	}
	return wechat.New(wechat.Config{BaseURLs: c.WeChat.BaseURL, Log: log}, accounts, nil)
}

// plantedChecker is package media with the configured limits.
type plantedChecker struct{ limits media.Limits }

func newPlantedChecker(l config.Limits) plantedChecker {
	return plantedChecker{media.Limits{
		ImageBytes: int64(l.Image), VoiceBytes: int64(l.Voice), VideoBytes: int64(l.Video), ThumbBytes: int64(l.Thumb),
		VoiceDuration: l.VoiceLength, Tolerance: l.VoiceTolerance, Pixels: int64(l.ImagePixels),
	}}
}

func (c plantedChecker) Fits(t tasks.MediaType, size int64) error { return c.limits.Fits(t, size) }

func (c plantedChecker) Check(b []byte, t tasks.MediaType) (tasks.Content, error) {
	return media.Check(b, t, c.limits)
}
