package cli

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// demoEvery is about the time between two submissions of the stream that the console shows.
const demoEvery = 400 * time.Millisecond

// watch serves the console over the demo, with a stream of traffic and some trouble in it, until ctx ends.
func (d *demoRun) watch(ctx context.Context, engine *wire.Engine) error {
	d.stack.Listening = func(address string) {
		link, err := d.stack.ConsoleLink(ctx, address)
		if err != nil {
			d.stack.Log.Warn("there is no link to the console", "error", err)
			return
		}
		d.say("demo.link")
		fmt.Fprintln(d.Out, link)
		if output.IsTerminal(d.Err) {
			openBrowser(link)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- d.stack.Serve(ctx, engine) }()
	tick := time.NewTicker(demoEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return <-ended
		case <-tick.C:
			if err := d.stream(ctx, engine.Nudge, n); err != nil && ctx.Err() == nil {
				d.stack.Log.Warn("the demo could not submit", "error", err)
			}
		}
	}
}

// stream submits some uploads, now and then a batch, and plans a fault on the way.
func (d *demoRun) stream(ctx context.Context, nudge func(), n int) error {
	door := d.stack.CommandLine(nudge)
	if n%25 == 0 {
		faults := []wechattest.Fault{{Errcode: -1, Times: 2}, {Errcode: 40009}, {Errcode: 45033}, {Errcode: 40113, Times: 3}}
		fault := faults[rand.IntN(len(faults))] //nolint:gosec // a demo
		fault.Path = "media/upload"
		d.sandbox.Script(fault)
	}
	if n%50 == 10 {
		_, err := door.SubmitRows(ctx, tasks.Batch{ExternalID: fmt.Sprintf("catalogue-%d", n/50+1), CallbackURL: d.callback}, d.rows(12, n))
		return err
	}
	for row, err := range d.rows(1+rand.IntN(2), n) { //nolint:gosec // a demo
		if err != nil {
			return err
		}
		if _, err := door.Submit(ctx, row.Upload); err != nil {
			return err
		}
	}
	return nil
}

// rows are some uploads of the samples, each without reuse half of the time.
func (d *demoRun) rows(count, seed int) func(func(enqueue.Row, error) bool) {
	return func(yield func(enqueue.Row, error) bool) {
		for i := range count {
			s := d.samples[(seed*7+i*3)%len(d.samples)]
			u := tasks.Upload{
				Type: s.Type, Source: source.Local(d.folder, s.Name), CallbackURL: d.callback, NoReuse: (seed+i)%2 == 0, ExternalID: "demo-" + uuid.NewString()[:8],
			}
			if !yield(enqueue.Row{Line: i + 1, Upload: u}, nil) {
				return
			}
		}
	}
}
