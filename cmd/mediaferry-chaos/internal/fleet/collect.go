package fleet

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

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Collect fills h with everything that the fleet has recorded.
func (f *Fleet) Collect(ctx context.Context, h *history.History) error {
	for _, r := range f.Receivers {
		h.Webhooks = append(h.Webhooks, r.Requests()...)
	}
	if !f.Redis.Running() {
		h.Exits = append(h.Exits, history.Exit{Process: "redis", At: time.Now(), Status: "ended by itself"})
	}
	for _, p := range slices.Concat(f.Workers, f.Serves, f.Producers) {
		h.Exits = append(h.Exits, p.Exits()...)
	}
	for _, step := range []struct {
		name string
		do   func(context.Context, *history.History) error
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

func (f *Fleet) collectJournals(_ context.Context, h *history.History) error {
	names := []string{f.path("sources.log")}
	for i := range f.Run.AllProducers() {
		names = append(names, f.path(producerName(i)+".journal"))
	}
	for _, name := range names {
		es, err := history.ReadLines[history.Entry](name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		h.Journal = append(h.Journal, es...)
	}
	return nil
}

// pages reads all pages of a list.
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

func (f *Fleet) collectOutcomes(ctx context.Context, h *history.History) (err error) {
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

func (f *Fleet) collectBatches(ctx context.Context, h *history.History) (err error) {
	h.Batches, err = pages(func(cursor string) ([]tasks.Batch, string, error) {
		return f.ledger.Batches(ctx, tasks.Filter{Cursor: cursor, Limit: pageRows})
	})
	return err
}

func (f *Fleet) collectEvents(ctx context.Context, h *history.History) error {
	newest, err := f.ledger.NewestEvent(ctx)
	for place := int64(0); err == nil && place < newest; {
		var page tasks.EventPage
		page, err = f.ledger.Events(ctx, tasks.EventFilter{After: place, Limit: pageRows})
		for _, e := range page.Events {
			h.Events = append(h.Events, history.Event{Seq: e.Seq, ID: e.ID, Type: e.Type, At: e.Time, Data: e.Data})
		}
		if place = page.Next; !page.More && place < newest {
			time.Sleep(10 * time.Millisecond) // a transaction that is open anywhere on the server holds them back
		}
	}
	return err
}

func (f *Fleet) collectDeliveries(ctx context.Context, h *history.History) error {
	all, err := pages(func(cursor string) ([]tasks.Delivery, string, error) {
		return f.ledger.Deliveries(ctx, tasks.DeliveryFilter{Cursor: cursor, Limit: pageRows})
	})
	names := map[string]string{}
	for name, url := range f.callbacks {
		names[url] = name
	}
	for _, d := range all {
		h.Deliveries = append(h.Deliveries, history.Delivery{ID: d.ID, Event: d.Event.ID, Type: d.Event.Type, State: d.State, Receiver: names[d.URL], Last: d.LastError})
	}
	return err
}

func (f *Fleet) collectCalls(_ context.Context, h *history.History) (err error) {
	if err := f.Sandbox.JournalErr(); err != nil {
		return err
	}
	if h.Calls, err = history.ReadLines[wechattest.Call](f.path("sandbox.log")); err != nil {
		return err
	}
	for _, c := range h.Calls {
		if c.MediaID == "" || !strings.HasSuffix(c.Path, history.UploadPath) {
			continue
		}
		if b, kept := f.Sandbox.Media(c.MediaID); kept {
			h.Media = append(h.Media, history.Media{ID: c.MediaID, SHA256: tasks.HashOf(b).String()})
		}
	}
	return nil
}

// collectLogs searches the logs of all processes for panics and data races, and for the claims that workers ended.
func (f *Fleet) collectLogs(_ context.Context, h *history.History) error {
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

// claimOf reads the log line that a worker writes when it has ended a claim.
func claimOf(line []byte) (history.Claim, bool) {
	var l struct {
		Time   time.Time   `json:"time"`
		Upload uuid.UUID   `json:"upload_id"`
		Took   string      `json:"took"`
		State  tasks.State `json:"state"`
	}
	if json.Unmarshal(line, &l) != nil || l.Upload == uuid.Nil || l.State == "" {
		return history.Claim{}, false
	}
	took, err := time.ParseDuration(l.Took)
	return history.Claim{Upload: l.Upload, From: l.Time.Add(-took), Took: took, State: l.State}, err == nil
}

// alarming reports whether a log line tells of a panic or a data race.
func alarming(line string) bool {
	for _, mark := range []string{"panic:", "fatal error:", "DATA RACE", `"msg":"panic`} {
		if strings.Contains(line, mark) {
			return true
		}
	}
	return false
}
