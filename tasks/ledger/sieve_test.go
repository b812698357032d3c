package ledger

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

var sieveContract = []testCase{
	{"uploads are chosen by source and metadata, page by page", func(h *harness) {
		var want []uuid.UUID
		for i := range 6 {
			id := h.submit(1, func(u *tasks.Upload) {
				u.Source, u.Metadata = "other/a.jpg", json.RawMessage(`{"order":8}`)
				if i%2 == 0 {
					u.Source, u.Metadata = "orders/7/a.jpg", json.RawMessage(`{"order":7,"shelf":"A"}`)
				}
			})[0]
			if i%2 == 0 {
				want = append(want, id)
			}
		}
		slices.Reverse(want)
		for name, f := range map[string]tasks.Filter{
			"glob":     {Source: "orders/**", Limit: 2},
			"number":   {Metadata: map[string]string{"order": "7"}, Limit: 2},
			"text":     {Metadata: map[string]string{"shelf": "A"}, Limit: 1},
			"as JSON":  {Metadata: map[string]string{"shelf": `"A"`}},
			"together": {Source: "a.jpg", Metadata: map[string]string{"order": "7", "shelf": "A"}, Limit: 1},
		} {
			var got []uuid.UUID
			for {
				page, next, err := h.List(h.Context(), f)
				must(h, err)
				for _, o := range page {
					got = append(got, o.ID)
				}
				if f.Cursor = next; next == "" {
					break
				}
			}
			same(h, name, got, want)
		}
		none, _, err := h.List(h.Context(), tasks.Filter{Source: "orders/**", Metadata: map[string]string{"order": "8"}})
		must(h, err)
		same(h, "none", len(none), 0)
	}},
	{"a bulk action is kept from its beginning to its end", func(h *harness) {
		a, err := h.BeginAction(h.Context(), tasks.Action{Kind: tasks.ActionRetry, By: "li@desk", Choice: json.RawMessage(`{"state":["failed"]}`), Matched: 5})
		must(h, err)
		as, err := h.Actions(h.Context(), 0)
		must(h, err)
		same(h, "under way", as, []tasks.Action{a})
		a.Done, a.Left = 3, 2
		must(h, h.EndAction(h.Context(), a))
		as, err = h.Actions(h.Context(), 0)
		must(h, err)
		if len(as) != 1 || as[0].Done != 3 || as[0].Left != 2 || as[0].Ended.IsZero() || as[0].By != "li@desk" {
			h.Errorf("ended: %+v", as)
		}
		wantCode(h, h.EndAction(h.Context(), tasks.Action{ID: uuid.New()}), tasks.NotFound)
	}},
}

func TestMetadataThatIsNoObjectMatchesNothing(t *testing.T) {
	t.Parallel()
	for _, m := range []string{"", "null", "7", `["order"]`, `{"order":{"x":7}}`} {
		if hasMetadata(json.RawMessage(m), map[string]string{"order": "7"}) {
			t.Errorf("%q matches", m)
		}
	}
}
