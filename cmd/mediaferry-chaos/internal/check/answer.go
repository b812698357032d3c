package check

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
)

// longestAfter is the longest Retry-After that is right when the API is busy, in seconds.
const longestAfter = 60

// checkAnswers: the API refuses a valid request only for a moment, and says for how long.
func checkAnswers(r *Records) {
	for _, e := range r.Journal {
		if e.Kind != history.Refused {
			continue
		}
		busy := e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests
		if busy && e.After >= 1 && e.After <= longestAfter {
			continue
		}
		var id uuid.UUID
		if o := r.byName[e.Producer+" "+e.Name]; o != nil {
			id = o.ID
		}
		r.add(Answer, id, "%s was answered with status %d and Retry-After %d: %s", e.Name, e.Status, e.After, e.Text)
	}
}

// Unanswered counts the requests of producers that got no answer.
func (r *Records) Unanswered() (n int) {
	for _, e := range r.Journal {
		if e.Kind == history.Unanswered {
			n++
		}
	}
	return n
}
