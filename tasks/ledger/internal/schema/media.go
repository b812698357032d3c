package schema

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// LiveMedia reports whether an upload may reuse m: m lives now, and for at least fresh.
func LiveMedia(m tasks.Media, now int64, fresh time.Duration) bool {
	return m.ID != "" && db.Micros(m.ExpiresAt) >= now+fresh.Microseconds() && db.Micros(m.ExpiresAt) > now
}
