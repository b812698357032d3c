package main

import (
	"net/http"

	"github.com/google/uuid"
)

// longestAfter is the longest Retry-After that still says "in a moment". Seconds.
const longestAfter = 60

// checkAnswers: what the API does not accept, though nothing is wrong with it, it refuses for a moment only, and says
// for how long.
func checkAnswers(r *records) {
	for _, e := range r.Log {
		if e.Kind != entryRefused {
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
		r.report(foundAnswer, id, "%s was answered with status %d and Retry-After %d: %s", e.Name, e.Status, e.After, e.Text)
	}
}

// unanswered is how many requests of producers got no answer at all.
func (h *history) unanswered() (n int) {
	for _, e := range h.Log {
		if e.Kind == entryUnanswered {
			n++
		}
	}
	return n
}
