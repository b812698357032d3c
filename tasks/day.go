package tasks

import "time"

// shanghai has had no summer time since 1991.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// DayOf numbers the day that t lies in, from 1970-01-01, by the clocks of zone. Nil: Asia/Shanghai.
func DayOf(t time.Time, zone *time.Location) int64 {
	y, m, d := t.In(zoneOr(zone)).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / int64(24*time.Hour/time.Second)
}

// DayEnd returns the end of the day that t lies in, by the clocks of zone. Nil: Asia/Shanghai.
func DayEnd(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zoneOr(zone)).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, zoneOr(zone)).UTC()
}

// DayZone is where days begin at midnight unless an account says otherwise: Asia/Shanghai.
func DayZone() *time.Location { return shanghai }

func zoneOr(zone *time.Location) *time.Location {
	if zone == nil {
		return shanghai
	}
	return zone
}
