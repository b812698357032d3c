package check

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/tasks"
)

// checkBatches: every sealed batch completed, once in each round, after all of its uploads, with the right counts.
func checkBatches(r *Records) {
	members := map[uuid.UUID][]*tasks.Outcome{}
	for _, o := range r.outcomes {
		if o.Batch != uuid.Nil {
			members[o.Batch] = append(members[o.Batch], o)
		}
	}
	for _, e := range r.Journal {
		if e.Kind == history.Sealed && e.Batch != uuid.Nil {
			r.sealed(e)
		}
	}
	for id, b := range r.batches {
		if b.State == tasks.BatchComplete {
			r.complete(b, members[id])
		}
		for round := 1; round <= b.Round; round++ {
			r.completedOnce(b, round)
		}
	}
	for k := range r.completed {
		if b := r.batches[k.id]; b == nil || k.round > b.Round {
			r.reportBatch(k.id, "batch.completed came for round %d, which never was", k.round)
		}
	}
	r.replayBatches(members)
}

// sealed: a batch is as its producer was told.
func (r *Records) sealed(e history.Entry) {
	b := r.batches[e.Batch]
	switch {
	case b == nil:
		r.reportBatch(e.Batch, "%s was acknowledged and is not in the ledger", e.Name)
	case b.State != tasks.BatchComplete:
		r.reportBatch(e.Batch, "%s was sealed and is %s at the end, %d of %d open", e.Name, b.State, b.Counts.Open, b.Counts.Total)
	case b.Counts.Total != e.Rows:
		r.reportBatch(e.Batch, "%s was submitted with %d rows and has %d", e.Name, e.Rows, b.Counts.Total)
	}
}

// complete: the counts of a complete batch are those of its uploads.
func (r *Records) complete(b *tasks.Batch, members []*tasks.Outcome) {
	want := tasks.BatchCounts{Total: len(members), Refused: b.Counts.Refused}
	for _, o := range members {
		switch o.State {
		case tasks.Succeeded:
			want.Succeeded++
		case tasks.Failed:
			want.Failed++
		case tasks.Canceled:
			want.Canceled++
		default:
			want.Open++
		}
	}
	if b.Counts != want {
		r.reportBatch(b.ID, "%s counts %+v, its uploads make %+v", b.ExternalID, b.Counts, want)
	}
	if want.Open > 0 {
		r.reportBatch(b.ID, "%s is complete with %d of its uploads open", b.ExternalID, want.Open)
	}
}

func (r *Records) completedOnce(b *tasks.Batch, round int) {
	n := len(r.completed[roundKey{b.ID, round}])
	over := round < b.Round || b.State == tasks.BatchComplete
	if over && n != 1 || !over && n > 0 {
		r.reportBatch(b.ID, "%s is %s in round %d, and has %d times batch.completed of round %d", b.ExternalID, b.State, b.Round, n, round)
	}
}

// replayBatches reads all events in the order of their commits. At each batch.completed every upload of the batch has its
// outcome, and the counts are those of the outcomes so far.
func (r *Records) replayBatches(members map[uuid.UUID][]*tasks.Outcome) {
	now := map[uuid.UUID]tasks.State{}
	events := slices.SortedFunc(slices.Values(r.Events), func(a, b history.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, e := range events {
		if outcomeEvent(e.Type) {
			if o, err := outcomeOf(e.Data); err == nil {
				now[o.ID] = o.State
			}
			continue
		}
		if e.Type != tasks.BatchCompleted {
			continue
		}
		if b, err := batchOf(e.Data); err == nil {
			r.early(b, e, members[b.ID], now)
		}
	}
}

func (r *Records) early(b tasks.Batch, e history.Event, members []*tasks.Outcome, now map[uuid.UUID]tasks.State) {
	var got tasks.BatchCounts
	for _, o := range members {
		switch now[o.ID] {
		case tasks.Succeeded:
			got.Succeeded++
		case tasks.Failed:
			got.Failed++
		case tasks.Canceled:
			got.Canceled++
		default:
			r.reportBatch(b.ID, "batch.completed (event %d, round %d) came before the outcome of %s (%s)", e.Seq, b.Round, o.ExternalID, o.ID)
			return
		}
	}
	got.Total, got.Refused = len(members), b.Counts.Refused
	if b.Counts != got {
		r.reportBatch(b.ID, "batch.completed (event %d, round %d) says %+v, the outcomes until then make %+v", e.Seq, b.Round, b.Counts, got)
	}
}
