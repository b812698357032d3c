package console

import (
	"context"
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// livePath is where pages follow what is new.
const livePath = "/live"

const (
	// liveEvery is the least time between two messages: a page looks again at each.
	liveEvery = 2 * time.Second
	// beatEvery is the time after which a stream shows that it lives, and its session is looked at.
	beatEvery = 10 * time.Second
	// maxStreams bounds the streams of one key.
	maxStreams = 64
	// writeTime bounds one message.
	writeTime = 10 * time.Second
)

func (c *Console) liveRoutes() { c.page("GET "+livePath, enqueue.AccessRead, c.live) }

// stream tells a page to look again, as server-sent events.
type stream struct{ c *Console }

func (c *Console) live(*visit) (answer, error) { return stream{c}, nil }

func (s stream) write(v *visit) error {
	leave, ok := s.c.visits.Enter("live "+v.who.Name, maxStreams)
	if !ok {
		return &tasks.Error{Code: tasks.TooMany, Op: "follow", RetryAfter: time.Minute}
	}
	defer leave()
	v.w.Header().Set("Content-Type", "text/event-stream")
	send := s.sender(v)
	if send("retry: 2000\n\n") != nil {
		return nil // the browser is gone
	}
	sub, quit := s.c.cfg.Tail.Follow(v.who.Sees())
	defer quit()
	beats, pause := time.NewTicker(beatEvery), time.NewTimer(0)
	defer beats.Stop()
	defer pause.Stop()
	fresh, after := s.news(v.Context(), sub, -1)
	for ready := false; ; {
		select {
		case <-v.Context().Done():
			return nil
		case <-s.c.closing:
			return nil
		case <-sub.News:
			var news bool
			news, after = s.news(v.Context(), sub, after)
			fresh = fresh || news
		case <-pause.C:
			ready = true
		case <-beats.C:
			if s.c.identify(v) != nil || send(": still here\n\n") != nil {
				return nil
			}
		}
		if fresh && ready {
			if send("data: news\n\n") != nil {
				return nil // the browser is gone
			}
			fresh, ready = false, false
			pause.Reset(liveEvery)
		}
	}
}

// news reports whether something may have happened to the visitor's uploads behind a place, and returns the place to go on
// from. Behind -1, the place of a stream that begins, something always may: the page was made a moment before.
func (s stream) news(ctx context.Context, sub *enqueue.Subscription, after int64) (bool, int64) {
	events, next, ok := s.c.cfg.Tail.Take(sub, after)
	if ok {
		return len(events) > 0, next
	}
	end, err := s.c.cfg.Tail.End(ctx)
	if err != nil {
		return false, after
	}
	return true, end
}

func (s stream) sender(v *visit) func(string) error {
	rc := http.NewResponseController(v.w)
	return func(text string) error {
		_ = rc.SetWriteDeadline(time.Now().Add(writeTime)) // a recorder in a test has none
		if _, err := v.w.Write([]byte(text)); err != nil {
			return err
		}
		return rc.Flush()
	}
}
