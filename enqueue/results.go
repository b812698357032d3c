package enqueue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// EventLog reads the ledger's events in the order of their commits, without gaps.
type EventLog interface {
	Events(ctx context.Context, f tasks.EventFilter) (tasks.EventPage, error)
	EventsSince(ctx context.Context, at time.Time) (place int64, err error)
}

// ResultsLedger is what Results needs of the ledger.
type ResultsLedger interface {
	Elector
	EventLog
}

// Results writes the outcomes of one producer's uploads to Redis, for a producer that reaches nothing else. It writes the
// Outcome as JSON under the key PREFIX:result:EXTERNAL_ID, where it stays for three days. The default prefix is mediaferry.
type Results struct {
	Ledger   ResultsLedger
	Redis    redis.UniversalClient
	Prefix   string       // of the keys, with its colon, as the belt's; empty: DefaultPrefix
	Producer string       // of the uploads
	Log      *slog.Logger // gets one line when the ledger or Redis goes away, and one when it is back; nil: no lines

	// News gets a value when there may be new events. Nil: it looks every second.
	News <-chan struct{}
}

const (
	resultTTL   = 3 * 24 * time.Hour
	resultsPage = 500
)

// Key returns the key of one upload's result.
func (r *Results) Key(externalID string) string { return r.prefix() + "result:" + externalID }

func (r *Results) prefix() string { return cmp.Or(r.Prefix, DefaultPrefix) }

// Run follows the ledger's events until ctx ends, then returns nil. Run one in every process: a lease elects the one
// that works. How far it has come is kept in Redis beside the results, so that what lies there is written again when all
// of Redis is lost: the results of the last three days, and nothing of other producers.
func (r *Results) Run(ctx context.Context) error {
	log := cmp.Or(r.Log, slog.New(slog.DiscardHandler))
	f := &follower{
		Results: r, away: outage{what: "ledger or redis", log: log},
		seat: candidate{elector: r.Ledger, role: "results:" + r.Producer, holder: uuid.NewString(), ttl: leadTTL},
	}
	defer f.seat.resign(ctx)
	for {
		more, err := f.turn(ctx)
		if ctx.Err() != nil {
			return nil
		}
		f.away.note(err)
		pause := idlePause
		switch {
		case err != nil:
			pause = f.away.backoff()
		case more:
			pause = 0
		}
		news := r.News
		if !f.seat.leading || err != nil {
			news = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-news:
		case <-time.After(pause):
		}
	}
}

// follower is one Run.
type follower struct {
	*Results
	away    outage
	seat    candidate
	leadDue time.Time // when to ask for the lead again
}

func (f *follower) cursorKey() string { return f.prefix() + "results:" + f.Producer }

// turn writes one page of outcomes, and reports whether there may be more.
func (f *follower) turn(ctx context.Context) (bool, error) {
	if leads, err := f.lead(ctx); err != nil || !leads {
		return false, err
	}
	after, err := f.place(ctx)
	if err != nil {
		return false, err
	}
	page, err := f.Ledger.Events(ctx, tasks.EventFilter{After: after, Producers: []string{f.Producer}, Limit: resultsPage})
	if err != nil || page.Next == after {
		return false, err
	}
	pipe := f.Redis.Pipeline()
	for _, e := range page.Events {
		f.write(ctx, pipe, e)
	}
	pipe.Set(ctx, f.cursorKey(), page.Next, 0)
	if _, err := pipe.Exec(ctx); err != nil {
		return false, beltError(ctx, "write results", err)
	}
	return page.More, nil
}

// place is where to go on from: what Redis has kept, or else before the oldest result that would still lie there.
func (f *follower) place(ctx context.Context) (int64, error) {
	after, err := f.Redis.Get(ctx, f.cursorKey()).Int64()
	switch {
	case errors.Is(err, redis.Nil):
		return f.Ledger.EventsSince(ctx, time.Now().Add(-resultTTL))
	case err != nil:
		return 0, beltError(ctx, "read results cursor", err)
	}
	return after, nil
}

// lead reports whether this process is the one that works.
func (f *follower) lead(ctx context.Context) (bool, error) {
	if f.seat.leading && time.Now().Before(f.leadDue) {
		return true, nil
	}
	f.leadDue = time.Now().Add(leadEvery)
	return f.seat.stand(ctx)
}

func (f *follower) write(ctx context.Context, pipe redis.Pipeliner, e tasks.Event) {
	ttl := resultTTL - time.Since(e.Time)
	if !endsUpload(e.Type) || ttl <= 0 {
		return
	}
	var named struct {
		ExternalID string `json:"external_id"`
	}
	if json.Unmarshal(e.Data, &named) == nil && named.ExternalID != "" {
		pipe.Set(ctx, f.Key(named.ExternalID), []byte(e.Data), ttl)
	}
}

func endsUpload(t tasks.EventType) bool {
	return t == tasks.UploadSucceeded || t == tasks.UploadFailed || t == tasks.UploadCanceled
}

// Refuse records a request that was never accepted: as the newest of the last 1,000 in the list
// PREFIX:refused, and as the failed outcome of its ExternalID. A Conflict is in the list alone, since its
// ExternalID belongs to the request that came first.
func (r *Results) Refuse(ctx context.Context, o tasks.Outcome) error {
	o.State = tasks.Failed
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encode refusal: %w", err)
	}
	pipe := r.Redis.Pipeline()
	if o.ExternalID != "" && o.Code != tasks.Conflict {
		pipe.SetNX(ctx, r.Key(o.ExternalID), text, resultTTL)
	}
	list := r.prefix() + "refused"
	pipe.LPush(ctx, list, text)
	pipe.LTrim(ctx, list, 0, 999)
	if _, err := pipe.Exec(ctx); err != nil {
		return beltError(ctx, "record refusal", err)
	}
	return nil
}
