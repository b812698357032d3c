package api

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// inboxQuota counts the bytes that each producer has in the inbox. Bytes that are still being received count too, so
// that parallel requests can't exceed the limit together.
type inboxQuota struct {
	limit     int64 // bytes of one producer; 0: no limit
	mu        sync.Mutex
	producers map[string]*inboxUsage
}

// inboxUsage is what one producer has in the inbox.
type inboxUsage struct {
	bytes    int64
	open     int // files being received now
	received int // files received since the start, those that failed included
}

// usage returns the producer's usage. The caller holds q.mu.
func (q *inboxQuota) usage(producer string) *inboxUsage {
	u, ok := q.producers[producer]
	if !ok {
		u = &inboxUsage{}
		q.producers[producer] = u
	}
	return u
}

// add adds bytes, which may be negative.
func (q *inboxQuota) add(producer string, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.usage(producer)
	u.bytes = max(u.bytes+bytes, 0) // another process may have counted them
}

// countedReader charges what is read from a file to its producer's quota.
type countedReader struct {
	io.Reader
	quota    *inboxQuota
	producer string
	bytes    int64
}

func (q *inboxQuota) open(producer string, from io.Reader) *countedReader {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.usage(producer)
	u.open++
	u.received++
	return &countedReader{Reader: from, quota: q, producer: producer}
}

// close ends the file. A file that was not kept gives its bytes back.
func (r *countedReader) close(kept bool) {
	if !kept {
		r.quota.add(r.producer, -r.bytes)
	}
	r.quota.mu.Lock()
	defer r.quota.mu.Unlock()
	r.quota.usage(r.producer).open--
}

// Read returns TooMany when the quota is used up.
func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.quota.mu.Lock()
	defer r.quota.mu.Unlock()
	u := r.quota.usage(r.producer)
	if limit := r.quota.limit; limit > 0 && u.bytes+int64(n) > limit {
		return 0, &tasks.Error{
			Code: tasks.TooMany, Op: "keep file", Err: errors.New("the files of this producer that wait for their outcome fill its inbox"),
			Hint: "submit what was sent, and wait for its outcomes: each makes room. An operator can raise http.inbox_size", RetryAfter: time.Minute,
		}
	}
	u.bytes += int64(n)
	r.bytes += int64(n)
	return n, err
}

// idle returns the producers that are sending nothing now, each with its count of received files.
func (q *inboxQuota) idle() map[string]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	received := map[string]int{}
	for producer, u := range q.producers {
		if u.open == 0 {
			received[producer] = u.received
		}
	}
	return received
}

// recount replaces the counts by what was found on the disk, since other processes may share the folder. It leaves
// out producers that sent a file since idle was called.
func (q *inboxQuota) recount(idle map[string]int, found map[string]int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for producer := range found {
		q.usage(producer)
	}
	for producer, u := range q.producers {
		received, ok := idle[producer]
		if (ok || u.received == 0) && u.received == received {
			u.bytes = found[producer]
		}
	}
}
