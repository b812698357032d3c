package tasks

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Outcome is an upload as it is shown to people and producers: the same object in the command line, the HTTP API,
// reports and webhooks. Until State is final, the fields of the end are empty.
type Outcome struct {
	ID         uuid.UUID       `json:"id"`
	ExternalID string          `json:"external_id,omitempty"`
	Batch      uuid.UUID       `json:"batch_id,omitzero"`
	Producer   string          `json:"producer"`
	Account    string          `json:"account"`
	Type       MediaType       `json:"type"`
	Source     string          `json:"source"`
	Filename   string          `json:"filename"`
	State      State           `json:"state"`
	Code       Code            `json:"code,omitempty"`
	Errcode    int             `json:"errcode,omitzero"`
	RID        string          `json:"rid,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	Hint       string          `json:"hint,omitempty"`
	Params     Params          `json:"params,omitzero"`        // the values of reason and hint
	Until      time.Time       `json:"waiting_until,omitzero"` // while waiting
	Attempts   int             `json:"attempts"`               // that ended in this round
	Round      int             `json:"round"`
	Reused     bool            `json:"reused"`
	MediaID    string          `json:"media_id,omitempty"`
	IssuedAt   time.Time       `json:"issued_at,omitzero"`
	ExpiresAt  time.Time       `json:"expires_at,omitzero"`
	SHA256     string          `json:"sha256,omitempty"`          // of the bytes that went to WeChat
	Original   string          `json:"original_sha256,omitempty"` // of the source, if the picture was made to fit
	Fixed      string          `json:"fixed,omitempty"`           // what was done to make it fit
	Size       int64           `json:"size,omitzero"`
	Metadata   json.RawMessage `json:"metadata,omitempty"`
	Submitted  time.Time       `json:"submitted_at"`
	Finished   time.Time       `json:"finished_at,omitzero"`
	KeepFresh  time.Time       `json:"keep_fresh_until,omitzero"` // until when its media is kept alive
	Current    *CurrentMedia   `json:"current_media,omitempty"`   // in show and GET one only: the live one of its content
	Reuse      *MediaReuse     `json:"reuse,omitempty"`           // in show and GET one only; nil: no other upload has to do with its media
	History    []Attempt       `json:"history,omitempty"`         // in show and GET one only
}

// Exit returns the exit code of a command with this outcome alone.
func (o Outcome) Exit() int {
	switch o.State {
	case Succeeded:
		return ExitOK
	case Failed, Canceled:
		return o.Code.Exit()
	default:
		if o.Code == "" {
			return ExitTemporary
		}
		return o.Code.Exit()
	}
}

// MarshalJSON writes Took as seconds.
func (a Attempt) MarshalJSON() ([]byte, error) {
	type plain Attempt
	return json.Marshal(struct {
		plain
		Took float64 `json:"took"`
	}{plain(a), a.Took.Seconds()})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Attempt) UnmarshalJSON(b []byte) error {
	type plain Attempt
	var v struct {
		*plain
		Took float64 `json:"took"`
	}
	v.plain = (*plain)(a)
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	a.Took = time.Duration(v.Took * float64(time.Second))
	return nil
}

// Receipt answers one accepted upload.
type Receipt struct {
	ID      uuid.UUID
	State   State
	Created bool // false: the same request had been accepted before
	// Err says why this row was refused. It is Conflict for another request under a used external id.
	Err *Error
}
