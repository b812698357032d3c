package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/follow"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/source"
	"github.com/mediaferry/mediaferry/worker/webhook/webhooktest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func (a *app) demoCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work with sample files, a sandbox WeChat, a webhook receiver, and some faults",
		Long: `Makes sample files of every kind, starts a sandbox WeChat and a webhook receiver on loopback, and uploads the files although
WeChat is busy, a token expires and a connection breaks. Then it checks the results. It needs no other program and
leaves nothing behind. With --console it goes on with a stream of uploads and shows them in the console until Ctrl-C.`,
		Example: `  mediaferry demo
  mediaferry demo --console`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "mediaferry-demo-")
			if err != nil {
				return fmt.Errorf("make folder: %w", err)
			}
			defer os.RemoveAll(dir)
			return a.demo(cmd.Context(), dir, watch)
		},
	}
	cmd.Flags().BoolVar(&watch, "console", false, "then go on, and show it in the console until Ctrl-C")
	return cmd
}

// demoLimit ends a demo that does not come to an end.
const demoLimit = time.Minute

// demoRun is one run of the demo.
type demoRun struct {
	*app
	stack    *wire.Stack
	sandbox  *wechattest.Sandbox
	receiver *webhooktest.Receiver
	callback string
	samples  []mediatest.Sample
	folder   string
}

func (a *app) demo(ctx context.Context, dir string, watch bool) error {
	d := &demoRun{app: a, folder: filepath.Join(dir, "media")}
	if err := d.writeSamples(); err != nil {
		return err
	}
	d.sandbox = wechattest.New(wechattest.Config{})
	wechatURL, stop, err := serveLoopback(ctx, d.sandbox)
	if err != nil {
		return err
	}
	defer stop()
	cfg, err := demoSettings(dir, wechatURL)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make data dir: %w", err)
	}
	if d.stack, err = wire.Open(ctx, cfg, a.logger(cfg, true), true); err != nil {
		return err
	}
	defer d.stack.Close()
	secrets, err := d.stack.Secrets.Of(ctx, enqueue.DefaultProducer)
	if err != nil {
		return err
	}
	if d.receiver, err = webhooktest.NewReceiver(secrets...); err != nil {
		return err
	}
	if d.callback, stop, err = serveLoopback(ctx, d.receiver); err != nil {
		return err
	}
	defer stop()
	engine, err := d.stack.Start(ctx, tasks.RoleRun)
	if err != nil {
		return err
	}
	defer engine.Shutdown(context.WithoutCancel(ctx))
	limited, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	if err := d.run(limited, engine.Nudge); err != nil || !watch {
		return err
	}
	return d.watch(ctx, engine)
}

// planFaults tells the sandbox what to do wrong on the way.
func (d *demoRun) planFaults() {
	const upload = "media/upload"
	d.sandbox.Script(
		wechattest.Fault{Path: upload, Errcode: -1, Times: 2},
		wechattest.Fault{Path: upload, Kind: wechattest.RevokeToken},
		wechattest.Fault{Path: upload, Kind: wechattest.ResetAfter},
	)
	d.say("demo.trouble")
}

func (d *demoRun) run(ctx context.Context, nudge func()) error {
	d.planFaults()
	started := time.Now()
	ids, err := d.submit(ctx, nudge)
	if err != nil {
		return err
	}
	follower := follow.Follower{Stack: d.stack, Words: d.words, Accounts: []string{enqueue.DefaultAccount}, Progress: output.NewProgress(d.words, d.Err, !output.IsTerminal(d.Err))}
	outcomes, err := follower.Follow(ctx, ids)
	follower.Progress.Close()
	if err != nil {
		return err
	}
	if err := output.All(output.Table, d.Out, output.Outcomes(d.words), named(outcomes)); err != nil {
		return err
	}
	took := time.Since(started)
	checks, err := d.verify(ctx, outcomes)
	if err != nil {
		return &exit.Error{Code: tasks.ExitFailed, Err: fmt.Errorf("the demo's own check: %w", err)}
	}
	fmt.Fprintf(d.Out, "\n%s\n%s\n", d.tally(outcomes, took), checks)
	return nil
}

// writeSamples writes a file of every kind, one of them twice, and one that is damaged.
func (d *demoRun) writeSamples() error {
	d.samples = mediatest.Samples()
	twin := d.samples[0]
	twin.Name = "landscape-again.jpg"
	d.samples = append(d.samples, twin)
	for _, b := range mediatest.Broken() {
		if b.Name == "truncated.jpg" {
			d.samples = append(d.samples, b)
		}
	}
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	for _, s := range d.samples {
		if err := os.WriteFile(filepath.Join(d.folder, s.Name), s.Bytes, 0o600); err != nil {
			return fmt.Errorf("write sample: %w", err)
		}
		// A broken one that is a second old may still be written: it would be tried again before it is refused.
		long := time.Now().Add(-time.Hour)
		if err := os.Chtimes(filepath.Join(d.folder, s.Name), long, long); err != nil {
			return fmt.Errorf("make samples: %w", err)
		}
	}
	return nil
}

