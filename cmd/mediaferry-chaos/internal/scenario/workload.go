package scenario

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

// Upload is one upload that a producer submits.
type Upload struct {
	Number   int
	Name     string // its external ID
	Source   string
	Content  int // number of its content; twins have the same
	Size     int
	Type     tasks.MediaType
	Account  string
	Priority tasks.Priority
	Cancel   bool
	Deadline bool   // it must end by the end of the run
	Receiver string // which receiver gets its webhooks
}

// Bytes returns the file's content.
func (u Upload) Bytes() []byte { return mediatest.Distinct(u.Content, u.Type, u.Size) }

// Request is what a producer submits in one request: a batch, or a single upload.
type Request struct {
	Name    string        // the batch's external ID; empty for a single upload
	At      time.Duration // after the start
	Uploads []Upload
	Single  bool
}

const smallestBatch, largestBatch = 5, 80

// KiB is 1,024 bytes.
const KiB = 1 << 10

// Workload returns all submissions of producer number n, in order. The same run always gives the same workload.
func (run Run) Workload(n int) []Request {
	r := rand.New(rand.NewPCG(run.Seed, uint64(n)+1000))
	total, within := run.share(n)
	var all []Request
	var last Upload
	for number := 0; number < total; {
		s := Request{At: time.Duration(float64(run.Duration) * within * float64(number) / float64(total))}
		size := smallestBatch + r.IntN(largestBatch-smallestBatch)
		if s.Single = r.IntN(8) == 0; s.Single {
			size = 1
		} else {
			s.Name = fmt.Sprintf("p%d-batch-%05d", n, len(all))
		}
		for range min(size, total-number) {
			u := newUpload(r, n, number, last)
			if number < smallUploads/run.AllProducers() {
				u.Account, u.Deadline, u.Cancel = AccountSmall, true, false
			} else if !run.Uniform {
				run.diversify(&u, total)
			}
			s.Uploads = append(s.Uploads, u)
			last = u
			number++
		}
		all = append(all, s)
	}
	return all
}

// perProducer keeps the contents of two producers different.
const perProducer = 1 << 20

func newUpload(r *rand.Rand, producer, number int, last Upload) Upload {
	u := Upload{
		Number: number, Name: fmt.Sprintf("p%d-%06d", producer, number), Content: producer*perProducer + number,
		Type: tasks.Image, Account: AccountEast, Priority: tasks.Bulk, Receiver: ReceiverMain,
	}
	u.Size = 4 * KiB << r.IntN(5) // 4 to 64 KiB
	switch r.IntN(20) {
	case 0:
		u.Type = tasks.Voice
	case 1:
		u.Type = tasks.Video
	case 2:
		u.Type, u.Size = tasks.Thumb, min(u.Size, 32*KiB)
	}
	if r.IntN(2) == 0 {
		u.Account = AccountWest
	}
	if r.IntN(10) == 0 {
		u.Priority = tasks.Interactive
	}
	if r.IntN(25) == 0 && last.Name != "" && !last.Deadline { // a twin: another name for the same content
		u.Content, u.Size, u.Type, u.Account = last.Content, last.Size, last.Type, last.Account
	}
	u.Cancel = r.IntN(100) == 0
	u.Source = fmt.Sprintf("p%d/%03d/%06d.bin", producer, number/1000, number)
	return u
}
