package tasks

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Action is one thing that a person did to many uploads at once, kept so that it can be told later who did it.
type Action struct {
	ID      uuid.UUID       `json:"id"`
	Kind    ActionKind      `json:"kind"`
	By      string          `json:"by"`     // a user and the machine, or a key's name
	Choice  json.RawMessage `json:"choice"` // which uploads: the filter, or their IDs
	Matched int             `json:"matched"`
	Done    int             `json:"done"`
	Left    int             `json:"left"` // that had changed meanwhile, or were not reached
	Began   time.Time       `json:"began_at"`
	Ended   time.Time       `json:"ended_at,omitzero"` // zero: it is under way, or was broken off
}

// ActionKind says what was done.
type ActionKind string

// The kinds of actions.
const (
	ActionRetry  ActionKind = "retry"
	ActionCancel ActionKind = "cancel"
)
