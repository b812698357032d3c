package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

func toldAt(url string) func(*tasks.Upload) { return func(u *tasks.Upload) { u.CallbackURL = url } }

func producedBy(name string) func(*tasks.Upload) { return func(u *tasks.Upload) { u.Producer = name } }

// owes makes n deliveries to url.
func (h *harness) owes(n int, url string, more ...func(*tasks.Upload)) {
	h.Helper()
	for _, id := range h.submit(n, append(more, toldAt(url))...) {
		value(h, h.Cancel)(h.Context(), id)
	}
}

// answered ends a dispatched delivery, whose receiver took so long.
func (h *harness) answered(d tasks.DeliveryDispatch, took time.Duration) {
	h.Helper()
	_, k, err := h.ClaimDelivery(h.Context(), d.ID, d.Generation, lease)
	must(h, err)
	must(h, h.FinishDelivery(h.Context(), k, tasks.DeliveryResult{State: tasks.Delivered, Status: 200, Took: took}))
}

// measured lets an endpoint answer until it is known to be as quick as that.
func (h *harness) measured(url string, took time.Duration) {
	h.Helper()
	h.owes(1, url)
	h.answered(h.due(1)[0], took)
}

// byURL counts what was dispatched to each URL.
func (h *harness) byURL(ds []tasks.DeliveryDispatch) map[string]int {
	h.Helper()
	all := map[string]string{}
	for _, d := range h.deliveries(tasks.DeliveryFilter{Limit: 1000}) {
		all[d.ID.String()] = d.URL
	}
	got := map[string]int{}
	for _, d := range ds {
		got[all[d.ID.String()]]++
	}
	return got
}

var deliveryTurnsContract = []testCase{
	{"a slow receiver starves nobody, however much is due for it", func(h *harness) {
		h.measured("https://slow.example/hook", 14*time.Second)
		h.measured("https://quick.example/hook", 5*time.Millisecond)
		h.owes(60, "https://slow.example/hook")
		h.owes(1, "https://quick.example/hook")
		ds := h.due(50)
		same(h, "dispatched", h.byURL(ds), map[string]int{"https://slow.example/hook": endpointSlow, "https://quick.example/hook": 1})
		if again := h.due(50); len(again) != 0 {
			h.Errorf("%d more while the slow one has its share under way", len(again))
		}
		for _, d := range ds {
			if want := h.byURL([]tasks.DeliveryDispatch{d})["https://slow.example/hook"] == 1; d.Slow != want {
				h.Errorf("delivery %+v, slow should be %v", d, want)
			}
		}
	}},
	{"the share of a slow receiver does not grow with its paths", func(h *harness) {
		h.measured("https://slow.example/hook/0", 14*time.Second)
		for i := range 20 {
			h.owes(1, fmt.Sprintf("https://SLOW.example/hook/%d", i))
		}
		if n := len(h.due(50)); n != endpointSlow {
			h.Errorf("%d dispatched, want %d", n, endpointSlow)
		}
	}},
	{"a quick receiver gets a large share, a new one shows first how quick it is", func(h *harness) {
		const url = "https://new.example/hook"
		h.owes(100, url)
		first := h.due(200)
		if len(first) != endpointNew || !first[0].Slow {
			h.Fatalf("%d dispatched to a new one, want %d", len(first), endpointNew)
		}
		for _, d := range first {
			h.answered(d, 10*time.Millisecond)
		}
		rest := h.due(200)
		if len(rest) != 96 || rest[0].Slow {
			h.Errorf("%d dispatched once it is known to be quick, want 96", len(rest))
		}
	}},
	{"one that becomes slow, and one that becomes quick again, are noticed", func(h *harness) {
		const url = "https://moody.example/hook"
		h.measured(url, 10*time.Millisecond)
		h.measured(url, 15*time.Second)
		h.owes(40, url)
		for range 20 {
			for _, d := range h.due(100) {
				h.answered(d, 10*time.Millisecond)
			}
		}
		if n := h.number("SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL"); n != 0 {
			h.Errorf("%d are left though it is quick again", n)
		}
		h.owes(1, url)
		if d := h.due(1)[0]; d.Slow {
			h.Error("it counts as slow for ever")
		}
	}},
	{"deliveries that are lost with the belt or a worker do not block their slow receiver", func(h *harness) {
		const url = "https://slow.example/hook"
		h.measured(url, 14*time.Second)
		h.owes(10, url)
		lost := h.due(50)
		if len(lost) != endpointSlow || len(h.due(50)) != 0 {
			h.Fatalf("%d dispatched, want its share", len(lost))
		}
		h.pass(beltDoubt)
		claimed := h.due(50)
		for _, d := range claimed {
			_, _, err := h.ClaimDelivery(h.Context(), d.ID, d.Generation, time.Minute)
			must(h, err)
		}
		h.pass(beltDoubt)
		if n := len(h.due(50)); len(claimed) != endpointSlow || n != 0 {
			h.Errorf("%d dispatched when the first may be lost, and %d beside those that are claimed; want its share, and none", len(claimed), n)
		}
		h.pass(claimDoubt - beltDoubt)
		if n := len(h.due(50)); n != endpointSlow {
			h.Errorf("%d dispatched once their worker may be dead, want its share", n)
		}
	}},
	{"producers that name the same receiver have a turn each", func(h *harness) {
		const url = "https://one.example/hook"
		h.owes(60, url, producedBy("greedy"))
		h.owes(1, url, producedBy("modest"))
		ds := h.due(5)
		n := 0
		for _, d := range h.deliveries(tasks.DeliveryFilter{Producer: "modest"}) {
			for _, got := range ds {
				if got.ID == d.ID {
					n++
				}
			}
		}
		if n != 1 {
			h.Errorf("%d of the modest one's deliveries are among the first %d, want 1", n, len(ds))
		}
	}},
	{"a delivery that was given up by us tells nothing of its receiver", func(h *harness) {
		h.owes(1, hook)
		d := h.due(1)[0]
		_, k, err := h.ClaimDelivery(h.Context(), d.ID, d.Generation, lease)
		must(h, err)
		must(h, h.FinishDelivery(h.Context(), k, tasks.DeliveryResult{State: tasks.Pending, Skipped: true}))
		if n := h.number("SELECT count(*) FROM endpoints"); n != 0 {
			h.Errorf("%d endpoints are measured", n)
		}
	}},
}

func TestInTurns(t *testing.T) {
	t.Parallel()
	of := func(name string, underWay, due int) *endpoint {
		return &endpoint{name: name, underWay: underWay, due: make([]dueDelivery, due)}
	}
	busy, idle := of("busy", 3, 5), of("idle", 0, 1)
	for i := range busy.due {
		busy.due[i].seq = int64(i)
	}
	idle.due[0].seq = 100
	var got []int64
	for _, d := range inTurns([]*endpoint{busy, idle}, 4) {
		got = append(got, d.seq)
	}
	if fmt.Sprint(got) != "[100 0 1 2]" {
		t.Errorf("in turns: %v", got)
	}
}
