package check

import "github.com/google/uuid"

// checkProgress: producers could submit everything, and the fleet settled. Without this check a run in which nothing worked
// would have no findings.
func checkProgress(r *Records) {
	if n := len(r.Acked) + len(r.hopeless) + r.Unanswered(); n < r.Run.Uploads {
		r.add(Stalled, uuid.Nil, "producers could submit %d uploads, though they had %d", n, r.Run.Uploads)
	}
	if !r.Settled {
		r.add(Stalled, uuid.Nil, "the fleet did not settle in time")
	}
}
