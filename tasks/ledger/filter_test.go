package ledger

import (
	"encoding/json"
	"slices"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

var filterContract = []testCase{
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
}
