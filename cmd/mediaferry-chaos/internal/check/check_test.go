package check

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// forged makes histories by hand, as a correct system would have left them.
type forged struct {
	*history.History
	seq int64
}

var forgedStart = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func (f *forged) now() time.Time { return forgedStart.Add(time.Duration(f.seq) * time.Second) }

// clean is a history in which nothing is wrong: three uploads in one batch, of which one failed in its first round,
// one upload without a batch that was reused, and one that came over HTTP under an Idempotency-Key.
func clean(t *testing.T) *forged {
	t.Helper()
	f := &forged{History: &history.History{Run: scenario.Run{Name: "forged", Slots: 16, Workers: 3, Attempts: 12, Ledger: "sqlite"}, Settled: true}}
	f.Injections = []history.Injection{{Planned: history.Planned{Attack: "wechat-busy"}, Started: forgedStart, Ended: forgedStart.Add(time.Second)}}
	batch := tasks.Batch{ID: idOf(100), Producer: "p", ExternalID: "b", State: tasks.BatchComplete, Round: 1, Counts: tasks.BatchCounts{Total: 3, Succeeded: 2, Failed: 1}}
	for i := range 3 {
		f.accept(i, batch.ID)
	}
	f.Journal = append(f.Journal, history.Entry{Kind: history.Sealed, Producer: "p", Name: "b", Batch: batch.ID, Rows: 3})
	f.succeed(t, 0, 1)
	f.succeed(t, 1, 1)
	f.fail(t, 2)
	f.event(t, tasks.BatchCompleted, batch)
	f.succeed(t, 2, 2) // a retry opened its second round
	batch.Round, batch.Counts = 2, tasks.BatchCounts{Total: 3, Succeeded: 3}
	f.event(t, tasks.BatchCompleted, batch)
	f.Batches = []tasks.Batch{batch}
	f.accept(3, uuid.Nil)
	f.reuse(t, 3, 0)
	f.acceptByKey(4)
	f.succeed(t, 4, 1)
	return f
}

func idOf(n int) uuid.UUID { return uuid.UUID{15: byte(n + 1)} }

func (f *forged) accept(i int, batch uuid.UUID) {
	name, source := fmt.Sprintf("u%d", i), fmt.Sprintf("f%d", i)
	f.Outcomes = append(f.Outcomes, tasks.Outcome{
		ID: idOf(i), ExternalID: name, Batch: batch, Producer: "p", Account: scenario.AccountEast, Type: tasks.Image, Source: source,
		Submitted: f.now(), Round: 1,
	})
	f.Journal = append(f.Journal,
		history.Entry{Kind: history.Version, Source: source, SHA256: fmt.Sprintf("sha%d", i)},
		history.Entry{Kind: history.Intent, Producer: "p", Name: name, Source: source},
		history.Entry{Kind: history.Ack, Producer: "p", Name: name, ID: idOf(i), Account: scenario.AccountEast, Type: tasks.Image, Source: source})
}

// acceptByKey accepts upload i at the third try: an answer that never came, a refusal, and one without an ID.
func (f *forged) acceptByKey(i int) {
	f.accept(i, uuid.Nil)
	o := &f.Outcomes[i]
	f.Journal[len(f.Journal)-1].ID = uuid.Nil
	f.Journal = append(f.Journal,
		history.Entry{Kind: history.Unanswered, Producer: "p", Name: o.ExternalID},
		history.Entry{Kind: history.Refused, Producer: "p", Name: o.ExternalID, Status: 503, After: 1})
	o.ExternalID = ""
}

func (f *forged) event(t *testing.T, kind tasks.EventType, data any) {
	t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	f.seq++
	e := history.Event{Seq: f.seq, ID: uuid.NewSHA1(uuid.Nil, []byte(fmt.Sprint(f.seq))), Type: kind, At: f.now(), Data: b}
	f.Events = append(f.Events, e)
	f.Deliveries = append(f.Deliveries, history.Delivery{ID: uuid.New(), Event: e.ID, Type: kind, State: tasks.Delivered})
	f.Webhooks = append(f.Webhooks, history.Webhook{At: f.now(), ID: e.ID.String(), Type: kind, Verified: true, Answer: 204, Data: b})
}

