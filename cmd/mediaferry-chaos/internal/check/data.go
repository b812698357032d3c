package check

import (
	"encoding/json"
	"errors"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// outcomeOf decodes the data of an upload's event.
func outcomeOf(data json.RawMessage) (tasks.Outcome, error) {
	var o tasks.Outcome
	err := json.Unmarshal(data, &o)
	return o, err
}

// batchOf decodes the data of batch.completed.
func batchOf(data json.RawMessage) (tasks.Batch, error) {
	var b tasks.Batch
	err := json.Unmarshal(data, &b)
	if err == nil && b.ID == uuid.Nil {
		err = errors.New("it names no batch")
	}
	return b, err
}
