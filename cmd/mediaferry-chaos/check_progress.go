package main

import "github.com/google/uuid"

// checkProgress: producers that were healed could submit everything, and in the end nothing was under way. A run in
// which nothing worked has nothing wrong in its records.
func checkProgress(r *records) {
	if n := len(r.acked) + r.unanswered(); n < r.Leg.Uploads {
		r.report(foundStalled, uuid.Nil, "producers could submit %d uploads, though they had %d", n, r.Leg.Uploads)
	}
	if !r.Quiet {
		r.report(foundStalled, uuid.Nil, "it did not come to rest before the patience was over")
	}
}
