// Package history holds everything that was recorded of one run, and keeps it in files.
package history

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

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// History is everything that was recorded of one run. The checker reads nothing else.
type History struct {
	Run          scenario.Run
	Journal      []Entry           // of producers and of attacks on files
	Outcomes     []tasks.Outcome   // every upload in the ledger at the end, with its attempts
	Batches      []tasks.Batch     // every batch in the ledger
	Events       []Event           // every event in the ledger
	Deliveries   []Delivery        // every delivery in the ledger
	Calls        []wechattest.Call // the sandbox's journal
	Media        []Media           // what the sandbox holds
	Webhooks     []Webhook         // every webhook request that reached the receiver
	Injections   []Injection       // the attacks that were made
	Exits        []Exit            // processes that ended by themselves
	Panics       []string          // lines of logs that tell of a panic or a data race
	Observations []Observation     // of attacked uploads, and of leaders
	Claims       []Claim           // claims that workers ended, from their logs
	Holds        []Hold            // of accounts
	Samples      []Sample          // of what processes hold, in a soak
	Settled      bool              // every upload and delivery ended in time
	Ended        time.Time
}

// Entry is one line of the journal of a producer, or of the attacks on files.
type Entry struct {
	Kind     string          `json:"kind"`
	At       time.Time       `json:"at"`
	Producer string          `json:"producer,omitempty"`
	Name     string          `json:"name,omitempty"` // external ID of the upload, or of the batch
	ID       uuid.UUID       `json:"id,omitzero"`
	Batch    uuid.UUID       `json:"batch,omitzero"`
	Rows     int             `json:"rows,omitempty"`
	Account  string          `json:"account,omitempty"`
	Type     tasks.MediaType `json:"type,omitempty"`
	Source   string          `json:"source,omitempty"`
	SHA256   string          `json:"sha256,omitempty"`
	Deadline time.Time       `json:"deadline,omitzero"`
	Status   int             `json:"status,omitempty"`      // of an HTTP answer
	After    int             `json:"retry_after,omitempty"` // seconds; 0: the answer had no Retry-After
	Text     string          `json:"text,omitempty"`
}

// The kinds of entries.
const (
	Intent     = "intent"     // the producer is about to submit: from now on the upload may be in the ledger
	Ack        = "ack"        // the upload was accepted; it has no ID when the answer was for a whole batch
	Hopeless   = "hopeless"   // the upload was refused, since its account has too few calls until its deadline
	Sealed     = "sealed"     // the batch was accepted and sealed
	Cancel     = "cancel"     // the producer is about to cancel the upload
	Version    = "version"    // the source is about to get this content
	Touched    = "touched"    // the source is about to be changed, cut or removed
	Unanswered = "unanswered" // no answer came: the upload or batch may be in the ledger
	Refused    = "refused"    // the answer accepts nothing, or not all
)

// Event is one event of the ledger.
type Event struct {
	Seq  int64           `json:"seq"`
	ID   uuid.UUID       `json:"id"`
	Type tasks.EventType `json:"type"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"`
}

// Delivery is one delivery of the ledger.
type Delivery struct {
	ID       uuid.UUID           `json:"id"`
	Event    uuid.UUID           `json:"event"`
	Type     tasks.EventType     `json:"type"`
	State    tasks.DeliveryState `json:"state"`
	Receiver string              `json:"receiver"`
	Last     string              `json:"last_error,omitempty"`
}

// Media is one media that the sandbox holds, with the hash of its bytes.
type Media struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"`
}

// Webhook is one request that the receiver got.
type Webhook struct {
	At       time.Time       `json:"at"`
	ID       string          `json:"id"`
	Receiver string          `json:"receiver"`
	Type     tasks.EventType `json:"type"`
	Verified bool            `json:"verified"`
	Stale    bool            `json:"stale,omitempty"` // its signature verifies, its timestamp is too old or too new
	Answer   int             `json:"answer"`          // HTTP status; 0: none
	Data     json.RawMessage `json:"data"`
}

// Planned is one attack of the schedule. The seed alone makes the schedule.
type Planned struct {
	Attack   string        `json:"attack"`
	At       time.Duration `json:"at_ns"`             // after the start
	For      time.Duration `json:"for_ns"`            // until it is reverted
	Seed     uint64        `json:"seed"`              // of the attack's own choices, such as its target
	Kill     bool          `json:"kill,omitzero"`     // it counts as one of -kills
	External bool          `json:"external,omitzero"` // it hits what the fleet talks to: WeChat, the receiver, the files
}