// issue is what WeChat does with the bytes of upload i.
func (f *forged) issue(i int) string {
	sha := fmt.Sprintf("sha%d", i)
	id := fmt.Sprintf("media%d", len(f.Calls))
	f.Calls = append(f.Calls, wechattest.Call{Time: f.now(), Path: "/cgi-bin/media/upload", AppID: scenario.AppIDs[scenario.AccountEast], Type: "image", SHA256: sha, MediaID: id, Status: 200})
	f.Media = append(f.Media, history.Media{ID: id, SHA256: sha})
	return id
}

func (f *forged) attempt(o *tasks.Outcome, round int, code tasks.Code) {
	o.Round, o.Attempts = round, 1
	o.History = append(o.History, tasks.Attempt{Round: round, Number: 1, Started: f.now(), Took: time.Second, Code: code})
}

// finish is the event of an outcome, whose history is not shown in it.
func (f *forged) finish(t *testing.T, o *tasks.Outcome) {
	t.Helper()
	o.Finished = f.now().Add(time.Second)
	told := *o
	told.History = nil
	f.event(t, tasks.OutcomeEvent(o.State), told)
}

func (f *forged) succeed(t *testing.T, i, round int) {
	t.Helper()
	o := &f.Outcomes[i]
	f.attempt(o, round, "")
	o.State, o.Code, o.Reason = tasks.Succeeded, "", ""
	o.MediaID, o.SHA256 = f.issue(i), fmt.Sprintf("sha%d", i)
	f.finish(t, o)
}

func (f *forged) fail(t *testing.T, i int) {
	t.Helper()
	o := &f.Outcomes[i]
	f.attempt(o, 1, tasks.Rejected)
	o.State, o.Code = tasks.Failed, tasks.Rejected
	f.finish(t, o)
}

// reuse answers upload i, which has the content of upload of.
func (f *forged) reuse(t *testing.T, i, of int) {
	t.Helper()
	sha := fmt.Sprintf("sha%d", of)
	f.Journal = append(f.Journal, history.Entry{Kind: history.Version, Source: f.Outcomes[i].Source, SHA256: sha})
	o := &f.Outcomes[i]
	o.State, o.Reused, o.MediaID, o.SHA256 = tasks.Succeeded, true, f.Outcomes[of].MediaID, sha
	f.finish(t, o)
}

// of finds the event that tells of a round.
func (f *forged) of(t *testing.T, kind tasks.EventType, id uuid.UUID, round int) int {
	t.Helper()
	i := slices.IndexFunc(f.Events, func(e history.Event) bool {
		var d struct {
			ID    uuid.UUID
			Round int
		}
		return json.Unmarshal(e.Data, &d) == nil && e.Type == kind && d.ID == id && d.Round == round
	})
	if i < 0 {
		t.Fatalf("there is no %s of %s round %d", kind, id, round)
	}
	return i
}

// change edits the data of event i as JSON, in the ledger and where it arrived.
func (f *forged) change(t *testing.T, i int, key string, value any) {
	t.Helper()
	var data map[string]any
	if err := json.Unmarshal(f.Events[i].Data, &data); err != nil {
		t.Fatal(err)
	}
	data[key] = value
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	f.Events[i].Data, f.Webhooks[i].Data = b, b
}

func TestCleanHistoryPasses(t *testing.T) {
	t.Parallel()
	if found := All(clean(t).History); len(found) > 0 {
		t.Errorf("found in a clean history: %+v", found)
	}
}

