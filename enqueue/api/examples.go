package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// exemplify puts one example of each of the main schemas into the document: one upload, from request to outcome.
func exemplify(schemas map[string]*huma.Schema) {
	id := uuid.MustParse("01a2030c-918c-72b1-baf4-d384d13ce6f4")
	batch := uuid.MustParse("01a2030c-918b-7a01-8c55-0d1f4e0c9a77")
	submitted := time.Date(2026, 11, 22, 11, 38, 5, 0, time.UTC)
	request := UploadRequest{
		ExternalID: "order-7431", Type: "image", Source: "2026/cover.jpg", CallbackURL: "https://shop.example/hooks/media",
		Metadata: json.RawMessage(`{"order":7431}`),
	}
	outcome := tasks.Outcome{
		ID: id, ExternalID: request.ExternalID, Batch: batch, Producer: "shop", Account: "default", Type: tasks.Image, Source: request.Source, Filename: "cover.jpg",
		State: tasks.Succeeded, Attempts: 1, Round: 1, MediaID: "At63AJTgFgGVhShVLeQp1FUrs0A_i3RkMRp_CXuZPLKVhOFIZMjI72aGmKVgT9Mm",
		IssuedAt: submitted, ExpiresAt: submitted.Add(72 * time.Hour), SHA256: tasks.HashOf(nil).String(), Size: 48213, Metadata: request.Metadata,
		Submitted: submitted, Finished: submitted.Add(time.Second),
		History: []tasks.Attempt{{Round: 1, Number: 1, Started: submitted, Took: 640 * time.Millisecond}},
	}
	for name, example := range map[string]any{
		"UploadRequest": request,
		"Receipt":       Receipt{ID: id, State: tasks.Queued, Created: true},
		"Outcome":       outcome,
		"Batch": tasks.Batch{ID: batch, Producer: "shop", ExternalID: "night-1", State: tasks.BatchComplete, Round: 1, Submitted: submitted,
			Completed: submitted.Add(time.Minute), Counts: tasks.BatchCounts{Total: 300, Succeeded: 298, Failed: 2, Refused: 1}},
		"BatchReceipt": BatchReceipt{ID: batch, Accepted: 300, Refused: 1,
			First: []tasks.Refusal{{Line: 17, ExternalID: "order-9", Code: tasks.Invalid, Reason: `read row: unknown field "sauce"`}}},
		"Action": tasks.Action{ID: uuid.MustParse("01a2030c-918d-7c20-9be1-3f0e2a5d6b41"), Kind: tasks.ActionRetry, By: "shop", Producer: "shop",
			Choice: json.RawMessage(`{"state":["failed"],"producer":"shop"}`), State: tasks.ActionRunning, Matched: 312, Done: 200,
			Left: map[string]int{"conflict": 1}, Began: submitted},
		"Preview": Preview{DryRun: true, Matched: 312, Done: 300, Left: map[string]int{"queued": 12},
			Calls: []Calls{{Account: "default", Calls: 300, MadeToday: 95_900, LeftToday: new(4100)}}},
		"Problem": Problem{Title: tasks.NotFound.Meaning(), Status: http.StatusNotFound, Detail: "look up upload: there is no such upload", Code: tasks.NotFound},
	} {
		if schemas[name] != nil {
			schemas[name].Examples = []any{example}
		}
	}
}
