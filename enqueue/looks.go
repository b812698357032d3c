package enqueue

import (
	"context"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/mediaferry/mediaferry/tasks"
)

// Sources says what a source looks like now. *source.Store is one.
type Sources interface {
	Stat(ctx context.Context, source string) (tasks.Entry, error)
}

const (
	// maxStats is how many sources are looked at at once. On a mount that hangs they never come back.
	maxStats = 32
	// statLimit is how long one who asks waits for that.
	statLimit = 2 * time.Second
	// objectAge is for how long an object is taken to be what it was. Looking at one costs a request.
	objectAge = time.Minute
	// objectsKnown is how many objects are remembered. A look at another one costs a request, and nothing else.
	objectsKnown = 10_000
)

// stats looks at sources, some at a time.
type stats struct {
	under   chan struct{} // one for each source that is looked at
	heads   singleflight.Group
	objects *lru.Cache[string, object]
}

// object is what an object looked like, and when.
type object struct {
	identity string
	gone     bool
	at       time.Time
}

func newStats() stats {
	objects, _ := lru.New[string, object](objectsKnown) // fails only for a size of 0
	return stats{under: make(chan struct{}, maxStats), objects: objects}
}

// unchanged reports whether the source of an upload looks as it did when it was read. What can't be found out here and now
// is for a worker to find out: unseen says why. A source that is gone holds no other bytes.
func (l *LiveMedia) unchanged(ctx context.Context, known tasks.AskedMedia) (same bool, unseen error) {
	if isObject(known.Source) && known.Age < objectAge {
		return true, nil // a worker has looked at it just now
	}
	now, err := l.looksNow(ctx, known.Source)
	switch code := tasks.CodeOf(err); {
	case now.gone:
		return true, nil
	case code == tasks.Storage, code == tasks.Unavailable:
		return false, err
	}
	return err == nil && now.identity != "" && now.identity == known.Identity, nil
}

// looksNow returns what a source looks like now. Of an object it may be what it looked like less than a minute ago: then no
// worker has read it since.
func (l *LiveMedia) looksNow(ctx context.Context, source string) (object, error) {
	if !isObject(source) {
		return l.look(ctx, source)
	}
	if o, ok := l.stats.objects.Get(source); ok && time.Since(o.at) < objectAge {
		return o, nil
	}
	v, err, _ := l.stats.heads.Do(source, func() (any, error) {
		o, err := l.look(ctx, source)
		if err == nil {
			l.stats.objects.Add(source, o)
		}
		return o, err
	})
	return v.(object), err
}

func (l *LiveMedia) look(ctx context.Context, source string) (object, error) {
	at := time.Now()
	e, err := l.stat(ctx, source)
	if tasks.CodeOf(err) == tasks.Missing {
		return object{gone: true, at: at}, nil
	}
	return object{identity: e.Identity, at: at}, err
}

func isObject(source string) bool { return strings.HasPrefix(source, "s3://") }

var errNotLooked = tasks.Textf("this process could not look at the source in time")

func (l *LiveMedia) stat(ctx context.Context, source string) (tasks.Entry, error) {
	if l.Sources == nil {
		return tasks.Entry{}, &tasks.Error{Code: tasks.Storage, Op: "look at source", Err: tasks.Textf("this process looks at no sources")}
	}
	unseen := &tasks.Error{Code: tasks.Storage, Op: "look at source", Err: errNotLooked}
	ctx, cancel := context.WithTimeout(ctx, statLimit)
	defer cancel()
	select {
	case l.stats.under <- struct{}{}:
	default:
		return tasks.Entry{}, unseen
	}
	type seen struct {
		entry tasks.Entry
		err   error
	}
	done := make(chan seen, 1)
	go func() {
		defer func() { <-l.stats.under }()
		e, err := l.Sources.Stat(ctx, source)
		done <- seen{e, err}
	}()
	select {
	case v := <-done:
		return v.entry, v.err
	case <-ctx.Done():
		return tasks.Entry{}, unseen
	}
}