// Every defect that somebody could have is put into a clean history; what is found must be of its kind.
func TestDefectsAreFound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind  string
		spoil func(*testing.T, *forged)
	}{
		"acknowledged, not in the ledger": {Lost, func(_ *testing.T, f *forged) {
			f.Journal = append(f.Journal, history.Entry{Kind: history.Ack, Producer: "p", Name: "gone", ID: idOf(50)})
		}},
		"acknowledged with its batch, not in the ledger": {Lost, func(_ *testing.T, f *forged) {
			f.Journal = append(f.Journal, history.Entry{Kind: history.Ack, Producer: "p", Name: "gone"})
		}},
		"acknowledged with its batch, still running": {Lost, func(_ *testing.T, f *forged) { f.Outcomes[4].State = tasks.Running }},
		"one Idempotency-Key, two uploads": {Conflicting, func(_ *testing.T, f *forged) {
			twice := f.Outcomes[4]
			twice.ID = idOf(60)
			f.Outcomes = append(f.Outcomes, twice)
		}},
		"answered with 500": {Answer, func(_ *testing.T, f *forged) {
			f.Journal = append(f.Journal, history.Entry{Kind: history.Refused, Producer: "p", Name: "u0", Status: 500})
		}},
		"away without saying for how long": {Answer, func(_ *testing.T, f *forged) {
			f.Journal = append(f.Journal, history.Entry{Kind: history.Refused, Producer: "p", Name: "u0", Status: 503})
		}},
		"away for an hour": {Answer, func(_ *testing.T, f *forged) {
			f.Journal = append(f.Journal, history.Entry{Kind: history.Refused, Producer: "p", Name: "u0", Status: 503, After: 3600})
		}},
		"rows refused for no reason": {Answer, func(_ *testing.T, f *forged) {
			f.Journal = append(f.Journal, history.Entry{Kind: history.Refused, Producer: "p", Name: "b", Status: 202})
		}},
		"acknowledged, still running": {Lost, func(_ *testing.T, f *forged) { f.Outcomes[0].State = tasks.Running }},
		"not acknowledged, still waiting": {Open, func(_ *testing.T, f *forged) {
			f.Journal = append(f.Journal, history.Entry{Kind: history.Intent, Producer: "p", Name: "new"})
			f.Outcomes = append(f.Outcomes, tasks.Outcome{ID: idOf(51), Producer: "p", ExternalID: "new", State: tasks.Waiting, Round: 1})
		}},
		"acknowledged as another request": {Conflicting, func(_ *testing.T, f *forged) { f.Outcomes[0].Source = "f1" }},
		"never submitted": {Unexpected, func(t *testing.T, f *forged) {
			f.Journal = slices.DeleteFunc(f.Journal, func(e history.Entry) bool { return e.Kind == history.Intent && e.Name == "u3" })
		}},
		"one name, two uploads": {Conflicting, func(_ *testing.T, f *forged) {
			twice := f.Outcomes[0]
			twice.ID = idOf(60)
			f.Outcomes = append(f.Outcomes, twice)
		}},
		"one name, two receipts": {Conflicting, func(_ *testing.T, f *forged) {
			f.Journal = append(f.Journal, history.Entry{Kind: history.Ack, Producer: "p", Name: "u0", ID: idOf(60)})
		}},
		"canceled by nobody": {Unexpected, func(_ *testing.T, f *forged) {
			f.Outcomes[3].State, f.Outcomes[3].Code = tasks.Canceled, tasks.Stopped
		}},
		"missing though nobody touched it": {Unexpected, func(_ *testing.T, f *forged) {
			f.Outcomes[3].State, f.Outcomes[3].Code = tasks.Failed, tasks.Missing
		}},
		"refused by a WeChat that was well": {Unexpected, func(_ *testing.T, f *forged) {
			f.Injections = nil
			f.Outcomes[3].State, f.Outcomes[3].Code = tasks.Failed, tasks.Rejected
		}},
		"blamed for its neighbours' crash": {Unexpected, func(_ *testing.T, f *forged) {
			f.Outcomes[3].State, f.Outcomes[3].Code = tasks.Failed, tasks.Poison
		}},
		"too many attempts":   {Attempts, func(_ *testing.T, f *forged) { f.Run.Attempts = 0 }},
		"a forgotten attempt": {Attempts, func(_ *testing.T, f *forged) { f.Outcomes[0].History = nil }},
		"an attempt twice": {Attempts, func(_ *testing.T, f *forged) {
			f.Outcomes[0].History = append(f.Outcomes[0].History, f.Outcomes[0].History[0])
		}},
		"a media_id of nobody": {Media, func(_ *testing.T, f *forged) { f.Calls = f.Calls[1:] }},
		"a media_id of another account": {Media, func(_ *testing.T, f *forged) {
			f.Calls[0].AppID = scenario.AppIDs[scenario.AccountWest]
		}},
		"a media_id of another type": {Media, func(_ *testing.T, f *forged) { f.Calls[0].Type = "thumb" }},
		"a media_id of other bytes":  {Media, func(_ *testing.T, f *forged) { f.Calls[0].SHA256 = "sha1" }},
		"other bytes at WeChat":      {Media, func(_ *testing.T, f *forged) { f.Media[0].SHA256 = "sha1" }},
		"bytes that the file never held": {Media, func(_ *testing.T, f *forged) {
			f.Journal = slices.DeleteFunc(f.Journal, func(e history.Entry) bool { return e.Kind == history.Version && e.Source == "f1" })
		}},
		"an old round with other bytes": {Media, func(t *testing.T, f *forged) {
			f.change(t, f.of(t, tasks.UploadSucceeded, idOf(0), 1), "media_id", "nonsense")
		}},
		"uploaded twice without a crash": {Duplicates, func(_ *testing.T, f *forged) { f.Calls = append(f.Calls, call(f.Calls[0], "again")) }},
		"more duplicates than were lost": {Duplicates, func(_ *testing.T, f *forged) { f.kill(idOf(0)); f.repeat(21) }},
		"quota exceeded":                 {Quota, func(_ *testing.T, f *forged) { f.overspend() }},
		"an outcome without event":       {Outbox, func(t *testing.T, f *forged) { f.drop(f.of(t, tasks.UploadSucceeded, idOf(0), 1)) }},
		"an old round without event":     {Outbox, func(t *testing.T, f *forged) { f.drop(f.of(t, tasks.UploadFailed, idOf(2), 1)) }},
		"an event without outcome":       {Outbox, func(_ *testing.T, f *forged) { f.Outcomes[3].State = tasks.Queued }},
		"two outcomes of a round":        {Conflicting, func(t *testing.T, f *forged) { f.event(t, tasks.UploadFailed, f.Outcomes[0]) }},
		"the event says another media_id": {Conflicting, func(t *testing.T, f *forged) {
			f.change(t, f.of(t, tasks.UploadSucceeded, idOf(1), 1), "media_id", f.Outcomes[0].MediaID)
		}},
		"a webhook that never came":    {Webhook, func(_ *testing.T, f *forged) { f.Webhooks = f.Webhooks[1:] }},
		"a webhook refused every time": {Webhook, func(_ *testing.T, f *forged) { f.Webhooks[0].Answer = 500 }},
		"a webhook that does not verify": {Webhook, func(_ *testing.T, f *forged) {
			f.Webhooks = append(f.Webhooks, f.Webhooks[0])
			f.Webhooks[0].Verified = false
		}},
		"a webhook of another time":   {Webhook, func(_ *testing.T, f *forged) { f.Webhooks[0].Stale = true }},
		"a delivery given up":         {Webhook, func(_ *testing.T, f *forged) { f.Deliveries[0].State = tasks.GivenUp }},
		"no delivery for an event":    {Webhook, func(_ *testing.T, f *forged) { f.Deliveries = f.Deliveries[1:] }},
		"two deliveries for an event": {Webhook, func(_ *testing.T, f *forged) { f.Deliveries = append(f.Deliveries, f.Deliveries[0]) }},
		"a webhook that changed its mind": {Conflicting, func(_ *testing.T, f *forged) {
			h := f.Webhooks[0]
			h.Data = f.Webhooks[1].Data
			f.Webhooks = append(f.Webhooks, h)
		}},
		"a webhook of no event": {Unexpected, func(_ *testing.T, f *forged) {
			f.Webhooks = append(f.Webhooks, history.Webhook{ID: "stranger", Verified: true})
		}},
		"a batch that is lost": {Batch, func(_ *testing.T, f *forged) { f.Batches = nil }},
		"a batch left sealed":  {Batch, func(_ *testing.T, f *forged) { f.Batches[0].State = tasks.BatchSealed }},
		"a batch with too many rows": {Batch, func(_ *testing.T, f *forged) {
			f.Journal = append(f.Journal, history.Entry{Kind: history.Sealed, Batch: idOf(100), Rows: 2})
		}},
		"a batch that counts wrongly": {Batch, func(_ *testing.T, f *forged) { f.Batches[0].Counts.Succeeded = 2 }},
		"a round without completion":  {Batch, func(t *testing.T, f *forged) { f.drop(f.of(t, tasks.BatchCompleted, idOf(100), 1)) }},
		"a completion twice":          {Batch, func(t *testing.T, f *forged) { f.event(t, tasks.BatchCompleted, f.Batches[0]) }},
		"a completion of no round":    {Batch, func(t *testing.T, f *forged) { b := f.Batches[0]; b.Round = 3; f.event(t, tasks.BatchCompleted, b) }},
		"a completion too early": {Batch, func(t *testing.T, f *forged) {
			f.Events[f.of(t, tasks.BatchCompleted, idOf(100), 1)].Seq = 0
		}},
		"a completion with wrong counts": {Batch, func(t *testing.T, f *forged) {
			f.change(t, f.of(t, tasks.BatchCompleted, idOf(100), 1), "counts", tasks.BatchCounts{Total: 3, Succeeded: 3})
		}},
		"a slow recovery": {LateRecovery, func(_ *testing.T, f *forged) {
			f.kill(idOf(0))
			f.Outcomes[0].History[0].Started = forgedStart.Add(20 * time.Second)
		}},
		"a fleet that never comes to rest": {Stalled, func(_ *testing.T, f *forged) { f.Settled = false }},
		"producers that can't submit":      {Stalled, func(_ *testing.T, f *forged) { f.Run.Uploads = 50 }},
		"a panic":                          {Crash, func(_ *testing.T, f *forged) { f.Panics = []string{"worker-0.log: panic: no"} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := clean(t)
			tc.spoil(t, f)
			found := All(f.History)
			if !slices.ContainsFunc(found, func(x Finding) bool { return x.Kind == tc.kind }) {
				t.Errorf("no %q among %+v", tc.kind, found)
			}
		})
	}
}

