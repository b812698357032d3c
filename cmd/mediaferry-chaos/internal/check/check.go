// Package check finds out from the history of a run what went wrong. It reads nothing else.
package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Finding is one thing that went wrong.
type Finding struct {
	Kind   string    `json:"kind"`
	Upload uuid.UUID `json:"upload,omitzero"`
	Batch  uuid.UUID `json:"batch,omitzero"`
	What   string    `json:"what"`
}

// The kinds of findings.
const (
	Lost         = "lost"        // an acknowledged upload without an outcome
	Open         = "open"        // an upload that was never acknowledged, without an outcome
	Conflicting  = "conflicting" // two different outcomes of one round, or two uploads of one name
	Unexpected   = "unexpected"  // an upload that nobody submitted, or an outcome without a cause
	Duplicates   = "duplicates"  // more calls with the same content than crashes explain
	Media        = "media"       // a media_id that WeChat did not issue for these bytes
	Outbox       = "outbox"      // an outcome without its event, or an event without its outcome
	Webhook      = "webhook"     // an event that did not arrive, or arrived wrong
	Batch        = "batch"       // batch.completed missing, twice, early or with wrong counts
	Quota        = "quota"       // more calls than the day's limit
	Attempts     = "attempts"    // more attempts than the limit, or a wrong count
	LateRecovery = "recovery"    // uploads of dead workers ran again too late
	Answer       = "answer"      // an HTTP answer that no producer may get
	Growth       = "growth"      // a process holds more and more
	Stalled      = "stalled"     // producers could not submit everything, or the fleet did not settle
	Crash        = "crash"       // a process panicked
	Starved      = "starved"     // an account, a producer or a receiver got nothing, though it had work and room
)

// Kinds lists the kinds in the order of the report.
var Kinds = []string{ //nolint:gochecknoglobals // a constant in all but name
	Lost, Open, Conflicting, Unexpected, Duplicates, Media, Outbox, Webhook, Batch,
	Quota, Attempts, LateRecovery, Starved, Answer, Growth, Stalled, Crash,
}

// All returns all findings in a history, by kind.
func All(h *history.History) []Finding {
	r := New(h)
	for _, check := range []func(*Records){
		checkOutcomes, checkNames, checkCauses, checkAttempts, checkMedia, checkDuplicates, checkQuota,
		checkOutbox, checkWebhooks, checkBatches, checkRecovery, checkStarved, checkAnswers, checkGrowth, checkProgress, checkCrashes,
	} {
		check(r)
	}
	slices.SortStableFunc(r.findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind))
	})
	return r.findings
}

// roundKey identifies one round of an upload or a batch.
type roundKey struct {
	id    uuid.UUID
	round int
}

// Records is a history, indexed.
type Records struct {
	*history.History
	outcomes  map[uuid.UUID]*tasks.Outcome
	batches   map[uuid.UUID]*tasks.Batch
	byName    map[string]*tasks.Outcome // producer and name
	acks      []history.Entry
	Acked     map[string]history.Entry // by producer and name
	hopeless  map[string]bool          // likewise: those that were refused for their deadline
	intents   map[string]bool          // producer and name
	names     map[string]string        // producer and source -> name
	cancels   map[uuid.UUID]bool
	versions  map[string]map[string]bool   // source -> SHA-256
	touched   map[string]bool              // sources
	issued    map[string]wechattest.Call   // by media_id
	events    map[roundKey][]history.Event // upload.* events
	completed map[roundKey][]history.Event // batch.completed events
	webhooks  map[string][]history.Webhook // by webhook-id
	start     time.Time                    // of the run
	findings  []Finding
}

// New indexes a history.
func New(h *history.History) *Records {
	r := &Records{
		History: h, outcomes: map[uuid.UUID]*tasks.Outcome{}, batches: map[uuid.UUID]*tasks.Batch{}, byName: map[string]*tasks.Outcome{}, Acked: map[string]history.Entry{}, hopeless: map[string]bool{},
		intents: map[string]bool{}, names: map[string]string{}, cancels: map[uuid.UUID]bool{}, versions: map[string]map[string]bool{}, touched: map[string]bool{},
		issued: map[string]wechattest.Call{}, events: map[roundKey][]history.Event{}, completed: map[roundKey][]history.Event{}, webhooks: map[string][]history.Webhook{},
	}
	for i := range h.Outcomes {
		r.outcomes[h.Outcomes[i].ID] = &h.Outcomes[i]
	}
	for i := range h.Batches {
		r.batches[h.Batches[i].ID] = &h.Batches[i]
	}
	for _, c := range h.Calls {
		if c.MediaID != "" && strings.HasSuffix(c.Path, history.UploadPath) {
			r.issued[c.MediaID] = c
		}
	}
	for _, k := range h.Webhooks {
		r.webhooks[k.ID] = append(r.webhooks[k.ID], k)
	}
	r.readJournal()
	for _, o := range r.outcomes {
		r.byName[o.Producer+" "+r.name(o)] = o
	}
	r.readEvents()
	return r
}

func (r *Records) readJournal() {
	for _, e := range r.Journal {
		if r.start.IsZero() || !e.At.IsZero() && e.At.Before(r.start) {
			r.start = e.At
		}
		switch e.Kind {
		case history.Intent:
			r.intents[e.Producer+" "+e.Name] = true
			r.names[e.Producer+" "+e.Source] = e.Name
		case history.Ack:
			r.acks = append(r.acks, e)
			r.Acked[e.Producer+" "+e.Name] = e
		case history.Hopeless:
			r.hopeless[e.Producer+" "+e.Name] = true
		case history.Cancel:
			r.cancels[e.ID] = true
		case history.Touched:
			r.touched[e.Source] = true
		case history.Version:
			if r.versions[e.Source] == nil {
				r.versions[e.Source] = map[string]bool{}
			}
			r.versions[e.Source][e.SHA256] = true
		}
	}
}

// name returns its producer's name of an upload. The ledger forgets an Idempotency-Key; then the source, which no other
// upload has, leads to the name.
func (r *Records) name(o *tasks.Outcome) string {
	return cmp.Or(o.ExternalID, r.names[o.Producer+" "+o.Source])
}

func (r *Records) readEvents() {
	for _, e := range r.Events {
		switch {
		case strings.HasPrefix(string(e.Type), "upload."):
			o, err := outcomeOf(e.Data)
			if err != nil {
				r.add(Outbox, uuid.Nil, "event %d can't be read: %v", e.Seq, err)
				continue
			}
			k := roundKey{o.ID, o.Round}
			r.events[k] = append(r.events[k], e)
		case e.Type == tasks.BatchCompleted:
			b, err := batchOf(e.Data)
			if err != nil {
				r.add(Batch, uuid.Nil, "event %d can't be read: %v", e.Seq, err)
				continue
			}
			k := roundKey{b.ID, b.Round}
			r.completed[k] = append(r.completed[k], e)
		}
	}
}

func (r *Records) add(kind string, upload uuid.UUID, format string, args ...any) {
	r.findings = append(r.findings, Finding{Kind: kind, Upload: upload, What: fmt.Sprintf(format, args...)})
}

func (r *Records) reportBatch(batch uuid.UUID, format string, args ...any) {
	r.findings = append(r.findings, Finding{Kind: Batch, Batch: batch, What: fmt.Sprintf(format, args...)})
}
