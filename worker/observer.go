package worker

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Observer is told what happens in a worker, as it happens. Its methods return at once, and are safe for concurrent use.
type Observer interface {
	// Claimed is called when an upload was claimed for the first time, waited after it was accepted.
	Claimed(waited time.Duration)
	// Passed is called when an upload has gone through a stage, well or not.
	Passed(s tasks.Stage, took time.Duration)
	// Tried is called when a try has ended.
	Tried(t Try)
}

// Try is how one try to carry an upload ended.
type Try struct {
	Account string
	Type    tasks.MediaType
	State   tasks.State // that it left the upload in; Queued: handed back
	Reused  bool
	Code    tasks.Code // why it did not succeed
	Errcode int
	Took    time.Duration // from claim to result
}

// silent observes nothing.
type silent struct{}

func (silent) Claimed(time.Duration)             {}
func (silent) Passed(tasks.Stage, time.Duration) {}
func (silent) Tried(Try)                         {}

// passed is deferred where a stage begins.
func (w *Worker) passed(s tasks.Stage, began time.Time) { w.cfg.Observer.Passed(s, time.Since(began)) }

func (w *Worker) tried(c tasks.Claim, end ending, took time.Duration) {
	t := Try{Account: c.Account, Type: c.Type, State: end.state, Reused: end.reuse, Took: took}
	if end.cause != nil {
		t.Code, t.Errcode = end.cause.Code, end.cause.Errcode
	}
	w.cfg.Observer.Tried(t)
}