func call(like wechattest.Call, mediaID string) wechattest.Call {
	like.MediaID = mediaID
	return like
}

// kill is a worker killed before anything else, with these uploads under way.
func (f *forged) kill(busy ...uuid.UUID) {
	at := forgedStart.Add(-time.Second)
	f.Injections = append(f.Injections, history.Injection{Planned: history.Planned{Attack: "worker-kill"}, Started: at, Ended: at, Running: busy})
}

// repeat is the first upload, n times more.
func (f *forged) repeat(n int) {
	for i := range n {
		f.Calls = append(f.Calls, call(f.Calls[0], fmt.Sprint("again", i)))
	}
}

func (f *forged) overspend() {
	for i := range scenario.SmallLimit + 1 {
		f.Calls = append(f.Calls, wechattest.Call{Time: forgedStart, Path: "/cgi-bin/media/upload", AppID: scenario.AppIDs[scenario.AccountSmall], SHA256: fmt.Sprint(i), MediaID: fmt.Sprint("small", i)})
	}
}

// drop removes an event everywhere.
func (f *forged) drop(i int) {
	f.Events = slices.Delete(f.Events, i, i+1)
	f.Deliveries = slices.Delete(f.Deliveries, i, i+1)
	f.Webhooks = slices.Delete(f.Webhooks, i, i+1)
}