func (d *demoRun) submit(ctx context.Context, nudge func()) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	rows := func(yield func(enqueue.Row, error) bool) {
		for i, s := range d.samples {
			u := tasks.Upload{Type: s.Type, Source: source.Local(d.folder, s.Name), CallbackURL: d.callback}
			if !yield(enqueue.Row{Line: i + 1, Upload: u, Receipt: func(r tasks.Receipt) { ids = append(ids, r.ID) }}, nil) {
				return
			}
		}
	}
	_, err := d.stack.CommandLine(nudge).SubmitRows(ctx, tasks.Batch{CallbackURL: d.callback}, rows)
	return ids, err
}

// named shows files by their names: the folder is gone when the demo ends.
func named(outcomes []tasks.Outcome) []tasks.Outcome {
	shown := slices.Clone(outcomes)
	for i := range shown {
		shown[i].Source = shown[i].Filename
	}
	return shown
}

func (d *demoRun) tally(outcomes []tasks.Outcome, took time.Duration) string {
	succeeded, reused := 0, 0
	for _, o := range outcomes {
		if o.State == tasks.Succeeded {
			succeeded++
		}
		if o.Reused {
			reused++
		}
	}
	return d.t("demo.tally", "Files", len(outcomes), "Succeeded", succeeded, "Reused", reused, "Refused", len(outcomes)-succeeded,
		"Seconds", strconv.FormatFloat(took.Seconds(), 'f', 1, 64), "Calls", d.sandbox.Count("/cgi-bin/media/upload"))
}

// verify checks what the demo claims: every outcome, the very bytes at the sandbox, and every signed webhook.
func (d *demoRun) verify(ctx context.Context, outcomes []tasks.Outcome) (string, error) {
	if len(outcomes) != len(d.samples) {
		return "", fmt.Errorf("%d outcomes for %d files", len(outcomes), len(d.samples))
	}
	for i, o := range outcomes {
		if err := d.verifyOutcome(ctx, d.samples[i], o); err != nil {
			return "", fmt.Errorf("%s: %w", d.samples[i].Name, err)
		}
	}
	wanted := len(outcomes) + 1 // and batch.completed
	events, err := d.receiver.Wait(ctx, wanted)
	if err != nil {
		return "", fmt.Errorf("%d of %d webhooks came: %w", len(events), wanted, err)
	}
	if _, refused := d.receiver.Requests(); refused > 0 {
		return "", fmt.Errorf("%d webhooks did not verify", refused)
	}
	if left := d.sandbox.Pending(); left > 0 {
		return "", fmt.Errorf("%d faults of the script were not met", left)
	}
	return d.t("demo.checked", "N", len(events)), nil
}

func (d *demoRun) verifyOutcome(ctx context.Context, s mediatest.Sample, o tasks.Outcome) error {
	if s.Name == "truncated.jpg" {
		if o.State != tasks.Failed || o.Code != tasks.Corrupt {
			return fmt.Errorf("is %s %s, not refused as damaged", o.State, o.Code)
		}
		return nil
	}
	if o.State != tasks.Succeeded {
		return fmt.Errorf("is %s: %s", o.State, o.Reason)
	}
	got, err := d.stack.WeChat.Fetch(ctx, enqueue.DefaultAccount, o.MediaID)
	if o.Type == tasks.Video && tasks.CodeOf(err) == tasks.Unsupported { // media/get gives a link to it
		got, _ = d.sandbox.Media(o.MediaID)
		err = nil
	}
	if err != nil {
		return fmt.Errorf("fetch media: %w", err)
	}
	if !bytes.Equal(got, s.Bytes) {
		return errors.New("the sandbox holds other bytes")
	}
	return nil
}

// demoSettings ignores the environment: the demo touches nothing of the user's.
func demoSettings(dir, wechatURL string) (config.Config, error) {
	return config.Load("", []string{
		"MEDIAFERRY_LISTEN=127.0.0.1:0",
		"MEDIAFERRY_DATA_DIR=" + filepath.Join(dir, "data"),
		"MEDIAFERRY_WECHAT_BASE_URL=" + wechatURL,
		"MEDIAFERRY_WECHAT_APPID=" + wechattest.DefaultAppID,
		"MEDIAFERRY_WECHAT_SECRET=" + wechattest.DefaultSecret,
	})
}

// serveLoopback answers with h on a free loopback port.
func serveLoopback(ctx context.Context, h http.Handler) (url string, stop func(), err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen on loopback: %w", err)
	}
	server := wire.NewServer(h)
	go func() { _ = server.Serve(l) }() // ends with stop
	return "http://" + l.Addr().String(), func() { server.Close() }, nil
}
