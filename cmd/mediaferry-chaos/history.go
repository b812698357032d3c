package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// history is everything that was recorded of one leg, by everybody involved. The checker needs nothing else.
type history struct {
	Leg        leg
	Log        []entry           // what producers, and whoever changed files, wrote down
	Outcomes   []tasks.Outcome   // every upload in the ledger at the end, with its attempts
	Batches    []tasks.Batch     // every batch in the ledger
	Events     []event           // every event in the ledger
	Deliveries []delivery        // every delivery in the ledger
	Calls      []wechattest.Call // the sandbox's journal
	Media      []medium          // what the sandbox holds
	Hooks      []hook            // every webhook request that reached the receiver
	Strikes    []strike          // what was done
	Exits      []processExit     // processes that ended though nobody had struck them
	Panics     []string          // lines of logs that no log should have
	Sightings  []sighting        // of uploads that were struck, and of leaders
	Claims     []claimed         // what workers say in their logs of each claim that they ended
	Samples    []sample          // of what processes held, in a soak
	Quiet      bool              // everything came to rest before the patience was over
	Ended      time.Time
}

// entry is one line of a producer's log, or of the log of changed files.
type entry struct {
	Kind     string          `json:"kind"`
	At       time.Time       `json:"at"`
	Producer string          `json:"producer,omitempty"`
	Name     string          `json:"name,omitempty"` // external id of the upload, or of the batch
	ID       uuid.UUID       `json:"id,omitzero"`
	Batch    uuid.UUID       `json:"batch,omitzero"`
	Rows     int             `json:"rows,omitempty"`
	Account  string          `json:"account,omitempty"`
	Type     tasks.MediaType `json:"type,omitempty"`
	Source   string          `json:"source,omitempty"`
	SHA256   string          `json:"sha256,omitempty"`
	Deadline time.Time       `json:"deadline,omitzero"`
	Status   int             `json:"status,omitempty"`      // of an HTTP answer
	After    int             `json:"retry_after,omitempty"` // seconds, as that answer said; 0: it did not
	Text     string          `json:"text,omitempty"`
}

// The kinds of entries.
const (
	entryIntent     = "intent"     // about to submit: from here on the upload may be in the ledger
	entryAck        = "ack"        // the upload was accepted; without an ID where the answer was for a whole batch
	entrySealed     = "sealed"     // the batch was accepted and sealed
	entryCancel     = "cancel"     // about to ask that the upload be canceled
	entryVersion    = "version"    // about to give the source this content
	entryTouched    = "touched"    // about to change, cut or take away the source
	entryUnanswered = "unanswered" // the answer never came: the upload or batch may be in the ledger
	entryRefused    = "refused"    // an answer that accepts nothing, or not all
)

// event is one event as the ledger renders it.
type event struct {
	Seq  int64           `json:"seq"`
	ID   uuid.UUID       `json:"id"`
	Type tasks.EventType `json:"type"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"`
}

// delivery is one delivery as the ledger keeps it.
type delivery struct {
	ID    uuid.UUID           `json:"id"`
	Event uuid.UUID           `json:"event"`
	Type  tasks.EventType     `json:"type"`
	State tasks.DeliveryState `json:"state"`
	Last  string              `json:"last_error,omitempty"`
}

// medium is a media as the sandbox holds it. SHA256 is that of the bytes that media/get would return.
type medium struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"`
}

// hook is one webhook request.
type hook struct {
	At       time.Time       `json:"at"`
	ID       string          `json:"id"`
	Type     tasks.EventType `json:"type"`
	Verified bool            `json:"verified"`
	Stale    bool            `json:"stale,omitempty"` // its signature is right, and its time is not
	Answer   int             `json:"answer"`          // HTTP status; 0: none
	Data     json.RawMessage `json:"data"`
}