func TestCrashesExplainDuplicates(t *testing.T) {
	t.Parallel()
	f := clean(t)
	f.kill(idOf(0))
	f.Calls = append(f.Calls, call(f.Calls[0], "again"))
	if found := All(f.History); len(found) > 0 {
		t.Errorf("a duplicate that a crash explains is found: %+v", found)
	}
	lost := call(f.Calls[0], "third")
	lost.Fault = string(wechattest.ResetAfter)
	f.Calls = append(f.Calls, lost)
	if n, bound := New(f.History).Duplicates(); n != 2 || bound != 21 {
		t.Errorf("%d duplicates of at most %d, want 2 of 21", n, bound)
	}
}

// A clock that is wrong explains a webhook of another time, and a second day's quota.
func TestClocksExplain(t *testing.T) {
	t.Parallel()
	f := clean(t)
	f.Injections = append(f.Injections, history.Injection{Planned: history.Planned{Attack: history.ClockAhead}, Started: forgedStart, Ended: forgedStart, Skew: 20 * time.Hour})
	f.Ended = forgedStart.Add(time.Minute)
	f.Webhooks[0].Stale = true
	f.overspend()
	if found := All(f.History); len(found) > 0 {
		t.Errorf("found what a wrong clock explains: %+v", found)
	}
	f.Injections[len(f.Injections)-1].Skew = time.Hour // the same day
	if found := All(f.History); len(found) != 1 || found[0].Kind != Quota {
		t.Errorf("found %+v, want the quota alone", found)
	}
}

