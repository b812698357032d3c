package ledger

import (
	"errors"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// sources is what is known of uploads by their external ids.
func (h *harness) sources(names ...string) map[string]tasks.KnownSource {
	h.Helper()
	found, err := h.KnownSources(h.Context(), "crm", names)
	must(h, err)
	return found
}

func known(hash tasks.Hash, identity string) tasks.KnownSource {
	return tasks.KnownSource{Type: tasks.Image, KnownContent: tasks.KnownContent{Hash: hash, Identity: identity}}
}

var sourceContract = []testCase{
	{"what was read is kept with the outcome", func(h *harness) {
		plain, fixed, corrupt, large, open := h.running(), h.running(), h.running(), h.running(), h.running()
		original, damaged := tasks.HashOf([]byte("original")), tasks.HashOf([]byte("damaged"))

		res := h.success("x")
		res.Read = tasks.KnownContent{Hash: res.Key.Hash, Identity: "look 1"}
		must(h, h.Finish(h.Context(), plain.Token, res))
		res = h.success("y")
		res.Original, res.Fixed, res.Read = original, "scaled", tasks.KnownContent{Hash: original, Identity: "look 2"}
		must(h, h.Finish(h.Context(), fixed.Token, res))
		res = failure(tasks.Corrupt)
		res.Read = tasks.KnownContent{Hash: damaged, Identity: "look 3"}
		must(h, h.Finish(h.Context(), corrupt.Token, res))
		res = failure(tasks.TooLarge) // it was not read
		res.Read = tasks.KnownContent{Identity: "look 4"}
		must(h, h.Finish(h.Context(), large.Token, res))

		same(h, "sources", h.sources(plain.ExternalID, fixed.ExternalID, corrupt.ExternalID, large.ExternalID, open.ExternalID, "none"),
			map[string]tasks.KnownSource{
				plain.ExternalID: known(key("x").Hash, "look 1"), fixed.ExternalID: known(original, "look 2"),
				corrupt.ExternalID: known(damaged, "look 3"), large.ExternalID: known(tasks.Hash{}, "look 4"),
			})
		if other, err := h.KnownSources(h.Context(), "another", []string{plain.ExternalID}); err != nil || len(other) != 0 {
			h.Errorf("another producer sees %v (%v)", other, err)
		}
		if o := h.outcome(corrupt.ID); o.SHA256 != "" {
			h.Errorf("a hash is shown of what was not uploaded: %s", o.SHA256)
		}
	}},
	{"a new round knows nothing of the source", func(h *harness) {
		c := h.running()
		res := h.success("x")
		res.Read = tasks.KnownContent{Hash: res.Key.Hash, Identity: "look 1"}
		must(h, h.Finish(h.Context(), c.Token, res))
		must(h, h.Retry(h.Context(), c.ID, true))
		if found := h.sources(c.ExternalID); len(found) != 0 {
			h.Errorf("before its outcome: %v", found)
		}
		c = h.again()
		if c.Known != (tasks.KnownContent{}) {
			h.Errorf("the claim knows %+v", c.Known)
		}
		must(h, h.Finish(h.Context(), c.Token, tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: tasks.Missing, Err: errors.New("gone")}}))
		same(h, "after a round that read nothing", h.sources(c.ExternalID), map[string]tasks.KnownSource{c.ExternalID: known(tasks.Hash{}, "")})
	}},
	{"what looks otherwise and holds the same is confirmed", func(h *harness) {
		right, wrong, reopened := h.running(), h.running(), h.running()
		for _, c := range []tasks.Claim{right, wrong, reopened} {
			res := h.success(c.ExternalID)
			res.Read = tasks.KnownContent{Hash: res.Key.Hash, Identity: "old"}
			must(h, h.Finish(h.Context(), c.Token, res))
		}
		must(h, h.Retry(h.Context(), reopened.ID, true))
		must(h, h.Confirm(h.Context(), map[uuid.UUID]tasks.KnownContent{
			right.ID:    {Hash: key(right.ExternalID).Hash, Identity: "new"},
			wrong.ID:    {Hash: key("other").Hash, Identity: "new"},
			reopened.ID: {Hash: key(reopened.ExternalID).Hash, Identity: "new"},
			uuid.New():  {Hash: key("none").Hash, Identity: "new"},
		}))
		same(h, "sources", h.sources(right.ExternalID, wrong.ExternalID, reopened.ExternalID), map[string]tasks.KnownSource{
			right.ExternalID: known(key(right.ExternalID).Hash, "new"), wrong.ExternalID: known(key(wrong.ExternalID).Hash, "old"),
		})
		if c := h.again(); c.Known != (tasks.KnownContent{}) {
			h.Errorf("the new round knows %+v", c.Known)
		}
	}},
}
