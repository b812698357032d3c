package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// told is one event as a stream told it.
type told struct {
	ID, Event string
	Data      struct {
		ID        uuid.UUID       `json:"id"`
		Type      tasks.EventType `json:"type"`
		Timestamp string          `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}
}

// stream is an open event stream.
type stream struct {
	*plant
	lines *bufio.Scanner
	close context.CancelFunc
}

func (p *plant) follow(key, query, last string) *stream {
	p.Helper()
	ctx, cancel := context.WithCancel(p.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", p.url+"/v1/events"+query, nil)
	must(p.T, err)
	req.Header.Set("Authorization", "Bearer "+key)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := p.client.Do(req)
	must(p.T, err)
	p.Cleanup(func() { cancel(); res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		p.Fatalf("status %s, %v", res.Status, res.Header)
	}
	s := &stream{p, bufio.NewScanner(res.Body), cancel}
	s.line() // the welcome
	s.line()
	return s
}

func (s *stream) line() string {
	s.Helper()
	if !s.lines.Scan() {
		s.Fatalf("the stream ended: %v", s.lines.Err())
	}
	return s.lines.Text()
}

// next waits for the next event.
func (s *stream) next() told {
	s.Helper()
	var e told
	for {
		name, value, _ := strings.Cut(s.line(), ": ")
		switch name {
		case "id":
			e.ID = value
		case "event":
			e.Event = value
		case "data":
			must(s.T, json.Unmarshal([]byte(value), &e.Data))
		case "":
			if e.ID != "" {
				return e
			}
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.finish(p.submit(shop, one).ID, success("M0"))
	mine, theirs, all := p.follow(shop, "", ""), p.follow(rival, "", ""), p.follow(eye, "?after=0", "")
	id, foreign := p.submit(shop, one).ID, p.submit(rival, one).ID
	p.finish(foreign, failure(tasks.Rejected, 40004))
	p.finish(id, success("M1"))

	e := mine.next() // what happened before it was opened, and to others, is not in it
	var o tasks.Outcome
	must(t, json.Unmarshal(e.Data.Data, &o))
	if e.Event != "upload.succeeded" || e.Data.Type != tasks.UploadSucceeded || o.ID != id || o.MediaID != "M1" || e.Data.ID == uuid.Nil || e.Data.Timestamp == "" {
		t.Errorf("%+v", e)
	}
	if e := theirs.next(); e.Event != "upload.failed" {
		t.Errorf("%+v", e)
	}
	var kinds []string
	for range 3 {
		kinds = append(kinds, all.next().Event)
	}
	if diff := cmp.Diff([]string{"upload.succeeded", "upload.failed", "upload.succeeded"}, kinds); diff != "" {
		t.Error(diff)
	}
	// Who lost the connection goes on behind the last event, and misses none.
	mine.close()
	for _, m := range []string{"M2", "M3"} {
		p.finish(p.submit(shop, one).ID, success(m))
	}
	again := p.follow(shop, "?after=0", e.ID)
	for _, want := range []string{"M2", "M3"} {
		var o tasks.Outcome
		must(t, json.Unmarshal(again.next().Data.Data, &o))
		if o.MediaID != want {
			t.Errorf("%s, want %s", o.MediaID, want)
		}
	}
	// Holds are nobody's own: operators and viewers are told.
	must(t, p.Hold(t.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.AccountHeld, Reason: "r", Until: p.now().Add(1 << 40)}))
	for range 2 {
		all.next()
	}
	if e := all.next(); e.Event != "account.held" {
		t.Errorf("%+v", e)
	}
	p.cancelOne(shop)
	if e := again.next(); e.Event != "upload.canceled" {
		t.Errorf("a producer is told %+v", e)
	}
}

// cancelOne ends one upload without a worker, since the account is held.
func (p *plant) cancelOne(key string) {
	p.Helper()
	if _, err := p.Cancel(p.Context(), p.submit(key, one).ID); err != nil {
		p.Fatal(err)
	}
}

// rendered counts the events that are read from the ledger.
type rendered struct {
	api.Ledger
	events atomic.Int64
}

func (r *rendered) Events(ctx context.Context, f tasks.EventFilter) (tasks.EventPage, error) {
	page, err := r.Ledger.Events(ctx, f)
	r.events.Add(int64(len(page.Events)))
	return page, err
}

// However many streams are open, each event is read once.
func TestStreamsShareOneTail(t *testing.T) {
	t.Parallel()
	r := new(rendered)
	p := newPlant(t, func(c *api.Config) {
		r.Ledger = c.Ledger
		c.Ledger = r
	})
	var mine, theirs, all []*stream
	for range 4 {
		mine, theirs, all = append(mine, p.follow(shop, "", "")), append(theirs, p.follow(rival, "", "")), append(all, p.follow(eye, "", ""))
	}
	told := func(key string, streams ...*stream) {
		id := p.submit(key, one).ID
		p.finish(id, success("M-"+id.String()))
		for _, s := range streams {
			var o tasks.Outcome
			must(t, json.Unmarshal(s.next().Data.Data, &o))
			if o.ID != id {
				t.Errorf("told of %s, want %s", o.ID, id)
			}
		}
	}
	taskstest.Until(t, "no stream reads for itself", func() bool {
		before := r.events.Load()
		told(shop, append(mine, all...)...)
		told(rival, append(theirs, all...)...)
		return r.events.Load()-before == 2
	})
	for _, s := range all { // nobody sees everything any more: the tail reads what is followed
		s.close()
	}
	before := r.events.Load()
	for range 5 {
		told(shop, mine...)
		told(rival, theirs...)
	}
	if n := r.events.Load() - before; n != 10 {
		t.Errorf("%d events were read for 10", n)
	}
}

func TestEventStreamsEnd(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	const secret = "added-key-0123456789abcdef"
	must(t, p.AddKey(t.Context(), key("extra", secret, tasks.RoleProducer)))
	extra := p.follow(secret, "", "")
	if _, err := p.RevokeKeys(t.Context(), "extra"); err != nil {
		t.Fatal(err)
	}
	p.pass(1 << 40)
	for extra.lines.Scan() {
	}
	var open []*stream
	for range 16 {
		open = append(open, p.follow(shop, "", ""))
	}
	p.refused(p.call(shop, "GET", "/v1/events", ""), 429, tasks.TooMany, "16 streams are open")
	p.follow(rival, "", "")
	p.api.Close()
	p.api.Close()
	for _, s := range open {
		for s.lines.Scan() {
		}
	}
	for _, bad := range []string{"x", "-1"} {
		p.refused(p.call(shop, "GET", "/v1/events?after="+bad, ""), 422, tasks.Invalid, "query.after: is not the id of an event")
		p.refused(p.call(shop, "GET", "/v1/events", "", "Last-Event-ID", bad), 422, tasks.Invalid, "header.Last-Event-ID")
	}
}

func TestEventsAreToldAtOnceWhereTheLedgerTellsOfThem(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) { c.Poll = 24 * time.Hour })
	defer p.Follow(p.api.Woken)()
	s := p.follow(eye, "", "")
	for range 3 {
		id := p.submit(shop, one).ID
		p.finish(id, failure(tasks.Rejected, 40004))
		var o tasks.Outcome
		if e := s.next(); json.Unmarshal(e.Data.Data, &o) != nil || o.ID != id {
			t.Errorf("%+v, want the outcome of %s", e, id)
		}
	}
}
