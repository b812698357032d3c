package schema

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Event is an event as its row keeps it.
type Event struct {
	tasks.Event
	upload, batch sql.NullInt64
	UploadID      []byte
	BatchID       []byte
	Round         int
	data          []byte
}

// EventColumns are what Event.Scan reads: of the event e, its upload u and its batch b.
const EventColumns = "e.seq, e.type, e.at, e.upload, e.batch, e.round, e.data, u.id, b.id, COALESCE(u.producer, b.producer, e.producer, ''), COALESCE(u.local, b.local, e.local)"

// Scan reads an event. before come before its columns.
func (e *Event) Scan(s db.Scanner, before ...any) error {
	var at int64
	err := s.Scan(append(before, &e.Seq, &e.Type, &at, &e.upload, &e.batch, &e.Round, &e.data, &e.UploadID, &e.BatchID, &e.Producer, &e.Local)...)
	e.Time = db.Time(at)
	return err
}

// Render returns the event that is sent and shown. An event of an earlier round has that round's outcome.
func Render(t *db.Tx, e Event) (tasks.Event, error) {
	e.ID = e.Identity()
	if e.Data = e.data; e.Data != nil {
		return e.Event, nil
	}
	o, found, err := ofRound(t, e.upload.Int64, e.Round)
	if err != nil {
		return e.Event, err
	}
	if !found {
		return e.Event, fmt.Errorf("event %d: round %d of its upload is gone", e.Seq, e.Round)
	}
	e.Data, err = json.Marshal(o.Outcome)
	return e.Event, err
}

// Identity returns the event's ID. It is always the same for one event, so that receivers can recognize a repeated one.
func (e *Event) Identity() uuid.UUID {
	of, name := e.UploadID, fmt.Sprintf("%s %d", e.Type, e.Round)
	if of == nil {
		of = e.BatchID
	}
	if of == nil {
		name = fmt.Sprintf("%s %d", e.Type, e.Seq)
	}
	var space uuid.UUID
	copy(space[:], of)
	return uuid.NewSHA1(space, []byte(name))
}
