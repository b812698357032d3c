package enqueue

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// Leading tells who leads, and how large the ledger is. *ledger.Ledger implements it.
type Leading interface {
	Leaders(ctx context.Context) ([]tasks.Leader, error)
	Size(ctx context.Context) (tasks.LedgerSize, error)
}

// Surroundings are what a process knows of the machine and the Redis that it works with. A nil function knows nothing.
type Surroundings struct {
	Queues   func(ctx context.Context) ([]tasks.Queue, error)
	Warnings func(ctx context.Context) []string
}

// SystemOf gathers what is told of an installation. While Redis is away there are no queues, and a warning.
func SystemOf(ctx context.Context, l Leading, s Surroundings) (tasks.System, error) {
	out := tasks.System{Leaders: []tasks.Leader{}, Queues: []tasks.Queue{}, Warnings: []string{}}
	leaders, err := l.Leaders(ctx)
	if err != nil {
		return out, err
	}
	out.Leaders = append(out.Leaders, leaders...)
	if out.Ledger, err = l.Size(ctx); err != nil {
		return out, err
	}
	if s.Queues != nil {
		qs, err := s.Queues(ctx)
		if err != nil {
			out.Warnings = append(out.Warnings, err.Error())
		}
		out.Queues = append(out.Queues, qs...)
	}
	if s.Warnings != nil {
		out.Warnings = append(out.Warnings, s.Warnings(ctx)...)
	}
	return out, nil
}
