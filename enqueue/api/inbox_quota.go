package api

import (
	"io"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// inboxQuota counts the bytes that each producer has in the inbox. Bytes that are still being received count too, so
// that parallel requests can't exceed the limit together. A file counts fileCost at least.
type inboxQuota struct {
	limit     int64 // bytes of one producer; 0: no limit
	mu        sync.Mutex
	producers map[string]*inboxUsage
}

// fileCost is the least cost of a file: its folder, its entries and a block of the disk. So the quota bounds the number of
// files too.
const fileCost = 8 << 10

// costOf returns the cost of a file of that size.
func costOf(size int64) int64 { return max(size, fileCost) }

// inboxUsage counts one producer's files in the inbox.
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
	size     int64
	charged  int64
}

// open charges the least that a file costs. It returns TooMany if the quota does not allow that.
func (q *inboxQuota) open(producer string, from io.Reader) (*countedReader, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := &countedReader{Reader: from, quota: q, producer: producer}
	if err := r.charge(fileCost); err != nil {
		return nil, err
	}
	u := q.usage(producer)
	u.open++
	u.received++
	return r, nil
}

// charge takes more bytes from the quota. The caller holds quota.mu.
func (r *countedReader) charge(bytes int64) error {
	u := r.quota.usage(r.producer)
	if limit := r.quota.limit; limit > 0 && u.bytes+bytes > limit {
		return &tasks.Error{
			Code: tasks.TooMany, Op: "keep file", Err: tasks.Textf("the files of this producer that wait for their outcome fill its inbox"),
			Hint: "submit what was sent, and wait for its outcomes: each makes room. An operator can raise http.inbox_size", RetryAfter: time.Minute,
		}
	}
	u.bytes += bytes
	r.charged += bytes
	return nil
}

// close ends the file. A file that was not kept gives its bytes back.
func (r *countedReader) close(kept bool) {
	if !kept {
		r.quota.add(r.producer, -r.charged)
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
	r.size += int64(n)
	if over := costOf(r.size) - r.charged; over > 0 {
		if refused := r.charge(over); refused != nil {
			return 0, refused
		}
	}
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
