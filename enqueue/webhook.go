package enqueue

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Deliveries finds webhook deliveries, and makes them due again. *ledger.Ledger implements it.
type Deliveries interface {
	Deliveries(ctx context.Context, f tasks.DeliveryFilter) ([]tasks.Delivery, string, error)
	ReplayAll(ctx context.Context, ids []uuid.UUID) (int, error)
}

const (
	// maxReplays is how many deliveries one replay reaches: a request is answered in time.
	maxReplays = 10_000
	replayPage = 1_000
)

// ReplayAll makes the deliveries that match due again, the newest first and at most 10,000. Each costs as much of the
// producer's rate and budget as an upload. With dry it only counts them. It returns TooMany if nothing at all was left of
// these; when they end in between, More is true.
func (p *Producer) ReplayAll(ctx context.Context, l Deliveries, f tasks.DeliveryFilter, dry bool) (tasks.Replayed, error) {
	var out tasks.Replayed
	ids, more, err := matching(ctx, l, f)
	if err != nil {
		return out, err
	}
	out.Matched, out.More = len(ids), more
	if dry {
		return out, nil
	}
	for len(ids) > 0 {
		n, short := 0, error(nil)
		for n < min(len(ids), replayPage) && short == nil {
			if short = p.Charge(ctx); short == nil {
				n++
			}
		}
		done, err := l.ReplayAll(ctx, ids[:n])
		if err != nil {
			return out, err
		}
		out.Replayed += done
		if tasks.CodeOf(short) == tasks.TooMany && out.Replayed > 0 {
			out.More = true
			return out, nil
		}
		if short != nil {
			return out, short
		}
		ids = ids[n:]
	}
	return out, nil
}

// matching finds the deliveries that a filter chooses, and whether there may be others.
func matching(ctx context.Context, l Deliveries, f tasks.DeliveryFilter) (ids []uuid.UUID, more bool, err error) {
	f.Cursor, f.Limit = "", replayPage
	for {
		page, next, err := l.Deliveries(ctx, f)
		if err != nil {
			return nil, false, err
		}
		for _, d := range page {
			ids = append(ids, d.ID)
		}
		if next == "" || len(ids) >= maxReplays {
			return ids[:min(len(ids), maxReplays)], next != "" || len(ids) > maxReplays, nil
		}
		f.Cursor = next
	}
}

// TestWebhook sends a real event to a URL, empty: where the producer's events go by default. It is batch.completed of a batch
// without uploads, which has the metadata {"test": true}, so that the event goes the whole way: signed, guarded, retried. It
// costs as much as an upload. It returns Invalid where there is no URL, and Denied for one beyond the producer's rights.
func (p *Producer) TestWebhook(ctx context.Context, url string) (tasks.Batch, error) {
	if url == "" && p.CallbackURL == "" {
		return tasks.Batch{}, &tasks.Error{Code: tasks.Invalid, Op: "test webhook", Err: tasks.Textf("url: is missing, and this producer has no callback URL of its own")}
	}
	r, err := p.SubmitRows(ctx, tasks.Batch{CallbackURL: url, Metadata: json.RawMessage(`{"test":true}`)}, func(func(Row, error) bool) {})
	return r.Batch, err
}
