package schema

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// DayOf returns the number of the day at us, from 1970-01-01 in Asia/Shanghai.
func DayOf(us int64) int64 { return DayIn(us, nil) }

// DayIn returns the number of the day at us by the clocks of zone. Nil: Asia/Shanghai.
func DayIn(us int64, zone *time.Location) int64 { return tasks.DayOf(db.Time(us), zone) }

// DayEnd returns the beginning of the next day in Asia/Shanghai.
func DayEnd(us int64) time.Time { return tasks.DayEnd(db.Time(us), nil) }

// ZoneName returns the name of a zone in the IANA database, as the ledger keeps it. It returns "" for nil.
func ZoneName(zone *time.Location) string {
	if zone == nil {
		return ""
	}
	return zone.String()
}

// ZoneNamed returns the zone of that name. It returns nil for an empty name, and for one that this program does not know.
func ZoneNamed(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if name == "" || err != nil {
		return nil
	}
	return zone
}
