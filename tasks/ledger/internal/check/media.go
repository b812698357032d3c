package check

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// MediaLife is the time for which WeChat keeps a temporary media: three days by its document.
const MediaLife = 72 * time.Hour

// MediaTooLong is the condition of a media that would be reused for longer than WeChat keeps it. Its value is MediaLife.
const MediaTooLong = "media_id IS NOT NULL AND (issued_at IS NULL OR expires_at IS NULL OR expires_at > issued_at + ?)"

func mediaChecks() []Rule {
	life := db.Args{MediaLife.Microseconds()}
	return []Rule{
		{
			Name: "media-held-by-nobody", what: "a content is reserved for an upload that does not run", Key: "m.holder", Repairable: true,
			query: `SELECT m.holder, (SELECT u.id FROM uploads u WHERE u.seq = m.holder), NULL, m.type || ' of ' || m.appid FROM media m
				WHERE m.holder IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.upload = m.holder AND r.token IS NOT NULL)`,
		},
		{
			Name: "media-past-its-life", what: "a media would be reused longer than WeChat keeps it", Key: "0", args: life, Repairable: true,
			query: "SELECT 0, NULL, NULL, media_id FROM media WHERE " + MediaTooLong,
		},
		{
			Name: "quota-negative", what: "an account has made less than no calls", Key: "0", Repairable: true,
			query: "SELECT 0, NULL, NULL, appid FROM quota WHERE calls < 0",
		},
		{
			Name: "budget-negative", what: "a producer has submitted less than nothing", Key: "0", Repairable: true,
			query: "SELECT 0, NULL, NULL, producer FROM budgets WHERE uploads < 0",
		},
	}
}
