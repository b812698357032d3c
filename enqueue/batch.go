package enqueue

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Row is one line of a batch as its reader found it.
type Row struct {
	Line   int // from 1
	Upload tasks.Upload
	// Err refuses this line alone. Nil: the line is to be submitted.
	Err *tasks.Error
	// Receipt, if not nil, is called with the receipt of this row once it is committed, or with one that has only Err
	// if it is refused. Calls come one at a time, between two rows or after the last, in no particular order.
	Receipt func(tasks.Receipt)
	// Derived says that ExternalID was made from the file and is not the producer's name for it. An earlier upload of
	// the file then answers the row, however it was asked for: it counts as Existing, and Receipt, which gets that
	// upload's ID and state, has the Conflict in Err.
	Derived bool
}

// BatchReceipt counts the rows of a submitted batch by what became of them.
type BatchReceipt struct {
	Batch    tasks.Batch     // as it was opened; look it up for its counts
	Accepted int             // rows accepted now
	Existing int             // rows that had been accepted before, in this batch or outside of it
	Refused  int             // rows that were not accepted
	First    []tasks.Refusal // the first 100 of them; the ledger keeps all
}

const (
	chunkRows     = 1000             // rows of one transaction: some milliseconds, and a few megabytes at most
	chunkAge      = time.Second      // the time that a row waits for others
	touchEvery    = 10 * time.Minute // without rows, after which the ledger is told that the stream lives
	firstRefusals = 100
)

// SubmitBatch submits uploads as one batch, in chunks, holding few of them at a time. See SubmitRows.
func (p *Producer) SubmitBatch(ctx context.Context, b tasks.Batch, uploads iter.Seq[tasks.Upload]) (BatchReceipt, error) {
	return p.SubmitRows(ctx, b, func(yield func(Row, error) bool) {
		line := 0
		for u := range uploads {
			line++
			if !yield(Row{Line: line, Upload: u}, nil) {
				return
			}
		}
	})
}

// SubmitRows accepts the rows chunk by chunk, each at most a second after it came, and seals the batch after the last. A
// row that can't be accepted is recorded with its line and reason, and never stops the others. A row whose ExternalID was
// used for another request is refused with code conflict, and the reason names the fields that differ. Of b SubmitRows
// takes only ExternalID, CallbackURL and Metadata. No two rows may have the same Line.
//
// After an error of rows or of the ledger the batch stays open. Submit it again, from its first row, under the same
// ExternalID; rows that were accepted count as Existing then. A batch without an ExternalID can't be resumed. SubmitRows
// seals the batch and returns TooMany if the producer's budget is used up, and Invalid if too many rows were refused.
func (p *Producer) SubmitRows(ctx context.Context, b tasks.Batch, rows iter.Seq2[Row, error]) (BatchReceipt, error) {
	s := &batchStream{Producer: p, prepaid: 1, touched: time.Now()}
	opened, err := p.openBatch(ctx, b, &s.waited)
	if err != nil {
		return BatchReceipt{}, err
	}
	s.receipt.Batch = opened
	stop := s.flushOld(ctx)
	defer stop()
	for row, err := range rows {
		if err == nil {
			err = s.add(ctx, row)
		}
		if err != nil {
			stop()
			_ = s.finish(context.WithoutCancel(ctx)) // rows that came are accepted: resuming counts them as Existing
			return s.receipt, err
		}
	}
	stop()
	if err := s.finish(ctx); err != nil {
		return s.receipt, err
	}
	if err := p.Ledger.Seal(ctx, opened.ID, false); err != nil {
		return s.receipt, fmt.Errorf("seal batch: %w", err)
	}
	return s.receipt, nil
}

// openBatch opens a batch, which costs as much as its first row. An empty one is paid for, too.
func (p *Producer) openBatch(ctx context.Context, b tasks.Batch, waited *time.Duration) (tasks.Batch, error) {
	b = tasks.Batch{Producer: p.name(), ExternalID: b.ExternalID, CallbackURL: cmp.Or(b.CallbackURL, p.CallbackURL), Metadata: b.Metadata, Local: p.Local}
	err := b.Validate()
	if err == nil && b.CallbackURL != p.CallbackURL {
		err = p.checkCallback(b.CallbackURL)
	}
	if err == nil {
		err = p.waitForRate(ctx, waited)
	}
	if err == nil {
		err = p.SpendOne(ctx)
	}
	if err != nil {
		return b, err
	}
	opened, _, err := p.Ledger.OpenBatch(ctx, b)
	if err != nil {
		p.refundBudget(ctx)
		return b, fmt.Errorf("open batch: %w", err)
	}
	return opened, nil
}

// batchStream is a batch while its rows are submitted.
type batchStream struct {
	*Producer
	paid   bool          // the first row was paid for when the batch was opened
	waited time.Duration // for the rate, in all

	mu      sync.Mutex
	receipt BatchReceipt
	rows    []Row // not yet in the ledger
	uploads []tasks.SubmittedRow
	oldest  time.Time // when the first of them came
	touched time.Time // when the ledger last heard of the batch
	prepaid int
	answers []func() // receipts that their rows have not got yet
	err     error    // what ended the stream while a row was read
}

