package watch

import (
	"strconv"
	"time"
)

// promDuration writes whole seconds, minutes or hours as Prometheus does.
func promDuration(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	default:
		return seconds(d) + "s"
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
