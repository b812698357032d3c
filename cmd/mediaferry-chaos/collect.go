package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// collect gathers what everybody has recorded.
func (f *field) collect(ctx context.Context, h *history) error {
	h.Hooks = f.receiver.record()
	for _, p := range slices.Concat([]*process{f.redis.process}, f.workers, f.serves, f.producers) {
		h.Exits = append(h.Exits, p.unasked()...)
	}
	for _, step := range []struct {
		name string
		do   func(context.Context, *history) error
	}{
		{"journals", f.collectJournals},
		{"uploads", f.collectOutcomes},
		{"batches", f.collectBatches},
		{"events", f.collectEvents},
		{"deliveries", f.collectDeliveries},
		{"the sandbox's journal", f.collectCalls},
		{"logs", f.collectLogs},
	} {
		if err := step.do(ctx, h); err != nil {
			return fmt.Errorf("collect %s: %w", step.name, err)
		}
	}
	return nil
}

func (f *field) collectJournals(_ context.Context, h *history) error {
	names := []string{f.path("sources.log")}
	for i := range f.Producers + f.Clients {
		names = append(names, f.path(producerName(i)+".journal"))
	}
	for _, name := range names {
		es, err := readLines[entry](name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		h.Log = append(h.Log, es...)
	}
	return nil
}

// pages reads a list to its end.
func pages[T any](read func(cursor string) ([]T, string, error)) ([]T, error) {
	var all []T
	for cursor := ""; ; {
		page, next, err := read(cursor)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" {
			return all, nil
		}
		cursor = next
	}
}

const pageRows = 1000

func (f *field) collectOutcomes(ctx context.Context, h *history) (err error) {
	h.Outcomes, err = pages(func(cursor string) ([]tasks.Outcome, string, error) {
		return f.ledger.List(ctx, tasks.Filter{Cursor: cursor, Limit: pageRows})
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4) // as many reads as an SQLite ledger does at once
	for i := range h.Outcomes {
		g.Go(func() (err error) {
			h.Outcomes[i], err = f.ledger.Outcome(ctx, h.Outcomes[i].ID)
			return err
		})
	}
	return g.Wait()
}

func (f *field) collectBatches(ctx context.Context, h *history) (err error) {
	h.Batches, err = pages(func(cursor string) ([]tasks.Batch, string, error) {
		return f.ledger.Batches(ctx, tasks.Filter{Cursor: cursor, Limit: pageRows})
	})
	return err
}

func (f *field) collectEvents(ctx context.Context, h *history) error {
	for seq := int64(0); ; {
		page, err := f.ledger.Events(ctx, seq, pageRows)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			h.Events = append(h.Events, event{Seq: e.Seq, ID: e.ID, Type: e.Type, At: e.Time, Data: e.Data})
		}
		seq = page[len(page)-1].Seq
	}
}

func (f *field) collectDeliveries(ctx context.Context, h *history) error {
	all, err := pages(func(cursor string) ([]tasks.Delivery, string, error) {
		return f.ledger.Deliveries(ctx, tasks.DeliveryFilter{Cursor: cursor, Limit: pageRows})
	})
	for _, d := range all {
		h.Deliveries = append(h.Deliveries, delivery{ID: d.ID, Event: d.Event.ID, Type: d.Event.Type, State: d.State, Last: d.LastError})
	}
	return err
}

func (f *field) collectCalls(_ context.Context, h *history) (err error) {
	if err := f.sandbox.JournalErr(); err != nil {
		return err
	}
	if h.Calls, err = readLines[wechattest.Call](f.path("sandbox.log")); err != nil {
		return err
	}
	for _, c := range h.Calls {
		if c.MediaID == "" || !strings.HasSuffix(c.Path, pathUpload) {
			continue
		}
		if b, kept := f.sandbox.Media(c.MediaID); kept {
			h.Media = append(h.Media, medium{ID: c.MediaID, SHA256: tasks.HashOf(b).String()})
		}
	}
	return nil
}

// collectLogs looks in the logs of our processes for what no log should have, and for the claims that workers ended.
func (f *field) collectLogs(_ context.Context, h *history) error {
	logs, err := filepath.Glob(f.path("*-[0-9]*.log"))
	if err != nil {
		return err
	}
	for _, name := range logs {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		in := bufio.NewScanner(file)
		in.Buffer(nil, 16<<20)
		for in.Scan() {
			if line := in.Text(); alarming(line) {
				h.Panics = append(h.Panics, filepath.Base(name)+": "+line)
			}
			if c, ok := claimOf(in.Bytes()); ok {
				c.Process = strings.TrimSuffix(filepath.Base(name), ".log")
				h.Claims = append(h.Claims, c)
			}
		}
		if err := errors.Join(in.Err(), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// claimOf reads the one line that a worker writes when it has ended a claim.
func claimOf(line []byte) (claimed, bool) {
	var l struct {
		Time   time.Time     `json:"time"`
		Upload uuid.UUID     `json:"upload_id"`
		Took   time.Duration `json:"took"`
		State  tasks.State   `json:"state"`
	}
	if json.Unmarshal(line, &l) != nil || l.Upload == uuid.Nil || l.State == "" {
		return claimed{}, false
	}
	return claimed{Upload: l.Upload, From: l.Time.Add(-l.Took), Took: l.Took, State: l.State}, true
}

func alarming(line string) bool {
	for _, mark := range []string{"panic:", "fatal error:", "DATA RACE", `"msg":"panic`} {
		if strings.Contains(line, mark) {
			return true
		}
	}
	return false
}

// outcomeOf reads the data of an upload's event.
func outcomeOf(data json.RawMessage) (tasks.Outcome, error) {
	var o tasks.Outcome
	err := json.Unmarshal(data, &o)
	return o, err
}

// batchOf reads the data of batch.completed.
func batchOf(data json.RawMessage) (tasks.Batch, error) {
	var b tasks.Batch
	err := json.Unmarshal(data, &b)
	if err == nil && b.ID == uuid.Nil {
		err = errors.New("it names no batch")
	}
	return b, err
}