// flushOld submits rows that have waited long enough, while the next one is read. stop ends that.
func (s *batchStream) flushOld(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticks := time.NewTicker(chunkAge / 2)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
			s.mu.Lock()
			waited := len(s.rows) > 0 && time.Since(s.oldest) >= chunkAge/2
			if s.err == nil && (waited || time.Since(s.touched) >= touchEvery) {
				s.err = s.flush(context.WithoutCancel(ctx))
			}
			s.mu.Unlock()
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// add takes one row, at the producer's rate.
func (s *batchStream) add(ctx context.Context, row Row) error {
	if s.paid {
		if err := s.waitForRate(ctx, &s.waited); err != nil {
			return err
		}
	}
	s.paid = true
	in := tasks.SubmittedRow{Upload: row.Upload, Line: row.Line, Derived: row.Derived, Err: row.Err}
	if row.Err == nil {
		u, err := s.prepare(ctx, row.Upload)
		if code := tasks.CodeOf(err); code != "" && code != tasks.Invalid && code != tasks.Denied {
			return fmt.Errorf("check line %d: %w", row.Line, err)
		}
		in.Upload, in.Err = u, tasks.AsError(err)
		in.Batch = s.receipt.Batch.ID
		in.ID = s.rowID(u, row.Line)
	}
	if len(in.ExternalID) > tasks.MaxExternalID {
		in.ExternalID = "" // the row is refused for its length
	}
	s.mu.Lock()
	if len(s.rows) == 0 {
		s.oldest = time.Now()
	}
	s.uploads, s.rows = append(s.uploads, in), append(s.rows, row)
	if s.err == nil && len(s.rows) >= chunkRows {
		s.err = s.flush(ctx)
	}
	s.mu.Unlock()
	return s.answer()
}

// finish submits the last rows.
func (s *batchStream) finish(ctx context.Context) error {
	s.mu.Lock()
	if s.err == nil && len(s.rows) > 0 {
		s.err = s.flush(ctx)
	}
	s.mu.Unlock()
	return s.answer()
}

// answer calls the rows' Receipt functions, and returns the error that ended the stream.
func (s *batchStream) answer() error {
	s.mu.Lock()
	answers, err := s.answers, s.err
	s.answers = nil
	s.mu.Unlock()
	for _, tell := range answers {
		tell()
	}
	return err
}

// flush commits the rows gathered so far. The caller holds s.mu.
func (s *batchStream) flush(ctx context.Context) error {
	accepted, err := s.Ledger.Submit(ctx, tasks.Submission{
		Producer: s.name(), Batch: s.receipt.Batch.ID, Rows: s.uploads, DailyBudget: s.Rights.DailyBudget, Prepaid: s.prepaid, MaxKept: s.MaxKept,
	})
	switch {
	case err != nil && len(s.rows) == 0:
		return fmt.Errorf("touch batch: %w", err)
	case err != nil:
		return fmt.Errorf("accept lines %d to %d: %w", s.rows[0].Line, s.rows[len(s.rows)-1].Line, err)
	}
	if len(s.rows) > 0 {
		s.prepaid = 0
	}
	for i, r := range accepted.Receipts {
		s.count(s.uploads[i], r)
		if tell := s.rows[i].Receipt; tell != nil {
			if s.uploads[i].Refused(r) {
				r = tasks.Receipt{Err: r.Err}
			}
			s.answers = append(s.answers, func() { tell(r) })
		}
	}
	s.uploads, s.rows, s.touched = s.uploads[:0], s.rows[:0], time.Now()
	s.nudge()
	if accepted.Ended != nil {
		return fmt.Errorf("batch %s was ended: %w", s.receipt.Batch.ID, accepted.Ended)
	}
	return nil
}

// count adds a row's receipt to the batch's.
func (s *batchStream) count(row tasks.SubmittedRow, r tasks.Receipt) {
	switch c := &s.receipt; {
	case row.Refused(r):
		c.Refused++
		if len(c.First) < firstRefusals {
			c.First = append(c.First, tasks.RefusalOf(row.Line, row.ExternalID, r.Err))
		}
	case r.Created:
		c.Accepted++
	default:
		c.Existing++
	}
}

// rowID returns the ID of a row without an ExternalID, so that the row is recognized when its batch is submitted again. It
// is a UUIDv7 of the time when the batch was opened; its random part is made from batch and line. It returns zero for a
// row that needs no such ID.
func (s *batchStream) rowID(u tasks.Upload, line int) uuid.UUID {
	b := s.receipt.Batch
	if u.ExternalID != "" || b.ExternalID == "" {
		return uuid.Nil
	}
	const moment, version = 6, 7 // bytes that hold the time, the version's number
	hash := sha256.Sum256(fmt.Appendf(nil, "%s#%d", b.ID, line))
	id := uuid.UUID(hash[:16])
	copy(id[:moment], b.ID[:moment])
	id[6] = version<<4 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	return id
}
