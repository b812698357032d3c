package schema

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// WeChat's day begins at midnight in Asia/Shanghai, which has had no daylight saving time since 1991.
const (
	shanghai = int64(8 * time.Hour / time.Microsecond)
	day      = int64(24 * time.Hour / time.Microsecond)
)

// DayOf is the number of the day at us, from 1970-01-01 in Asia/Shanghai.
func DayOf(us int64) int64 { return (us + shanghai) / day }

// DayEnd is when the next day begins.
func DayEnd(us int64) time.Time { return db.Time((DayOf(us)+1)*day - shanghai) }
