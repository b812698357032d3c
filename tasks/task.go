package tasks

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
)

// The asynq task types.
const (
	TypeUpload  = "media:upload"    // Upload JSON v1, from a producer that has only Redis
	TypeRun     = "media:run"       // RunPayload: a chunk of dispatched uploads
	TypeDeliver = "webhook:deliver" // DeliverPayload: a dispatched delivery
)

// Queue names, before the configured prefix.
const (
	QueueInteractive = "interactive"
	QueueBulk        = "bulk"
	QueueAgain       = "again" // bulk uploads that a dead worker left behind
	QueueAlone       = "alone" // uploads that run with nothing beside them
	QueueWebhook     = "webhook"
	QueueWebhookSlow = "webhook-slow" // deliveries to endpoints that are slow, or not measured yet
	QueueInbox       = "inbox"
)

// Queues are the names of all queues, before the prefix.
var Queues = []string{QueueInteractive, QueueBulk, QueueAgain, QueueAlone, QueueWebhook, QueueWebhookSlow, QueueInbox}

// TasksPerSlot is how many tasks a worker takes from the belt for each upload that it may send at once: enough for one
// account's slow calls never to keep another's uploads from being taken.
const TasksPerSlot = 3

// MaxPayload bounds a task's payload in bytes, before it is decoded.
const MaxPayload = 64 << 10

// The versions of the payloads. A task of another version is dropped: the ledger dispatches its uploads again.
const (
	payloadVersion = 1
	runVersion     = 2
)

// RunPayload tells a worker which runs of which ledger to claim, and what it must know of them before: it makes room first.
type RunPayload struct {
	V        int       `json:"v"`
	Ledger   uuid.UUID `json:"ledger_id"`
	Account  string    `json:"account,omitempty"`
	Priority Priority  `json:"priority,omitempty"`
	Deaths   int       `json:"deaths,omitempty"`
	Runs     []RunRef  `json:"runs"`
}

// DeliverPayload tells a worker which generation of which delivery of which ledger to claim.
type DeliverPayload struct {
	V          int       `json:"v"`
	Ledger     uuid.UUID `json:"ledger_id"`
	Delivery   uuid.UUID `json:"delivery_id"`
	Generation int       `json:"generation"`
}

type uploadPayload struct {
	V int `json:"v"`
	Upload
}

// NewUploadTask makes the task by which a producer without a ledger at hand submits u: enqueue it to the queue
// "inbox" with any asynq client. It returns Invalid for a request that would be refused anyway. An upload without an
// Account goes to the account "default".
// Such an upload should have an ExternalID: its outcome is written to the Redis key mediaferry:result:{external_id}.
func NewUploadTask(u Upload) (*asynq.Task, error) {
	checked := u
	checked.Account = cmp.Or(u.Account, DefaultAccount)
	if err := checked.Validate(); err != nil {
		return nil, err
	}
	return newTask(TypeUpload, uploadPayload{payloadVersion, u})
}

// ParseUploadTask reads what NewUploadTask wrote. It returns Invalid for unknown fields, another version and an oversized
// payload. It does not validate the upload. With an error it returns the ExternalID if it can be read, so that the
// producer finds the refusal.
func ParseUploadTask(t *asynq.Task) (Upload, error) {
	var p uploadPayload
	err := parseTask(t, &p, &p.V, payloadVersion)
	if err != nil {
		var named struct {
			ExternalID string `json:"external_id"`
		}
		if len(t.Payload()) <= MaxPayload && json.Unmarshal(t.Payload(), &named) == nil {
			p.ExternalID = named.ExternalID
		}
		return Upload{ExternalID: p.ExternalID}, err
	}
	return p.Upload, nil
}

// NewRunTask makes the task that carries c to a worker of the ledger, under the task ID that c names.
func NewRunTask(ledger uuid.UUID, c Chunk) (*asynq.Task, error) {
	return newTask(TypeRun, RunPayload{runVersion, ledger, c.Account, c.Priority, c.Deaths, c.Runs}, asynq.TaskID(c.Task))
}

// ParseRunTask reads what NewRunTask wrote.
func ParseRunTask(t *asynq.Task) (RunPayload, error) {
	var p RunPayload
	return p, parseTask(t, &p, &p.V, runVersion)
}

// NewDeliverTask makes the task that carries a webhook delivery to a worker of the ledger.
func NewDeliverTask(ledger uuid.UUID, d DeliveryDispatch) (*asynq.Task, error) {
	id := asynq.TaskID(fmt.Sprintf("%s.%d", d.ID, d.Generation))
	return newTask(TypeDeliver, DeliverPayload{payloadVersion, ledger, d.ID, d.Generation}, id)
}

// ParseDeliverTask reads what NewDeliverTask wrote.
func ParseDeliverTask(t *asynq.Task) (DeliverPayload, error) {
	var p DeliverPayload
	return p, parseTask(t, &p, &p.V, payloadVersion)
}

func newTask(kind string, payload any, opts ...asynq.Option) (*asynq.Task, error) {
	b, err := json.Marshal(payload)
	if err != nil {
		return nil, &Error{Code: Invalid, Op: "encode " + kind, Err: err}
	}
	if len(b) > MaxPayload {
		return nil, &Error{Code: Invalid, Op: "encode " + kind, Err: Textf("the payload has %d bytes, at most %d are taken", len(b), MaxPayload)}
	}
	return asynq.NewTask(kind, b, opts...), nil
}

func parseTask(t *asynq.Task, into any, version *int, want int) error {
	op := "decode " + t.Type()
	if n := len(t.Payload()); n > MaxPayload {
		return &Error{Code: Invalid, Op: op, Err: Textf("the payload has %d bytes, at most %d are taken", n, MaxPayload)}
	}
	d := json.NewDecoder(bytes.NewReader(t.Payload()))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &Error{Code: Invalid, Op: op, Err: err}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &Error{Code: Invalid, Op: op, Err: Textf("there is something after the JSON object")}
	}
	if *version != want {
		return &Error{Code: Invalid, Op: op, Err: Textf("version %d is not known, this is version %d", *version, want)}
	}
	return nil
}
