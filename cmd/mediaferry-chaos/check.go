package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// finding is one thing that must not be.
type finding struct {
	Kind   string    `json:"kind"`
	Upload uuid.UUID `json:"upload,omitzero"`
	Batch  uuid.UUID `json:"batch,omitzero"`
	What   string    `json:"what"`
}

// The kinds of findings.
const (
	foundLost        = "lost"        // acknowledged, and without an outcome
	foundOpen        = "open"        // never acknowledged, in the ledger, and without an outcome
	foundConflicting = "conflicting" // two different outcomes of one round, or two uploads of one name
	foundUnexpected  = "unexpected"  // an outcome of what nobody submitted, or another one than could be
	foundDuplicates  = "duplicates"  // more at WeChat than crashes can explain
	foundMedia       = "media"       // a media_id that WeChat did not issue for those very bytes
	foundOutbox      = "outbox"      // an outcome without its event, or an event without its outcome
	foundWebhook     = "webhook"     // an event that did not arrive, or not as it should
	foundBatch       = "batch"       // batch.completed missing, twice, early or with wrong counts
	foundQuota       = "quota"       // more calls than the day's limit
	foundAttempts    = "attempts"    // more than the limit, or miscounted
	foundRecovery    = "recovery"    // what a dead worker held came back too late
	foundAnswer      = "answer"      // an HTTP answer that no producer should get
	foundGrowth      = "growth"      // a process holds ever more
	foundStalled     = "stalled"     // not all could be submitted, or something never came to its end
	foundCrash       = "crash"       // a process panicked
)

// kinds lists them in the order of the report.
var kinds = []string{ //nolint:gochecknoglobals // a constant in all but name
	foundLost, foundOpen, foundConflicting, foundUnexpected, foundDuplicates, foundMedia, foundOutbox, foundWebhook, foundBatch,
	foundQuota, foundAttempts, foundRecovery, foundAnswer, foundGrowth, foundStalled, foundCrash,
}

// check looks for everything that must not be in a history. It reads nothing but h.
func check(h *history) []finding {
	r := newRecords(h)
	for _, look := range []func(*records){
		checkOutcomes, checkNames, checkCauses, checkAttempts, checkMedia, checkDuplicates, checkQuota,
		checkOutbox, checkWebhooks, checkBatches, checkRecovery, checkAnswers, checkGrowth, checkProgress, checkCrashes,
	} {
		look(r)
	}
	slices.SortStableFunc(r.found, func(a, b finding) int {
		return cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind))
	})
	return r.found
}

// roundOf names one round of an upload or a batch.
type roundOf struct {
	id    uuid.UUID
	round int
}

// records is a history, sorted for looking things up.
type records struct {
	*history
	outcomes  map[uuid.UUID]*tasks.Outcome
	batches   map[uuid.UUID]*tasks.Batch
	byName    map[string]*tasks.Outcome // producer and name
	acks      []entry
	acked     map[string]entry  // by producer and name
	intents   map[string]bool   // producer and name
	names     map[string]string // producer and source -> name
	cancels   map[uuid.UUID]bool
	versions  map[string]map[string]bool // source -> SHA-256
	touched   map[string]bool            // sources
	issued    map[string]wechattest.Call // by media_id
	told      map[roundOf][]event        // upload.* events
	completed map[roundOf][]event        // batch.completed events
	hooks     map[string][]hook          // by webhook-id
	found     []finding
}

func newRecords(h *history) *records {
	r := &records{
		history: h, outcomes: map[uuid.UUID]*tasks.Outcome{}, batches: map[uuid.UUID]*tasks.Batch{}, byName: map[string]*tasks.Outcome{}, acked: map[string]entry{},
		intents: map[string]bool{}, names: map[string]string{}, cancels: map[uuid.UUID]bool{}, versions: map[string]map[string]bool{}, touched: map[string]bool{},
		issued: map[string]wechattest.Call{}, told: map[roundOf][]event{}, completed: map[roundOf][]event{}, hooks: map[string][]hook{},
	}
	for i := range h.Outcomes {
		r.outcomes[h.Outcomes[i].ID] = &h.Outcomes[i]
	}
	for i := range h.Batches {
		r.batches[h.Batches[i].ID] = &h.Batches[i]
	}
	for _, c := range h.Calls {
		if c.MediaID != "" && strings.HasSuffix(c.Path, pathUpload) {
			r.issued[c.MediaID] = c
		}
	}
	for _, k := range h.Hooks {
		r.hooks[k.ID] = append(r.hooks[k.ID], k)
	}
	r.readLog()
	for _, o := range r.outcomes {
		r.byName[o.Producer+" "+r.name(o)] = o
	}
	r.readEvents()
	return r
}

func (r *records) readLog() {
	for _, e := range r.Log {
		switch e.Kind {
		case entryIntent:
			r.intents[e.Producer+" "+e.Name] = true
			r.names[e.Producer+" "+e.Source] = e.Name
		case entryAck:
			r.acks = append(r.acks, e)
			r.acked[e.Producer+" "+e.Name] = e
		case entryCancel:
			r.cancels[e.ID] = true
		case entryTouched:
			r.touched[e.Source] = true
		case entryVersion:
			if r.versions[e.Source] == nil {
				r.versions[e.Source] = map[string]bool{}
			}
			r.versions[e.Source][e.SHA256] = true
		}
	}
}

// name is what its producer calls an upload. Where that is an Idempotency-Key, which the ledger forgets, the source
// tells: no two uploads have the same.
func (r *records) name(o *tasks.Outcome) string {
	return cmp.Or(o.ExternalID, r.names[o.Producer+" "+o.Source])
}

func (r *records) readEvents() {
	for _, e := range r.Events {
		switch {
		case strings.HasPrefix(string(e.Type), "upload."):
			o, err := outcomeOf(e.Data)
			if err != nil {
				r.report(foundOutbox, uuid.Nil, "event %d can't be read: %v", e.Seq, err)
				continue
			}
			k := roundOf{o.ID, o.Round}
			r.told[k] = append(r.told[k], e)
		case e.Type == tasks.BatchCompleted:
			b, err := batchOf(e.Data)
			if err != nil {
				r.report(foundBatch, uuid.Nil, "event %d can't be read: %v", e.Seq, err)
				continue
			}
			k := roundOf{b.ID, b.Round}
			r.completed[k] = append(r.completed[k], e)
		}
	}
}

func (r *records) report(kind string, upload uuid.UUID, format string, args ...any) {
	r.found = append(r.found, finding{Kind: kind, Upload: upload, What: fmt.Sprintf(format, args...)})
}

func (r *records) reportBatch(batch uuid.UUID, format string, args ...any) {
	r.found = append(r.found, finding{Kind: foundBatch, Batch: batch, What: fmt.Sprintf(format, args...)})
}
