package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

// The accounts of a run. Two carry the load; the third has so small a quota that most of its uploads must end by their
// deadline.
const (
	accountEast  = "east"
	accountWest  = "west"
	accountSmall = "small"
	// smallLimit is the third account's calls of a day, and smallShare how many of its uploads there are in all.
	smallLimit = 10
	smallLoad  = 25
)

// appIDs are the accounts' names at WeChat.
var appIDs = map[string]string{ //nolint:gochecknoglobals // a constant in all but name
	accountEast:  "wxea57000000000001",
	accountWest:  "wx3e57000000000002",
	accountSmall: "wx5a11000000000003",
}

// row is one upload that a producer submits.
type row struct {
	Number   int
	Name     string // its external id
	Source   string
	Content  int // which distinct file; twins share it
	Size     int
	Type     tasks.MediaType
	Account  string
	Priority tasks.Priority
	Cancel   bool
	Deadline bool // must end by the end of the run
}

// bytes is the file's content; version 0 is what the producer writes.
func (r row) bytes(version int) []byte {
	const versions = 1 << 24 // contents of different versions never meet
	return mediatest.Distinct(r.Content+version*versions, r.Type, r.Size)
}

// lot is what a producer submits at once: a batch, or a single upload.
type lot struct {
	Name   string // the batch's external id; empty for a single upload
	At     time.Duration
	Rows   []row
	Single bool
}

const (
	smallestLot, largestLot = 5, 80
	loadShare               = 0.9 // of the run's time in which uploads are submitted
	kib                     = 1 << 10
)

// load is everything that producer number n of the leg submits, in order. It depends on the leg alone.
func (l leg) load(n int) []lot {
	r := rand.New(rand.NewPCG(l.Seed, uint64(n)+1000))
	producers := l.Producers + l.Clients
	total := l.Uploads / producers
	if n < l.Uploads%producers {
		total++
	}
	var lots []lot
	var last row
	for number := 0; number < total; {
		b := lot{At: time.Duration(float64(l.Duration) * loadShare * float64(number) / float64(total))}
		size := smallestLot + r.IntN(largestLot-smallestLot)
		if b.Single = r.IntN(8) == 0; b.Single {
			size = 1
		} else {
			b.Name = fmt.Sprintf("p%d-batch-%05d", n, len(lots))
		}
		for range min(size, total-number) {
			row := newRow(r, n, number, last)
			if number < smallLoad/producers {
				row.Account, row.Deadline, row.Cancel = accountSmall, true, false
			}
			b.Rows = append(b.Rows, row)
			last = row
			number++
		}
		lots = append(lots, b)
	}
	return lots
}

// perProducer keeps the contents of producers apart.
const perProducer = 1 << 20

func newRow(r *rand.Rand, producer, number int, last row) row {
	w := row{
		Number: number, Name: fmt.Sprintf("p%d-%06d", producer, number), Content: producer*perProducer + number,
		Type: tasks.Image, Account: accountEast, Priority: tasks.Bulk,
	}
	w.Size = 4 * kib << r.IntN(5) // 4 to 64 KiB
	switch r.IntN(20) {
	case 0:
		w.Type = tasks.Voice
	case 1:
		w.Type = tasks.Video
	case 2:
		w.Type, w.Size = tasks.Thumb, min(w.Size, 32*kib)
	}
	if r.IntN(2) == 0 {
		w.Account = accountWest
	}
	if r.IntN(10) == 0 {
		w.Priority = tasks.Interactive
	}
	if r.IntN(25) == 0 && last.Name != "" && !last.Deadline { // a twin: another name for the same content
		w.Content, w.Size, w.Type, w.Account = last.Content, last.Size, last.Type, last.Account
	}
	w.Cancel = r.IntN(100) == 0
	w.Source = fmt.Sprintf("p%d/%03d/%06d.bin", producer, number/1000, number)
	return w
}
