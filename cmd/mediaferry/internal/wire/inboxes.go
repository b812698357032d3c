package wire

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/handover"
	"github.com/mediaferry/mediaferry/tasks"
)

const (
	// lookEvery is the time between two looks at the inboxes of the fleet.
	lookEvery = 3 * time.Second
	// lookTime bounds one.
	lookTime = 10 * time.Second
	// answeredFor is how long what is known of the fleet answers the door.
	answeredFor = time.Second
)

// inboxes knows where the inboxes of the fleet are, and which of them this process can read. It is safe for concurrent use.
type inboxes struct {
	processes func(context.Context) ([]tasks.Process, error)
	here      func(inbox string) bool // in the folder of inboxes
	client    *handover.Client
	log       *slog.Logger

	mu     sync.Mutex
	places map[string]string // ID to URL; empty URL: only by the folder
	seen   []tasks.InboxSight

	door   sync.Mutex // guards the rest
	known  []tasks.Process
	asking time.Time // when known was read
}

// run looks at the inboxes until ctx ends, and calls news when something has changed.
func (i *inboxes) run(ctx context.Context, news func()) {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for {
		if i.look(ctx) {
			news()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// look finds out which inboxes there are and which of them can be read here, and reports whether that has changed.
func (i *inboxes) look(ctx context.Context) (changed bool) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if i.find(ctx) != nil {
		return false // others log that the ledger is away
	}
	i.mu.Lock()
	places, before := i.places, i.seen
	i.mu.Unlock()
	var seen []tasks.InboxSight
	for id, at := range places {
		sight := tasks.InboxSight{ID: id}
		if err := i.sees(ctx, id, at); err != nil {
			sight.Reason = err.Error()
		}
		seen = append(seen, sight)
	}
	slices.SortFunc(seen, func(a, b tasks.InboxSight) int { return strings.Compare(a.ID, b.ID) })
	if ctx.Err() != nil || slices.Equal(before, seen) {
		return false
	}
	for _, s := range seen {
		if s.Reason != "" && !slices.Contains(before, s) {
			i.log.Warn("files that were sent to another process can't be read here: other workers carry them, if there are any", "inbox", s.ID, "reason", s.Reason)
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.seen = seen
	return true
}

// find reads from the ledger where the inboxes are.
func (i *inboxes) find(ctx context.Context) error {
	ps, err := i.processes(ctx)
	if err != nil {
		return err
	}
	places := map[string]string{}
	for _, p := range ps {
		if p.Inbox != nil && (places[p.Inbox.ID] == "" || p.Inbox.URL != "") { // several may share a folder
			places[p.Inbox.ID] = p.Inbox.URL
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.places = places
	return nil
}

func (i *inboxes) sees(ctx context.Context, inbox, at string) error {
	switch {
	case i.here(inbox):
		return nil
	case at == "":
		return tasks.Textf("its folder is not here, and it has no URL")
	}
	return i.client.Look(ctx, at, inbox)
}

// open opens a file of an inbox that is not in the folder of inboxes.
func (i *inboxes) open(ctx context.Context, src tasks.Source) (tasks.File, error) {
	at, known := i.place(src.Inbox)
	if !known {
		if err := i.find(ctx); err != nil {
			return tasks.File{}, err
		}
		at, known = i.place(src.Inbox)
	}
	switch {
	case !known:
		return tasks.File{}, &tasks.Error{Code: tasks.Storage, Op: "fetch file", Err: tasks.Textf("the process that the file was sent to is away"), Hint: "start it again, with the same http.inbox_dir or data dir"}
	case at == "":
		return tasks.File{}, &tasks.Error{Code: tasks.Storage, Op: "fetch file", Err: tasks.Textf("the file was sent to an inbox that this process can't read"), Hint: handover.Hint}
	}
	return i.client.Open(ctx, at, src.String())
}

func (i *inboxes) place(inbox string) (at string, known bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at, known = i.places[inbox]
	return at, known
}

// sights is what this process can read.
func (i *inboxes) sights() []tasks.InboxSight {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.seen
}

// readable returns Storage if none of the living workers can read an inbox. Where none lives, or the ledger is away, it does
// not know.
func (i *inboxes) readable(inbox string) error {
	i.door.Lock()
	defer i.door.Unlock()
	if time.Since(i.asking) > answeredFor {
		ctx, cancel := context.WithTimeout(context.Background(), lookTime)
		defer cancel()
		ps, err := i.processes(ctx)
		if err != nil {
			return nil // what is submitted next says so
		}
		i.known, i.asking = ps, time.Now()
	}
	if _, all := tasks.Blind(i.known, inbox); !all {
		return nil
	}
	return &tasks.Error{Code: tasks.Storage, Op: "take files", Err: tasks.Textf("no worker can read what is sent here"), Hint: "an operator finds the reasons with mediaferry doctor", RetryAfter: time.Minute}
}
