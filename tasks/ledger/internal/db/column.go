package db

import (
	"database/sql"
	"time"
)

// Micros returns a time as a column: microseconds since 1970.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// TimeOrNull returns a time as a column: null for the zero time.
func TimeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// Time returns the time of a column, in UTC.
func Time(us int64) time.Time { return time.UnixMicro(us).UTC() }

// TimeOrZero returns the time of a column: the zero time for null.
func TimeOrZero(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return Time(us.Int64)
}

// TextOrNull returns a string as a column: null for the empty string.
func TextOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Flag returns a boolean as a column.
func Flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
