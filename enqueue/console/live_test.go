package console_test

import (
	"bufio"
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// follow reads the stream that pages follow: a value for each time that it tells them to look again.
func (b *browser) follow(t *testing.T) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(taskstest.Context(t))
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/live", nil)
	must(t, err)
	res, err := b.client.Do(req)
	must(t, err)
	if kind := res.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("%d %s", res.StatusCode, kind)
	}
	news := make(chan struct{}, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(news)
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "data:") {
				news <- struct{}{}
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		res.Body.Close()
	})
	return news
}

func next(t *testing.T, what string, news <-chan struct{}) {
	t.Helper()
	select {
	case _, ok := <-news:
		if !ok {
			t.Fatalf("the stream ended before this: %s", what)
		}
	case <-taskstest.Context(t).Done():
		t.Fatalf("it never told of this: %s", what)
	}
}

// Whoever follows is told to look at once, since something may have happened since the page was made, and again after each
// thing that happens to uploads of theirs.
func TestLive(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.join()
	staff, foreign := p.signedIn(boss).follow(t), p.signedIn(rival).follow(t)
	next(t, "the first look", staff)
	next(t, "the first look", foreign)
	for range 2 {
		p.submit("shop", tasks.Upload{Type: tasks.Image, Source: "a.jpg"})
		p.finish(1)
		next(t, "an outcome", staff)
	}
	if len(foreign) > 0 {
		t.Error("a producer is told of another one's upload")
	}
	p.submit("rival", tasks.Upload{Type: tasks.Image, Source: "b.jpg"})
	p.finish(1)
	next(t, "an outcome of its own", foreign)
	p.console.Close()
	for range staff { // what was on its way
	}
}

// html/template takes an attribute for a script whose name goes on with "on" behind "data-", and puts its value in quotes.
func TestAttributesHaveNoQuotesOfTheirOwn(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.join()
	p.fill(30)
	b := p.signedIn(boss)
	quoted := regexp.MustCompile(` data-[a-z]+="&#34;[^"]*`)
	for _, path := range []string{"/", "/uploads", "/failures", "/batches", "/webhooks", "/accounts", "/system", "/new"} {
		_, body := b.get(path)
		for _, found := range quoted.FindAllString(body, -1) {
			t.Errorf("%s:%s", path, found)
		}
	}
}
