package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

type eventsInput struct {
	Last  string `header:"Last-Event-ID" doc:"Go on behind this event, as browsers do by themselves"`
	After string `query:"after" doc:"The same, for a first request; 0 begins with the oldest event that is kept. Missing: with what happens next"`
}

// opFollowEvents has no end.
const opFollowEvents = "follow-events"

const (
	eventsPage = 500
	beatEvery  = 15 * time.Second // of silence, after which a comment tells that the stream is alive
	// maxStreams bounds one caller's streams.
	maxStreams = 16
)

func (s *Server) eventRoutes() {
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: opFollowEvents, Method: http.MethodGet, Path: "/v1/events", Tags: []string{"events"},
		Summary: "What happens, as it happens",
		Description: "Server-sent events: id is the place to go on from, event its type, data the event as webhooks have it. Every event comes once, in " +
			"the order of commits. A producer follows its own.",
		Responses: map[string]*huma.Response{"200": {Description: "The events, without end", Content: map[string]*huma.MediaType{
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
	}, s.events)
}

func (s *Server) events(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	after, err := s.begin(ctx, in)
	if err != nil {
		return nil, err
	}
	who := caller(ctx)
	leave, ok := s.streams.Enter(who.Name, maxStreams)
	if !ok {
		return nil, &tasks.Error{Code: tasks.TooMany, Op: "follow events", Err: tasks.Textf("over %d streams are open", maxStreams), RetryAfter: time.Minute}
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		defer leave()
		_, w := humago.Unwrap(h)
		rc := http.NewResponseController(w)
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		f := &follower{s: s, who: who, out: &answerStream{w, rc}, flush: rc.Flush, after: after}
		s.note(ctx, f.run(ctx))
	}}, nil
}

// begin returns the event to go on behind.
func (s *Server) begin(ctx context.Context, in *eventsInput) (int64, error) {
	text, field := in.Last, "header.Last-Event-ID"
	if text == "" {
		text, field = in.After, "query.after"
	}
	if text == "" {
		return s.cfg.Ledger.EventsEnd(ctx)
	}
	after, err := strconv.ParseInt(text, 10, 64)
	if err != nil || after < 0 {
		return 0, invalid("read request", "%s: is not the id of an event", field)
	}
	return after, nil
}

// follower writes what happens to one caller.
type follower struct {
	s     *Server
	who   enqueue.Caller
	sub   *enqueue.Subscription
	out   *answerStream
	flush func() error
	after int64
	wrote time.Time
}

// run writes events until the caller is gone, the server closes, or the key is revoked. While the ledger is away it
// waits: the caller goes on behind the last event anyway.
func (f *follower) run(ctx context.Context) error {
	if err := f.write([]byte(": welcome\n\n")); err != nil {
		return err
	}
	var leave func()
	f.sub, leave = f.s.tail.Follow(f.who.Sees())
	defer leave()
	beats := time.NewTicker(min(beatEvery, enqueue.KeyAge))
	defer beats.Stop()
	for {
		more, err := f.turn(ctx)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.s.closing:
			return nil
		case <-f.sub.News:
		case <-beats.C:
			if err := f.beat(); err != nil {
				return err
			}
			if err := f.inForce(ctx); err != nil {
				return err
			}
		}
	}
}

// turn writes one page, and reports whether there may be more.
func (f *follower) turn(ctx context.Context) (bool, error) {
	if err := f.inForce(ctx); err != nil {
		return false, err
	}
	page, err := f.page(ctx)
	switch {
	case ctx.Err() != nil:
		return false, nil //nolint:nilerr // the caller is gone
	case tasks.CodeOf(err) == tasks.Unavailable:
		return false, f.beat()
	case err != nil:
		return false, err
	}
	var b bytes.Buffer
	for _, e := range page.Events {
		writeEvent(&b, e)
	}
	f.after = page.Next
	if b.Len() == 0 {
		return page.More, f.beat()
	}
	return page.More, f.write(b.Bytes())
}

// page is what comes next: from the tail, or read from the ledger where the tail does not have it.
func (f *follower) page(ctx context.Context) (tasks.EventPage, error) {
	if events, next, ok := f.s.tail.Take(f.sub, f.after); ok {
		return tasks.EventPage{Events: events, Next: next}, nil
	}
	filter := tasks.EventFilter{After: f.after, Limit: eventsPage}
	if own := f.who.Sees(); own != "" {
		filter.Producers = []string{own}
	}
	return f.s.cfg.Ledger.Events(ctx, filter)
}

// inForce ends the stream of a key that was revoked.
func (f *follower) inForce(ctx context.Context) error {
	if _, ok, err := f.s.cfg.Keys.ByHash(ctx, f.who.Key); err == nil && !ok {
		return &tasks.Error{Code: tasks.Unauthorized, Op: "follow events", Err: tasks.Textf("the key was revoked")}
	}
	return nil
}

// writeEvent writes one event. Its data has no line ends, since it is compact JSON.
func writeEvent(b *bytes.Buffer, e tasks.Event) {
	fmt.Fprintf(b, "id: %d\nevent: %s\ndata: {\"id\":%q,\"type\":%q,\"timestamp\":%q,\"data\":%s}\n\n",
		e.Seq, e.Type, e.ID, e.Type, e.Time.UTC().Format(time.RFC3339Nano), e.Data)
}

func (f *follower) beat() error {
	if time.Since(f.wrote) < beatEvery {
		return nil
	}
	return f.write([]byte(": still here\n\n"))
}

func (f *follower) write(b []byte) error {
	f.wrote = time.Now()
	if _, err := f.out.Write(b); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return f.flush()
}
