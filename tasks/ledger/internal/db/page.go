package db

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/mediaferry/mediaferry/tasks"
)

// MaxPage is the longest page of a list.
const MaxPage = 1000

// PageSize returns the length of a page: 100 if limit is 0, and at most MaxPage.
func PageSize(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, MaxPage)
}

// Cursor returns the cursor of a page that ended with the row seq. Clients must not look into it.
func Cursor(seq int64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(seq)))
}

// ParseCursor returns the row of a cursor. It returns Invalid for a text that Cursor did not make.
func ParseCursor(s string) (int64, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 8 {
		return 0, BadCursor()
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// BadCursor returns the error of a cursor that no list returned.
func BadCursor() error {
	return &tasks.Error{Code: tasks.Invalid, Op: "read cursor", Err: tasks.Textf("the cursor is none that a list returned")}
}
