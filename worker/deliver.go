package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Deliveries hands out webhook deliveries and records their results.
type Deliveries interface {
	ID() uuid.UUID
	ClaimDelivery(ctx context.Context, id uuid.UUID, generation int, lease time.Duration) (tasks.Delivery, tasks.DeliveryToken, error)
	FinishDelivery(ctx context.Context, token tasks.DeliveryToken, r tasks.DeliveryResult) error
}

// Sender sends one event to its URL.
type Sender interface {
	Deliver(ctx context.Context, d tasks.Delivery) tasks.DeliveryResult
}

// Courier carries webhook deliveries. An event may arrive more than once, always under the same webhook-id.
type Courier struct {
	Ledger Deliveries
	Sender Sender
	// Ended is called when an attempt has ended. It returns at once. Nil: not called.
	Ended func(tasks.DeliveryResult)
	Log   *slog.Logger
}

// deliveryLease outlasts the longest attempt, which the sender bounds at a few times 15 s.
const deliveryLease = time.Minute

// Deliver carries one dispatched delivery. It returns an error only if the ledger could not be reached.
func (c *Courier) Deliver(ctx context.Context, p tasks.DeliverPayload) error {
	if p.Ledger != c.Ledger.ID() {
		c.Log.WarnContext(ctx, "a task of another ledger came over this belt: give each ledger its own queue_prefix", "ledger_id", p.Ledger)
		return nil
	}
	delivery, token, err := c.Ledger.ClaimDelivery(ctx, p.Delivery, p.Generation, deliveryLease)
	if err != nil {
		return refused(err)
	}
	result := c.Sender.Deliver(ctx, delivery)
	if ctx.Err() != nil && result.State == tasks.Pending {
		result = tasks.DeliveryResult{State: tasks.Pending, Skipped: true, Reason: "the worker was shut down"}
	}
	c.tell(ctx, delivery, result)
	if c.Ended != nil {
		c.Ended(result)
	}
	err = c.Ledger.FinishDelivery(context.WithoutCancel(ctx), token, result)
	if err != nil && !errors.Is(err, tasks.ErrFenced) {
		return fmt.Errorf("record delivery: %w", err)
	}
	return nil
}

func (c *Courier) tell(ctx context.Context, d tasks.Delivery, r tasks.DeliveryResult) {
	level := slog.LevelDebug
	if r.State != tasks.Delivered {
		level = slog.LevelWarn
	}
	c.Log.LogAttrs(ctx, level, "webhook "+string(r.State),
		slog.String("webhook_id", d.Event.ID.String()), slog.String("event", string(d.Event.Type)),
		slog.Int("status", r.Status), slog.String("reason", r.Reason), slog.Duration("again_in", r.Retry))
}
