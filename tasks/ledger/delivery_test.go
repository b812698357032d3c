package ledger

import (
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

const hook = "https://crm.example/hook"

func told(u *tasks.Upload) { u.CallbackURL = hook }

var deliveryContract = []testCase{
	{"who asked for it is told, by the upload's own URL or its batch's", func(h *harness) {
		b := h.batch(tasks.Batch{CallbackURL: "https://crm.example/batch"})
		own := h.submit(1, in(b.ID), told)[0]
		batch := h.submit(1, in(b.ID))[0]
		nobody := h.submit(1)[0]
		must(h, h.Seal(h.Context(), b.ID, false))
		for _, id := range []uuid.UUID{own, batch, nobody} {
			value(h, h.Cancel)(h.Context(), id)
		}
		type row struct {
			URL  string
			Type tasks.EventType
		}
		var got []row
		for _, d := range h.deliveries(tasks.DeliveryFilter{}) {
			got = append(got, row{d.URL, d.Event.Type})
			if d.State != tasks.Pending || d.Event.Producer != "crm" {
				h.Errorf("delivery %+v", d)
			}
		}
		same(h, "deliveries, newest first", got, []row{
			{"https://crm.example/batch", tasks.BatchCompleted},
			{"https://crm.example/batch", tasks.UploadCanceled},
			{hook, tasks.UploadCanceled},
		})
		if n := len(h.deliveries(tasks.DeliveryFilter{Upload: own})); n != 1 {
			h.Errorf("%d deliveries of one upload, want 1", n)
		}
		if n := len(h.deliveries(tasks.DeliveryFilter{Upload: b.ID})); n != 1 {
			h.Errorf("%d deliveries of the batch, want 1", n)
		}
		if n := len(h.deliveries(tasks.DeliveryFilter{Producer: "erp"})); n != 0 {
			h.Errorf("%d deliveries of another producer", n)
		}
	}},
	{"a delivery is claimed once, with its event", func(h *harness) {
		d := h.delivery()
		got, k, err := h.ClaimDelivery(h.Context(), d.ID, d.Generation, lease)
		must(h, err)
		want := h.events()[0]
		same(h, "event", got.Event, want)
		if got.URL != hook || got.Attempts != 0 || got.ID != d.ID {
			h.Errorf("delivery %+v", got)
		}
		_, _, err = h.ClaimDelivery(h.Context(), d.ID, d.Generation, lease)
		wantFenced(h, err)
		done := tasks.DeliveryResult{State: tasks.Delivered, Status: 204}
		must(h, h.FinishDelivery(h.Context(), k, done))
		must(h, h.FinishDelivery(h.Context(), k, done))
		wantFenced(h, h.FinishDelivery(h.Context(), k, tasks.DeliveryResult{State: tasks.GivenUp}))
		if got := h.deliveries(tasks.DeliveryFilter{State: tasks.Delivered}); len(got) != 1 || got[0].LastStatus != 204 || got[0].Attempts != 1 || !got[0].Due.IsZero() {
			h.Errorf("deliveries %+v", got)
		}
		if n := len(h.deliveries(tasks.DeliveryFilter{State: tasks.Pending})); n != 0 {
			h.Errorf("%d are pending", n)
		}
	}},
	{"a failed attempt is due again after its pause, with a new generation", func(h *harness) {
		d := h.delivery()
		_, k, err := h.ClaimDelivery(h.Context(), d.ID, d.Generation, lease)
		must(h, err)
		must(h, h.FinishDelivery(h.Context(), k, tasks.DeliveryResult{State: tasks.Pending, Status: 500, Reason: "HTTP 500\n", Retry: time.Minute}))
		got := h.deliveries(tasks.DeliveryFilter{})[0]
		if got.State != tasks.Pending || got.Attempts != 1 || got.LastStatus != 500 || got.LastError != "HTTP 500" {
			h.Errorf("delivery %+v", got)
		}
		if n := len(h.due(10)); n != 0 {
			h.Errorf("%d are due too early", n)
		}
		h.pass(time.Minute)
		if ds := h.due(10); len(ds) != 1 || ds[0].Generation != d.Generation+1 {
			h.Errorf("dispatched %+v", ds)
		}
		wantFenced(h, h.FinishDelivery(h.Context(), k, tasks.DeliveryResult{State: tasks.Delivered}))
	}},
	{"an attempt that was skipped does not count", func(h *harness) {
		d := h.delivery()
		_, k, err := h.ClaimDelivery(h.Context(), d.ID, d.Generation, lease)
		must(h, err)
		must(h, h.FinishDelivery(h.Context(), k, tasks.DeliveryResult{State: tasks.Pending, Retry: time.Minute, Skipped: true}))
		if got := h.deliveries(tasks.DeliveryFilter{})[0]; got.Attempts != 0 {
			h.Errorf("%d attempts", got.Attempts)
		}
	}},
	{"a delivery that is lost on the belt, or with its worker, is due again", func(h *harness) {
		d := h.delivery()
		h.pass(59 * time.Second)
		if n := len(h.due(10)); n != 0 {
			h.Errorf("%d are due while it may be claimed", n)
		}
		h.pass(time.Second)
		again := h.due(10)
		if len(again) != 1 || again[0].Generation != d.Generation+1 {
			h.Fatalf("dispatched %+v", again)
		}
		_, _, err := h.ClaimDelivery(h.Context(), d.ID, d.Generation, lease)
		wantFenced(h, err)
		_, k, err := h.ClaimDelivery(h.Context(), d.ID, again[0].Generation, lease)
		must(h, err)
		h.pass(lease)
		if n := len(h.due(10)); n != 1 {
			h.Errorf("%d are due after the lease, want 1", n)
		}
		must(h, h.FinishDelivery(h.Context(), k, tasks.DeliveryResult{State: tasks.Delivered})) // nobody has claimed since
	}},
	{"the window of deliveries is not passed", func(h *harness) {
		for _, id := range h.submit(5, told) {
			value(h, h.Cancel)(h.Context(), id)
		}
		for _, want := range []int{3, 0} {
			if n := len(h.due(3)); n != want {
				h.Errorf("%d dispatched, want %d", n, want)
			}
		}
	}},
	{"a replay sends the same event again", func(h *harness) {
		d := h.delivery()
		before, k, err := h.ClaimDelivery(h.Context(), d.ID, d.Generation, lease)
		must(h, err)
		must(h, h.FinishDelivery(h.Context(), k, tasks.DeliveryResult{State: tasks.GivenUp, Status: 500}))
		must(h, h.Replay(h.Context(), d.ID))
		again := h.due(10)[0]
		after, _, err := h.ClaimDelivery(h.Context(), d.ID, again.Generation, lease)
		must(h, err)
		same(h, "event", after.Event, before.Event)
		if after.Attempts != 0 {
			h.Errorf("it has %d attempts", after.Attempts)
		}
		wantCode(h, h.Replay(h.Context(), uuid.New()), tasks.NotFound)
	}},
	{"no state but the four ends a delivery", func(h *harness) {
		wantCode(h, h.FinishDelivery(h.Context(), tasks.DeliveryToken{}, tasks.DeliveryResult{}), tasks.Invalid)
	}},
}

// delivery makes one delivery and dispatches it.
func (h *harness) delivery() tasks.DeliveryDispatch {
	h.Helper()
	value(h, h.Cancel)(h.Context(), h.submit(1, told)[0])
	ds := h.due(10)
	if len(ds) != 1 {
		h.Fatalf("%d deliveries are due, want 1", len(ds))
	}
	return ds[0]
}

func (h *harness) due(window int) []tasks.DeliveryDispatch {
	h.Helper()
	return value(h, h.DispatchDeliveries)(h.Context(), window)
}

func (h *harness) deliveries(f tasks.DeliveryFilter) []tasks.Delivery {
	h.Helper()
	ds, _, err := h.Deliveries(h.Context(), f)
	must(h, err)
	return ds
}
