package enqueue

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Row is one line of a batch as its reader found it.
type Row struct {
	Line   int // from 1
	Upload tasks.Upload
	// Err says why the line is none. A *tasks.Error with code Invalid or Denied refuses this line alone; any other
	// error means that the lines could not be read on.
	Err error
	// Receipt, if not nil, is called with the receipt of this row once it is committed, or with one that has only Err
	// if it is refused. Calls come one at a time, in no particular order.
	Receipt func(tasks.Receipt)
	// Derived says that ExternalID was made from the file and is not the producer's name for it. An earlier upload of
	// the file then answers the row, however it was asked for: it counts as Existing, and Receipt, which gets that
	// upload's ID, has the Conflict in Err.
	Derived bool
}

// servedBy reports whether an earlier upload of the row's file answers it.
func (r *Row) servedBy(old tasks.Receipt) bool {
	return r.Derived && old.Err.Code == tasks.Conflict && old.ID != uuid.Nil
}

// BatchReceipt says what became of a submitted batch.
type BatchReceipt struct {
	Batch    tasks.Batch     // as it was opened; look it up for its counts
	Accepted int             // rows accepted now
	Existing int             // rows that had been accepted before, with this batch or without: the others are not counted in it
	Refused  int             // rows that were not accepted
	First    []tasks.Refusal // the first 100 of them; the ledger keeps all
}

const (
	chunkRows     = 1000 // rows of one transaction: some milliseconds, and a few megabytes at the very most
	firstRefusals = 100
)

// SubmitBatch submits uploads as one batch, in chunks, holding few of them at a time. See SubmitRows.
func (p *Producer) SubmitBatch(ctx context.Context, b tasks.Batch, uploads iter.Seq[tasks.Upload]) (BatchReceipt, error) {
	return p.SubmitRows(ctx, b, func(yield func(Row) bool) {
		line := 0
		for u := range uploads {
			line++
			if !yield(Row{Line: line, Upload: u}) {
				return
			}
		}
	})
}

// SubmitRows accepts the rows one chunk after the other and seals the batch after the last. A row that can't be
// accepted is recorded with its line and reason, and never stops the others; so is one whose ExternalID was used for
// another request, with code conflict and the fields that differ. Of b only ExternalID, CallbackURL and
// Metadata are taken. Each row's Line must be its own.
//
// When it returns an error the batch stays open: submit it again, from its first row, under the same ExternalID, and
// the rows that were accepted are counted as Existing. A batch without an ExternalID can't be resumed.
func (p *Producer) SubmitRows(ctx context.Context, b tasks.Batch, rows iter.Seq[Row]) (BatchReceipt, error) {
	b = tasks.Batch{Producer: p.name(), ExternalID: b.ExternalID, CallbackURL: cmp.Or(b.CallbackURL, p.CallbackURL), Metadata: b.Metadata}
	if err := checkBatch(b); err != nil {
		return BatchReceipt{}, err
	}
	opened, _, err := p.Ledger.OpenBatch(ctx, b)
	if err != nil {
		return BatchReceipt{}, fmt.Errorf("open batch: %w", err)
	}
	s := &submission{Producer: p, receipt: BatchReceipt{Batch: opened}}
	for row := range rows {
		if err := s.add(ctx, row); err != nil {
			return s.receipt, err
		}
	}
	if err := s.flush(ctx); err != nil {
		return s.receipt, err
	}
	if err := p.Ledger.Seal(ctx, opened.ID, false); err != nil {
		return s.receipt, fmt.Errorf("seal batch: %w", err)
	}
	return s.receipt, nil
}

// checkBatch holds a batch to the rules of an upload's fields of the same names.
func checkBatch(b tasks.Batch) error {
	return tasks.Upload{
		ExternalID: b.ExternalID, CallbackURL: b.CallbackURL, Metadata: b.Metadata,
		Account: DefaultAccount, Type: tasks.Image, Source: "any",
	}.Validate()
}

// submission is one batch on its way into the ledger.
type submission struct {
	*Producer
	receipt BatchReceipt
	uploads []tasks.Upload
	rows    []Row // of uploads
	refused []tasks.Refusal
}

func (s *submission) add(ctx context.Context, row Row) error {
	u, err := row.Upload, row.Err
	if err == nil {
		u, err = s.prepare(u)
		u.Batch = s.receipt.Batch.ID
		u.ID = s.rowID(u, row.Line)
	}
	switch code := tasks.CodeOf(err); code {
	case "":
		s.uploads = append(s.uploads, u)
		s.rows = append(s.rows, row)
	case tasks.Invalid, tasks.Denied:
		s.refuse(row, row.Upload.ExternalID, tasks.AsError(err))
	default:
		return fmt.Errorf("read line %d: %w", row.Line, err)
	}
	if len(s.uploads)+len(s.refused) < chunkRows {
		return nil
	}
	return s.flush(ctx)
}

// rowID makes a row recognisable when its batch is submitted again, even without a name of its own: a UUIDv7 of the
// moment when the batch was opened, its random part made from batch and line. Zero where it needs none.
func (s *submission) rowID(u tasks.Upload, line int) uuid.UUID {
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

// refuse keeps a row that was not accepted until the next flush. What it repeats of the row is bounded by Validate.
func (s *submission) refuse(row Row, externalID string, why *tasks.Error) {
	if row.Receipt != nil {
		row.Receipt(tasks.Receipt{Err: why})
	}
	if len(externalID) > tasks.MaxExternalID {
		externalID = "" // that is what was wrong with it
	}
	s.refused = append(s.refused, tasks.Refusal{Line: row.Line, ExternalID: externalID, Code: why.Code, Reason: why.Error()})
}

// flush commits the rows gathered so far.
func (s *submission) flush(ctx context.Context) error {
	if err := s.accept(ctx); err != nil {
		return err
	}
	if len(s.refused) == 0 {
		return nil
	}
	slices.SortFunc(s.refused, func(a, b tasks.Refusal) int { return a.Line - b.Line })
	if err := s.Ledger.Refuse(ctx, s.receipt.Batch.ID, s.refused); err != nil {
		return fmt.Errorf("record refused lines: %w", err)
	}
	s.receipt.Refused += len(s.refused)
	room := firstRefusals - len(s.receipt.First)
	s.receipt.First = append(s.receipt.First, s.refused[:min(room, len(s.refused))]...)
	s.refused = nil
	return nil
}

func (s *submission) accept(ctx context.Context) error {
	if len(s.uploads) == 0 {
		return nil
	}
	receipts, err := s.Ledger.Accept(ctx, s.uploads)
	if err != nil {
		return fmt.Errorf("accept lines %d to %d: %w", s.rows[0].Line, s.rows[len(s.rows)-1].Line, err)
	}
	for i, r := range receipts {
		if r.Err != nil && !s.rows[i].servedBy(r) {
			s.refuse(s.rows[i], s.uploads[i].ExternalID, r.Err)
			continue
		}
		if r.Created {
			s.receipt.Accepted++
		} else {
			s.receipt.Existing++
		}
		if s.rows[i].Receipt != nil {
			s.rows[i].Receipt(r)
		}
	}
	s.uploads, s.rows = s.uploads[:0], s.rows[:0]
	s.nudge()
	return nil
}
