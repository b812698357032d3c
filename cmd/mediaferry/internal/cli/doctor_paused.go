package cli

import (
	"context"
	"fmt"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
)

// paused names the queues out of which nothing is taken, since somebody has paused them with a tool of asynq's.
func (d *doctor) paused(ctx context.Context) {
	const check = "queues"
	qs, err := d.stack.Belt.Queues(ctx)
	if err != nil {
		d.bad(check, err, "")
		return
	}
	for _, q := range qs {
		if q.Paused {
			name := d.stack.Belt.Queue(q.Name)
			d.bad(check, fmt.Errorf("%s is paused: %s in it", name, output.Count(q.Pending, "task waits", "tasks wait")), "asynq queue unpause "+name)
		}
	}
}
