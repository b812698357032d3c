package schema

import (
	"github.com/mediaferry/mediaferry/tasks"
)

// NoBatch returns NotFound for a batch.
func NoBatch(op string) error {
	return &tasks.Error{Code: tasks.NotFound, Op: op, Err: tasks.Textf("there is no such batch")}
}

// NoUpload returns NotFound for an upload.
func NoUpload(op string) error {
	return &tasks.Error{Code: tasks.NotFound, Op: op, Err: tasks.Textf("there is no such upload")}
}