// Injection is one attack as it was made.
type Injection struct {
	Planned
	Target  string        `json:"target"`
	Err     string        `json:"error,omitempty"` // why it could not be made, or reverted
	Started time.Time     `json:"started"`
	Ended   time.Time     `json:"ended"`
	Skew    time.Duration `json:"skew_ns,omitempty"` // how far clocks were set wrong, until it ended
	Running []uuid.UUID   `json:"running,omitempty"` // uploads that ran in any worker when one worker was killed or stopped
}

// Claim is one claim that its worker ended: with an outcome, by handing it back, or by dropping it.
type Claim struct {
	Upload  uuid.UUID     `json:"upload"`
	From    time.Time     `json:"from"`
	Took    time.Duration `json:"took_ns"`
	Process string        `json:"process,omitempty"`
	State   tasks.State   `json:"state,omitempty"` // of the upload afterwards
}

// Exit is the end of a process that no attack ended.
type Exit struct {
	Process string    `json:"process"`
	At      time.Time `json:"at"`
	Status  string    `json:"status"`
}

// Sample is what one process held at one time. 0 means that it is unknown.
type Sample struct {
	At         time.Time `json:"at"`
	Process    string    `json:"process"`
	Goroutines int64     `json:"goroutines,omitzero"`
	Files      int64     `json:"files,omitzero"`  // open file descriptors
	Memory     int64     `json:"memory,omitzero"` // resident bytes; of Redis: bytes of data; of the ledger: bytes on disk
}

// The names of samples that are not of a mediaferry process.
const (
	SampleRedis  = "redis"
	SampleLedger = "ledger"
)

// Hold is one hold of an account, from its first observation to its last.
type Hold struct {
	Account string    `json:"account"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
}

// Observation is the state of one upload, or of one leader, at one time. Observations explain a slow recovery: they show
// when a generation was dispatched, which worker claimed it, and which process led.
type Observation struct {
	At         time.Time `json:"at"`
	Upload     uuid.UUID `json:"upload,omitzero"` // uuid.Nil: a leader
	Phase      string    `json:"phase"`           // or the role
	Generation int       `json:"generation,omitzero"`
	Worker     string    `json:"worker,omitempty"` // or the leader
	Due        time.Time `json:"due,omitzero"`
}

// parts maps the files of a kept history to its lists. A file has one JSON value a line.
func (h *History) parts() map[string]lines {
	return map[string]lines{
		"journal.jsonl":      linesOf(&h.Journal),
		"outcomes.jsonl":     linesOf(&h.Outcomes),
		"batches.jsonl":      linesOf(&h.Batches),
		"events.jsonl":       linesOf(&h.Events),
		"deliveries.jsonl":   linesOf(&h.Deliveries),
		"calls.jsonl":        linesOf(&h.Calls),
		"media.jsonl":        linesOf(&h.Media),
		"webhooks.jsonl":     linesOf(&h.Webhooks),
		"injections.jsonl":   linesOf(&h.Injections),
		"exits.jsonl":        linesOf(&h.Exits),
		"panics.jsonl":       linesOf(&h.Panics),
		"claims.jsonl":       linesOf(&h.Claims),
		"observations.jsonl": linesOf(&h.Observations),
		"holds.jsonl":        linesOf(&h.Holds),
		"samples.jsonl":      linesOf(&h.Samples),
	}
}

// summary holds the fields of a history that are no lists.
type summary struct {
	Run     scenario.Run `json:"run"`
	Settled bool         `json:"settled"`
	Ended   time.Time    `json:"ended"`
}

const SummaryFile = "history.json"

// Save writes h into dir, which must exist.
func (h *History) Save(dir string) error {
	for name, part := range h.parts() {
		if err := part.write(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("save history: %w", err)
		}
	}
	b, err := json.MarshalIndent(summary{h.Run, h.Settled, h.Ended}, "", "  ")
	if err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, SummaryFile), b, 0o644)
}

// Load reads the history that Save wrote into dir.
func Load(dir string) (*History, error) {
	h := &History{}
	b, err := os.ReadFile(filepath.Join(dir, SummaryFile))
	if err != nil {
		return nil, err
	}
	var s summary
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read %s: %w", SummaryFile, err)
	}
	h.Run, h.Settled, h.Ended = s.Run, s.Settled, s.Ended
	for name, part := range h.parts() {
		if err := part.read(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return h, nil
}

// LoadAll reads the history in dir, or else all histories one level below it.
func LoadAll(dir string) ([]*History, error) {
	h, err := Load(dir)
	if err == nil {
		return []*History{h}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*", SummaryFile))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no history in %s", dir)
	}
	slices.Sort(names)
	var all []*History
	for _, name := range names {
		h, err := Load(filepath.Dir(name))
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
			*list, err = ReadLines[T](path)
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

// ReadLines reads one JSON value a line. It leaves out lines that are not JSON: their writer was killed while it wrote.
func ReadLines[T any](path string) ([]T, error) {
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