func TestRecoveries(t *testing.T) {
	t.Parallel()
	at := func(s float64) time.Time { return forgedStart.Add(time.Duration(s * float64(time.Second))) }
	upload := func(starts ...float64) tasks.Outcome {
		o := tasks.Outcome{ID: idOf(0)}
		for i, s := range starts {
			o.History = append(o.History, tasks.Attempt{Round: 1, Number: i + 1, Started: at(s), Took: time.Second})
		}
		return o
	}
	blow := func(name string, struck, healed float64, busy ...uuid.UUID) history.Injection {
		return history.Injection{Planned: history.Planned{Attack: name}, Started: at(struck), Ended: at(healed), Running: busy}
	}
	for name, tc := range map[string]struct {
		upload  tasks.Outcome
		strikes []history.Injection
		want    []time.Duration
		claims  []history.Claim
	}{
		"claimed again": {upload(13), []history.Injection{blow("worker-kill", 10, 11, idOf(0))}, []time.Duration{3 * time.Second}, nil},
		"handed back first": {upload(13), []history.Injection{blow("worker-kill", 10, 11, idOf(0))}, []time.Duration{2 * time.Second},
			[]history.Claim{{Upload: idOf(0), From: at(12), Took: time.Second / 2}}},
		"held by a survivor":    {upload(9.5), []history.Injection{blow("worker-kill", 10, 11, idOf(0))}, nil, nil},
		"not running then":      {upload(13), []history.Injection{blow("worker-kill", 10, 11)}, nil, nil},
		"struck twice":          {upload(16), []history.Injection{blow("worker-kill", 10, 11, idOf(0)), blow("worker-kill", 12, 13, idOf(0))}, []time.Duration{4 * time.Second}, nil},
		"ledger away meanwhile": {upload(16), []history.Injection{blow("worker-kill", 10, 11, idOf(0)), blow("ledger-full", 10.5, 14)}, []time.Duration{2 * time.Second}, nil},
		"ledger still away":     {upload(16), []history.Injection{blow("worker-kill", 10, 11, idOf(0)), blow("ledger-full", 10.5, 17)}, nil, nil},
		"ledger away before":    {upload(13), []history.Injection{blow("ledger-full", 5, 8), blow("worker-kill", 10, 11, idOf(0))}, []time.Duration{3 * time.Second}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &history.History{Outcomes: []tasks.Outcome{tc.upload}, Injections: tc.strikes, Claims: tc.claims}
			if diff := cmp.Diff(tc.want, New(h).Recoveries()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
