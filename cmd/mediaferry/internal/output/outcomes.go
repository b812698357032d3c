package output

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

// Outcomes says how outcomes are printed. The CSV's columns have the names of the JSON's fields.
func Outcomes(w *words.Words) Columns[tasks.Outcome] {
	c := outcomes
	c.Headings = w.Headings("FILE", "TYPE", "OUTCOME", "ATTEMPTS", "MEDIA_ID", "EXPIRES")
	c.Cells = func(o tasks.Outcome) []string {
		return []string{Source(o.Source), w.Type(o.Type), Verdict(w, o), strconv.Itoa(o.Attempts), o.MediaID, Time(o.ExpiresAt)}
	}
	return c
}

// outcomes is what is the same in all languages.
var outcomes = Columns[tasks.Outcome]{
	CSVNames: []string{
		"id", "external_id", "batch_id", "account", "type", "source", "filename", "state", "code", "errcode", "rid", "reason", "hint",
		"attempts", "round", "reused", "media_id", "issued_at", "expires_at", "sha256", "size", "submitted_at", "finished_at",
	},
	CSVCells: func(o tasks.Outcome) []string {
		return []string{
			o.ID.String(), o.ExternalID, o.Batch.String(), o.Account, string(o.Type), o.Source, o.Filename, string(o.State), string(o.Code),
			strconv.Itoa(o.Errcode), o.RID, o.Reason, o.Hint, strconv.Itoa(o.Attempts), strconv.Itoa(o.Round), strconv.FormatBool(o.Reused),
			o.MediaID, Time(o.IssuedAt), Time(o.ExpiresAt), o.SHA256, strconv.FormatInt(o.Size, 10), Time(o.Submitted), Time(o.Finished),
		}
	},
	JSON: func(o tasks.Outcome) any {
		return struct { // a file that could not even be submitted has no ID and no time
			ID uuid.UUID `json:"id,omitzero"`
			tasks.Outcome
			Submitted time.Time `json:"submitted_at,omitzero"`
		}{o.ID, o, o.Submitted}
	},
}

// Verdict is a state with what people want to know beside it.
func Verdict(w *words.Words, o tasks.Outcome) string {
	switch {
	case o.Reused:
		return w.T("words.succeeded_reused")
	case o.State == tasks.Failed, o.State == tasks.Waiting:
		return strings.TrimSpace(w.State(o.State) + " " + string(o.Code))
	default:
		return w.State(o.State)
	}
}
