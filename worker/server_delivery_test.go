package worker

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
)

// However many deliveries to slow receivers are on the belt, one to a quick receiver is not behind them.
func TestSlowReceiversHoldNoQuickOneUp(t *testing.T) {
	t.Parallel()
	c := redistest.Start(t).Client()
	belt := enqueue.NewBelt(c, "")
	ledger := uuid.New()
	put := func(n int, slow bool) []tasks.DeliveryDispatch {
		ds := make([]tasks.DeliveryDispatch, n)
		for i := range ds {
			ds[i] = tasks.DeliveryDispatch{ID: uuid.New(), Generation: 1, Slow: slow}
		}
		if _, err := belt.PutDeliveries(t.Context(), ledger, ds); err != nil {
			t.Fatal(err)
		}
		return ds
	}
	const slots = 2
	put(3*slowPerQuick*slots, true)
	quick := put(1, false)[0].ID
	delivered, end := make(chan struct{}), make(chan struct{})
	s := NewServer(c, Handlers{Deliver: func(ctx context.Context, p tasks.DeliverPayload) error {
		if p.Delivery == quick {
			close(delivered)
			return nil
		}
		select { // a slow one: it answers when all is over
		case <-end:
		case <-ctx.Done():
		}
		return nil
	}}, ServerConfig{Deliveries: slots})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	<-delivered
	if info, err := asynq.NewInspectorFromRedisClient(c).GetQueueInfo(tasks.QueueWebhookSlow); err != nil || info.Active+info.Pending != 3*slowPerQuick*slots {
		t.Errorf("%+v (%v): all slow ones should still be under way", info, err)
	}
	close(end)
	s.Shutdown(t.Context(), func() {}, func() {})
}