// strike is one attack as it was made.
type strike struct {
	planned
	What   string        `json:"what"`
	Err    string        `json:"error,omitempty"` // it could not be made
	Struck time.Time     `json:"struck"`
	Healed time.Time     `json:"healed"`
	Skew   time.Duration `json:"skew_ns,omitempty"` // how wrong clocks were, until it was healed
	Busy   []uuid.UUID   `json:"busy,omitempty"`    // uploads that were running, in any worker, when a worker died or began to stand still
}

// claimed is one claim as its worker ended it: with an outcome, by handing it back or by dropping it.
type claimed struct {
	Upload  uuid.UUID     `json:"upload"`
	From    time.Time     `json:"from"`
	Took    time.Duration `json:"took_ns"`
	Process string        `json:"process,omitempty"`
	State   tasks.State   `json:"state,omitempty"` // in which it left the upload
}

// parts are the files of a kept history, one JSON value a line.
func (h *history) parts() map[string]lines {
	return map[string]lines{
		"log.jsonl":        linesOf(&h.Log),
		"outcomes.jsonl":   linesOf(&h.Outcomes),
		"batches.jsonl":    linesOf(&h.Batches),
		"events.jsonl":     linesOf(&h.Events),
		"deliveries.jsonl": linesOf(&h.Deliveries),
		"calls.jsonl":      linesOf(&h.Calls),
		"media.jsonl":      linesOf(&h.Media),
		"hooks.jsonl":      linesOf(&h.Hooks),
		"strikes.jsonl":    linesOf(&h.Strikes),
		"exits.jsonl":      linesOf(&h.Exits),
		"panics.jsonl":     linesOf(&h.Panics),
		"claims.jsonl":     linesOf(&h.Claims),
		"sightings.jsonl":  linesOf(&h.Sightings),
		"samples.jsonl":    linesOf(&h.Samples),
	}
}

// summary is what a history has once.
type summary struct {
	Leg   leg       `json:"leg"`
	Quiet bool      `json:"quiet"`
	Ended time.Time `json:"ended"`
}

const summaryFile = "history.json"

// save writes h into dir, which must exist.
func (h *history) save(dir string) error {
	for name, part := range h.parts() {
		if err := part.write(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("save history: %w", err)
		}
	}
	b, err := json.MarshalIndent(summary{h.Leg, h.Quiet, h.Ended}, "", "  ")
	if err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, summaryFile), b, 0o644)
}

func loadHistory(dir string) (*history, error) {
	h := &history{}
	b, err := os.ReadFile(filepath.Join(dir, summaryFile))
	if err != nil {
		return nil, err
	}
	var s summary
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read %s: %w", summaryFile, err)
	}
	h.Leg, h.Quiet, h.Ended = s.Leg, s.Quiet, s.Ended
	for name, part := range h.parts() {
		if err := part.read(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return h, nil
}

// loadHistories reads a kept history, or all of those one level below dir.
func loadHistories(dir string) ([]*history, error) {
	h, err := loadHistory(dir)
	if err == nil {
		return []*history{h}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*", summaryFile))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no history in %s", dir)
	}
	slices.Sort(names)
	var all []*history
	for _, name := range names {
		h, err := loadHistory(filepath.Dir(name))
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// lines is a list that is kept as one JSON value a line.
type lines struct {
	write func(path string) error
	read  func(path string) error
}

func linesOf[T any](list *[]T) lines {
	return lines{
		write: func(path string) error { return writeLines(path, *list) },
		read: func(path string) (err error) {
			*list, err = readLines[T](path)
			return err
		},
	}
}

func writeLines[T any](path string, list []T) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	for _, v := range list {
		if err := e.Encode(v); err != nil {
			f.Close()
			return err
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// readLines leaves out lines that are no JSON: whoever wrote them was killed on the way.
func readLines[T any](path string) ([]T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []T
	in := bufio.NewScanner(f)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var v T
		if json.Unmarshal(in.Bytes(), &v) == nil {
			list = append(list, v)
		}
	}
	return list, in.Err()
}
