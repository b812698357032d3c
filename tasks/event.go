package tasks

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// EventType names what happened.
type EventType string

// The event types. Those of an upload carry its Outcome as data, batch.completed carries the Batch, those of a media that is
// kept alive a MediaChange, those of an account its Hold.
const (
	UploadSucceeded EventType = "upload.succeeded"
	UploadFailed    EventType = "upload.failed"
	UploadCanceled  EventType = "upload.canceled"
	BatchCompleted  EventType = "batch.completed"
	MediaRenewed    EventType = "media.renewed"
	MediaStale      EventType = "media.stale"
	HoldBegan       EventType = "account.held"
	HoldEnded       EventType = "account.resumed"
)

// OutcomeEvent returns the event type of a final state.
func OutcomeEvent(s State) EventType { return EventType("upload." + string(s)) }

// Event is one thing that happened. The ledger commits it together with the change that it reports.
type Event struct {
	Seq      int64           `json:"-"` // order of commit within one ledger
	ID       uuid.UUID       `json:"-"`
	Producer string          `json:"-"`
	Local    bool            `json:"-"` // of what was submitted at this machine's command line, see Upload.Local
	Type     EventType       `json:"type"`
	Time     time.Time       `json:"timestamp"`
	Data     json.RawMessage `json:"data"`
}

// EventFilter chooses events.
type EventFilter struct {
	After     int64    // go on behind this place: a Seq, or the Next of a page
	Producers []string // events of these; empty: all events, also those of no producer
	Limit     int      // 0: 100, at most 1,000
}

// EventPage is a page of events, in the order of their commits.
type EventPage struct {
	Events []Event
	Next   int64 // the place to go on from: a reader that goes on there sees every event once
	More   bool  // more events may be ready
}

// DeliveryState says how far a delivery is.
type DeliveryState string

// A delivery is pending until it is delivered or given up. Disabled: the receiver answered 410.
const (
	Pending   DeliveryState = "pending"
	Delivered DeliveryState = "delivered"
	GivenUp   DeliveryState = "failed"
	Disabled  DeliveryState = "disabled"
)

// Delivery is one event on its way to one URL.
type Delivery struct {
	ID         uuid.UUID     `json:"id"`
	Event      Event         `json:"event"`
	URL        string        `json:"url"`
	State      DeliveryState `json:"state"`
	Attempts   int           `json:"attempts"`
	Due        time.Time     `json:"due_at,omitzero"`
	LastStatus int           `json:"last_status,omitzero"` // HTTP status of the last attempt; 0: no answer
	LastError  string        `json:"last_error,omitempty"`
}

// DeliveryDispatch names one generation of a delivery on the belt.
type DeliveryDispatch struct {
	ID         uuid.UUID
	Generation int
	// Slow says that the endpoint took long lately, or that nobody has measured it yet. Slow deliveries have slots of
	// their own, so that the others never wait for them.
	Slow bool
}

// DeliveryToken proves the claim of a delivery. The next claim of the delivery makes it worthless.
type DeliveryToken struct {
	Delivery uuid.UUID
	Claim    uuid.UUID
}

// DeliveryResult is how one attempt of a delivery ended. State Pending asks for another one after Retry.
type DeliveryResult struct {
	State  DeliveryState
	Status int
	Reason string
	Retry  time.Duration
	// Took is the time that the endpoint took to answer. 0: no request was made.
	Took time.Duration
	// Skipped says that we made no request, or gave it up. The delivery is due again after Retry, and the attempt does
	// not count.
	Skipped bool
}
