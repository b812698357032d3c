package scenario

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

// The accounts of a run. East and West carry the load. Small has such a low daily limit that most of its uploads end
// by their deadline.
const (
	AccountEast  = "east"
	AccountWest  = "west"
	AccountSmall = "small"
	// SmallLimit is Small's daily limit of calls. smallUploads is how many uploads all producers submit to it.
	SmallLimit   = 10
	smallUploads = 25
)

// AppIDs maps accounts to their IDs at WeChat.
var AppIDs = map[string]string{ //nolint:gochecknoglobals // a constant in all but name
	AccountEast:  "wxea57000000000001",
	AccountWest:  "wx3e57000000000002",
	AccountSmall: "wx5a11000000000003",
}

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
	Deadline bool // it must end by the end of the run
}

// Bytes returns the file's content.
func (u Upload) Bytes() []byte { return mediatest.Distinct(u.Content, u.Type, u.Size) }

// Submission is what a producer submits in one request: a batch, or a single upload.
type Submission struct {
	Name    string        // the batch's external ID; empty for a single upload
	At      time.Duration // after the start
	Uploads []Upload
	Single  bool
}

const (
	smallestBatch, largestBatch = 5, 80
	submitShare                 = 0.9 // the share of the run in which producers submit
)

// KiB is 1,024 bytes.
const KiB = 1 << 10

// Workload returns all submissions of producer number n, in order. The same run always gives the same workload.
func (run Run) Workload(n int) []Submission {
	r := rand.New(rand.NewPCG(run.Seed, uint64(n)+1000))
	producers := run.Producers + run.Clients
	total := run.Uploads / producers
	if n < run.Uploads%producers {
		total++
	}
	var all []Submission
	var last Upload
	for number := 0; number < total; {
		s := Submission{At: time.Duration(float64(run.Duration) * submitShare * float64(number) / float64(total))}
		size := smallestBatch + r.IntN(largestBatch-smallestBatch)
		if s.Single = r.IntN(8) == 0; s.Single {
			size = 1
		} else {
			s.Name = fmt.Sprintf("p%d-batch-%05d", n, len(all))
		}
		for range min(size, total-number) {
			u := newUpload(r, n, number, last)
			if number < smallUploads/producers {
				u.Account, u.Deadline, u.Cancel = AccountSmall, true, false
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
		Type: tasks.Image, Account: AccountEast, Priority: tasks.Bulk,
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
