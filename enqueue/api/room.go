package api

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// room keeps count of what each producer has in the inbox, what is on its way into it included, so that many who send
// at once can't have more there than one may.
type room struct {
	most int64 // bytes of one producer; 0: as many as the disk takes
	mu   sync.Mutex
	of   map[string]*usage
}

// usage is one producer's.
type usage struct {
	bytes int64
	open  int // files on their way
	began int // files that ever were
}

func (r *room) usage(producer string) *usage {
	u, ok := r.of[producer]
	if !ok {
		u = &usage{}
		r.of[producer] = u
	}
	return u
}

// add counts bytes that came, or went.
func (r *room) add(producer string, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.usage(producer)
	u.bytes = max(u.bytes+bytes, 0) // another process may have counted them
}

// arrival is a file on its way: what is read of it takes room.
type arrival struct {
	io.Reader
	room     *room
	producer string
	bytes    int64
}

func (r *room) enter(producer string, from io.Reader) *arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.usage(producer)
	u.open++
	u.began++
	return &arrival{Reader: from, room: r, producer: producer}
}

// leave ends it; a file that was not kept gives its room back.
func (a *arrival) leave(kept bool) {
	if !kept {
		a.room.add(a.producer, -a.bytes)
	}
	a.room.mu.Lock()
	defer a.room.mu.Unlock()
	a.room.usage(a.producer).open--
}

// Read returns TooMany when there is no room for what was read.
func (a *arrival) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	a.room.mu.Lock()
	defer a.room.mu.Unlock()
	u := a.room.usage(a.producer)
	if most := a.room.most; most > 0 && u.bytes+int64(n) > most {
		return 0, &tasks.Error{
			Code: tasks.TooMany, Op: "keep file", Err: errors.New("the files of this producer that wait for their outcome fill its inbox"),
			Hint: "submit what was sent, and wait for its outcomes: each makes room. An operator can raise http.inbox_size", RetryAfter: time.Minute,
		}
	}
	u.bytes += int64(n)
	a.bytes += int64(n)
	return n, err
}

// quiet is how many files every producer had sent who is sending none now.
func (r *room) quiet() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	began := map[string]int{}
	for producer, u := range r.of {
		if u.open == 0 {
			began[producer] = u.began
		}
	}
	return began
}

// recount takes what was found on the disk for the truth, where nothing has come since it was quiet: other processes
// may share the folder.
func (r *room) recount(quiet map[string]int, found map[string]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for producer := range found {
		r.usage(producer)
	}
	for producer, u := range r.of {
		began, ok := quiet[producer]
		if (ok || u.began == 0) && u.began == began {
			u.bytes = found[producer]
		}
	}
}
