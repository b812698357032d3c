package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// producerOrder is what a producer process is told, in a file.
type producerOrder struct {
	Leg      leg       `json:"leg"`
	Number   int       `json:"number"`
	Name     string    `json:"name"`
	Ledger   string    `json:"ledger"`
	URLs     []string  `json:"urls,omitempty"` // of the API; empty: straight into the ledger
	Key      string    `json:"key,omitempty"`  // of the API
	Clock    string    `json:"clock"`          // the file of its clock
	Root     string    `json:"root"`           // of the storage
	Journal  string    `json:"journal"`
	Callback string    `json:"callback"`
	Start    time.Time `json:"start"`
	Deadline time.Time `json:"deadline"` // of the uploads that have one
}

// producer submits its load lot by lot. Killed at any point, it goes on from its journal: what it had not recorded as
// accepted it submits again under the same names.
type producer struct {
	producerOrder
	journal  *journal
	sealed   map[string]bool // lots that are through
	door     door
	canceled []uuid.UUID // of the lot: those that it wants to be canceled
}

// door is a way to submit. What fails with Unavailable is tried again, after the error's RetryAfter where it has one.
type door interface {
	single(ctx context.Context, w row) error
	batch(ctx context.Context, l lot) (uuid.UUID, error)
	// cancel returns Conflict where it is too late.
	cancel(ctx context.Context, id uuid.UUID) error
	close() error
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
	for i, l := range p.Leg.load(p.Number) {
		if err := p.submit(ctx, l, i); err != nil {
			return err
		}
	}
	return errors.Join(p.door.close(), p.journal.close())
}

func (p *producer) open(ctx context.Context) (err error) {
	if len(p.URLs) > 0 {
		p.door = newHTTPDoor(p)
		return nil
	}
	p.door, err = newLedgerDoor(ctx, p)
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

// insist repeats what fails because the ledger or the API is away, as any producer must, and waits as long as it is
// told to.
func (p *producer) insist(ctx context.Context, try func(context.Context) error) error {
	for {
		err := try(ctx)
		if err == nil || tasks.CodeOf(err) != tasks.Unavailable {
			return err
		}
		if err := sleep(ctx, cmp.Or(tasks.AsError(err).RetryAfter, 200*time.Millisecond)); err != nil {
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
	err := p.insist(ctx, func(ctx context.Context) (err error) {
		p.canceled = nil
		if l.Single {
			return p.door.single(ctx, l.Rows[0])
		}
		batch, err = p.door.batch(ctx, l)
		return err
	})
	if err != nil {
		return fmt.Errorf("submit %s: %w", name, err)
	}
	if err := p.cancel(ctx); err != nil {
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

// ack writes down that a row was accepted. id is nil where the answer did not tell it.
func (p *producer) ack(w row, id uuid.UUID) error {
	if w.Cancel && id != uuid.Nil {
		p.canceled = append(p.canceled, id)
	}
	e := entry{Kind: entryAck, Producer: p.Name, Name: w.Name, ID: id, Account: w.Account, Type: w.Type, Source: w.Source}
	if w.Deadline {
		e.Deadline = p.Deadline
	}
	return p.journal.write(e)
}

// cancel asks for it again while the ledger is away. An upload that has its outcome already is no error.
func (p *producer) cancel(ctx context.Context) error {
	for _, id := range p.canceled {
		if err := p.journal.write(entry{Kind: entryCancel, Producer: p.Name, ID: id}); err != nil {
			return err
		}
		err := p.insist(ctx, func(ctx context.Context) error { return p.door.cancel(ctx, id) })
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
