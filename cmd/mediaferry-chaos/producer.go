package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// producerOrder is what a producer process is told, in a file.
type producerOrder struct {
	Leg      leg       `json:"leg"`
	Number   int       `json:"number"`
	Name     string    `json:"name"`
	Ledger   string    `json:"ledger"`
	Root     string    `json:"root"` // of the storage
	Journal  string    `json:"journal"`
	Callback string    `json:"callback"`
	Start    time.Time `json:"start"`
	Deadline time.Time `json:"deadline"` // of the uploads that have one
}

// producer submits its load lot by lot. Killed at any point, it goes on from its journal: what it had not recorded as
// accepted it submits again under the same names.
type producer struct {
	producerOrder
	journal *journal
	sealed  map[string]bool // lots that are through
	front   *enqueue.Producer
	ledger  *ledger.Ledger
}

// produceMain is the producer process.
func produceMain(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("producer: want the file of its orders")
	}
	b, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	p := &producer{sealed: map[string]bool{}}
	if err := json.Unmarshal(b, &p.producerOrder); err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	if err := p.remember(); err != nil {
		return err
	}
	if p.journal, err = openJournal(p.Journal); err != nil {
		return err
	}
	if err := p.insist(ctx, p.open); err != nil {
		return err
	}
	p.front = &enqueue.Producer{Ledger: p.ledger, Name: p.Name}
	for i, l := range p.Leg.load(p.Number) {
		if err := p.submit(ctx, l, i); err != nil {
			return err
		}
	}
	return errors.Join(p.ledger.Close(), p.journal.close())
}

func (p *producer) open(ctx context.Context) (err error) {
	p.ledger, err = ledger.Open(ctx, p.Ledger, ledger.Options{})
	return err
}

// remember reads what an earlier life got through.
func (p *producer) remember() error {
	es, err := readLines[entry](p.Journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range es {
		if e.Kind == entrySealed {
			p.sealed[e.Name] = true
		}
	}
	return err
}

// insist repeats what fails because the ledger is away, as any producer must: nothing was accepted then.
func (p *producer) insist(ctx context.Context, try func(context.Context) error) error {
	for {
		err := try(ctx)
		if err == nil || tasks.CodeOf(err) != tasks.Unavailable {
			return err
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

func (p *producer) submit(ctx context.Context, l lot, index int) error {
	name := l.Name
	if l.Single {
		name = fmt.Sprintf("single-%d", index)
	}
	if p.sealed[name] {
		return nil
	}
	if err := sleep(ctx, time.Until(p.Start.Add(l.At))); err != nil {
		return err
	}
	if err := p.prepare(l); err != nil {
		return err
	}
	var batch uuid.UUID
	var canceled []uuid.UUID
	err := p.insist(ctx, func(ctx context.Context) (err error) {
		canceled = nil
		ack := func(w row, r tasks.Receipt) {
			if w.Cancel {
				canceled = append(canceled, r.ID)
			}
		}
		if l.Single {
			return p.single(ctx, l.Rows[0], ack)
		}
		batch, err = p.batch(ctx, l, ack)
		return err
	})
	if err != nil {
		return fmt.Errorf("submit %s: %w", name, err)
	}
	if err := p.cancel(ctx, canceled); err != nil {
		return err
	}
	return errors.Join(p.journal.write(entry{Kind: entrySealed, Producer: p.Name, Name: name, Batch: batch, Rows: len(l.Rows)}), p.journal.sync())
}

// prepare writes the lot's files, and down what is about to be submitted.
func (p *producer) prepare(l lot) error {
	for _, w := range l.Rows {
		if err := p.writeFile(w); err != nil {
			return err
		}
		if err := p.journal.write(entry{Kind: entryIntent, Producer: p.Name, Name: w.Name, Source: w.Source}); err != nil {
			return err
		}
	}
	return p.journal.sync()
}

// writeFile leaves a file alone that an earlier life wrote: it may have been changed or taken away since.
func (p *producer) writeFile(w row) error {
	path := filepath.Join(p.Root, filepath.FromSlash(w.Source))
	marker := path + ".written"
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	b := w.bytes(0)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	version := entry{Kind: entryVersion, Source: w.Source, SHA256: tasks.HashOf(b).String()}
	if err := p.journal.write(version); err != nil {
		return err
	}
	return errors.Join(replaceFile(path, b), os.WriteFile(marker, nil, 0o644))
}

// replaceFile writes a file in one step.
func replaceFile(path string, b []byte) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, b, 0o644); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return os.Rename(temp, path)
}

func (p *producer) upload(w row) tasks.Upload {
	u := tasks.Upload{
		ExternalID: w.Name, Account: w.Account, Type: w.Type, Source: w.Source, Priority: w.Priority, CallbackURL: p.Callback,
		Metadata: json.RawMessage(fmt.Sprintf(`{"number":%d}`, w.Number)),
	}
	if w.Deadline {
		u.ExpiresBy = p.Deadline
	}
	return u
}

func (p *producer) ack(w row, r tasks.Receipt) error {
	e := entry{Kind: entryAck, Producer: p.Name, Name: w.Name, ID: r.ID, Account: w.Account, Type: w.Type, Source: w.Source}
	if w.Deadline {
		e.Deadline = p.Deadline
	}
	return p.journal.write(e)
}

func (p *producer) single(ctx context.Context, w row, told func(row, tasks.Receipt)) error {
	r, err := p.front.Submit(ctx, p.upload(w))
	if err != nil {
		return err
	}
	told(w, r)
	return p.ack(w, r)
}

func (p *producer) batch(ctx context.Context, l lot, told func(row, tasks.Receipt)) (uuid.UUID, error) {
	var journal error
	b := tasks.Batch{ExternalID: l.Name, CallbackURL: p.Callback}
	opened := func(r tasks.Receipt, w row) {
		if r.Err != nil {
			journal = errors.Join(journal, fmt.Errorf("%s was refused: %w", w.Name, r.Err))
			return
		}
		told(w, r)
		journal = errors.Join(journal, p.ack(w, r))
	}
	rows := func(yield func(enqueue.Row) bool) {
		for i, w := range l.Rows {
			if !yield(enqueue.Row{Line: i + 1, Upload: p.upload(w), Receipt: func(r tasks.Receipt) { opened(r, w) }}) {
				return
			}
		}
	}
	receipt, err := p.front.SubmitRows(ctx, b, rows)
	return receipt.Batch.ID, errors.Join(err, journal)
}

// cancel asks for it again while the ledger is away. An upload that has its outcome already is no error.
func (p *producer) cancel(ctx context.Context, ids []uuid.UUID) error {
	for _, id := range ids {
		if err := p.journal.write(entry{Kind: entryCancel, Producer: p.Name, ID: id}); err != nil {
			return err
		}
		err := p.insist(ctx, func(ctx context.Context) error {
			_, err := p.front.Cancel(ctx, id)
			return err
		})
		if err != nil && tasks.CodeOf(err) != tasks.Conflict {
			return fmt.Errorf("cancel upload: %w", err)
		}
	}
	return nil
}

// sleep returns early, with an error, when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
