// Package producer is a process that submits uploads, as an application would, and keeps a journal of what it was told.
package producer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/wait"
	"github.com/mediaferry/mediaferry/tasks"
)

// Config is the settings file of a producer process.
type Config struct {
	Run       scenario.Run      `json:"run"`
	Number    int               `json:"number"` // among all producers, from 0
	Name      string            `json:"name"`
	Ledger    string            `json:"ledger"`
	URLs      []string          `json:"urls,omitempty"` // of the API; empty: the Go package
	Key       string            `json:"key,omitempty"`  // of the API
	Clock     string            `json:"clock"`          // path of its clock
	Root      string            `json:"root"`           // of the storage
	Journal   string            `json:"journal"`
	Callbacks map[string]string `json:"callbacks"` // URLs of receivers, by name
	Start     time.Time         `json:"start"`
	Deadline  time.Time         `json:"deadline"` // of the uploads that have one
}

// Producer submits its workload in order. It may be killed at any point. Its next life reads the journal, and submits
// again, under the same names, what was not recorded as accepted.
type Producer struct {
	Config
	journal  *history.Journal
	sealed   map[string]bool // submissions that were accepted
	client   client
	canceled []uuid.UUID // uploads of the current submission that are to be canceled
	hopeless int         // uploads of the current submission that were refused, since their deadline can't be met
}

// client is a way to submit. The producer repeats a call that fails with Unavailable, after the error's RetryAfter.
type client interface {
	single(ctx context.Context, u scenario.Upload) error
	batch(ctx context.Context, s scenario.Request) (uuid.UUID, error)
	// cancel returns Conflict when the upload has its outcome already.
	cancel(ctx context.Context, id uuid.UUID) error
	close() error
}

// Main runs a producer process. Its one argument is the path of its Config.
func Main(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("producer: want the path of its settings")
	}
	b, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	p := &Producer{sealed: map[string]bool{}}
	if err := json.Unmarshal(b, &p.Config); err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	if err := p.resume(); err != nil {
		return err
	}
	if p.journal, err = history.OpenJournal(p.Journal); err != nil {
		return err
	}
	if err := p.retry(ctx, p.open); err != nil {
		return err
	}
	for i, s := range p.Run.Workload(p.Number) {
		if err := p.submit(ctx, s, i); err != nil {
			return err
		}
	}
	return errors.Join(p.client.close(), p.journal.Close())
}

func (p *Producer) open(ctx context.Context) (err error) {
	if len(p.URLs) > 0 {
		p.client = newHTTPClient(p)
		return nil
	}
	p.client, err = newLedgerClient(ctx, p)
	return err
}

// resume reads which submissions an earlier life completed.
func (p *Producer) resume() error {
	es, err := history.ReadLines[history.Entry](p.Journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range es {
		if e.Kind == history.Sealed {
			p.sealed[e.Name] = true
		}
	}
	return err
}

// retry repeats a call that fails because the ledger or the API is away. It waits as long as the error says.
func (p *Producer) retry(ctx context.Context, try func(context.Context) error) error {
	for {
		err := try(ctx)
		if err == nil || tasks.CodeOf(err) != tasks.Unavailable {
			return err
		}
		if err := wait.Sleep(ctx, cmp.Or(tasks.AsError(err).RetryAfter, 200*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (p *Producer) submit(ctx context.Context, s scenario.Request, index int) error {
	name := s.Name
	if s.Single {
		name = fmt.Sprintf("single-%d", index)
	}
	if p.sealed[name] {
		return nil
	}
	if err := wait.Sleep(ctx, time.Until(p.Start.Add(s.At))); err != nil {
		return err
	}
	if err := p.prepare(s); err != nil {
		return err
	}
	var batch uuid.UUID
	err := p.retry(ctx, func(ctx context.Context) (err error) {
		p.canceled, p.hopeless = nil, 0
		if s.Single {
			return p.client.single(ctx, s.Uploads[0])
		}
		batch, err = p.client.batch(ctx, s)
		return err
	})
	if err != nil {
		return fmt.Errorf("submit %s: %w", name, err)
	}
	if err := p.cancel(ctx); err != nil {
		return err
	}
	return errors.Join(p.journal.Write(history.Entry{Kind: history.Sealed, Producer: p.Name, Name: name, Batch: batch, Rows: len(s.Uploads) - p.hopeless}), p.journal.Sync())
}

// prepare writes the files of a submission, and records what is about to be submitted.
func (p *Producer) prepare(s scenario.Request) error {
	for _, u := range s.Uploads {
		if err := p.writeFile(u); err != nil {
			return err
		}
		if err := p.journal.Write(history.Entry{Kind: history.Intent, Producer: p.Name, Name: u.Name, Source: u.Source}); err != nil {
			return err
		}
	}
	return p.journal.Sync()
}

// writeFile writes the file of one upload. It never writes again what an earlier life wrote: an attack may have changed
// or removed it since.
func (p *Producer) writeFile(u scenario.Upload) error {
	path := filepath.Join(p.Root, filepath.FromSlash(u.Source))
	marker := path + ".written"
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	b := u.Bytes()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	version := history.Entry{Kind: history.Version, Source: u.Source, SHA256: tasks.HashOf(b).String()}
	if err := p.journal.Write(version); err != nil {
		return err
	}
	return errors.Join(WriteFile(path, b), os.WriteFile(marker, nil, 0o644))
}

// isHopeless reports whether an upload may be refused so: it has a deadline, and its account too few calls until then.
func isHopeless(u scenario.Upload, reason string) bool {
	return u.Deadline && strings.Contains(reason, "expires_by: account")
}

// gaveUp records that an upload was refused, rightly: its deadline can't be met.
func (p *Producer) gaveUp(u scenario.Upload) error {
	p.hopeless++
	return p.journal.Write(history.Entry{Kind: history.Hopeless, Producer: p.Name, Name: u.Name})
}

// ack records that an upload was accepted. id is uuid.Nil when the answer did not contain it.
func (p *Producer) ack(u scenario.Upload, id uuid.UUID) error {
	if u.Cancel && id != uuid.Nil {
		p.canceled = append(p.canceled, id)
	}
	e := history.Entry{Kind: history.Ack, Producer: p.Name, Name: u.Name, ID: id, Account: u.Account, Type: u.Type, Source: u.Source}
	if u.Deadline {
		e.Deadline = p.Deadline
	}
	return p.journal.Write(e)
}

// cancel cancels the uploads of the current submission that are to be canceled. Too late is no error.
func (p *Producer) cancel(ctx context.Context) error {
	for _, id := range p.canceled {
		if err := p.journal.Write(history.Entry{Kind: history.Cancel, Producer: p.Name, ID: id}); err != nil {
			return err
		}
		err := p.retry(ctx, func(ctx context.Context) error { return p.client.cancel(ctx, id) })
		if err != nil && tasks.CodeOf(err) != tasks.Conflict {
			return fmt.Errorf("cancel upload: %w", err)
		}
	}
	return nil
}

// WriteFile replaces a file in one step: readers see the old content or the new one.
func WriteFile(path string, b []byte) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, b, 0o644); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return os.Rename(temp, path)
}
