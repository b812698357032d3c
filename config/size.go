package config

import (
	"fmt"
	"math"

	"github.com/dustin/go-humanize"

	"github.com/mediaferry/mediaferry/tasks"
)

// Size is a number of bytes. It is written with a unit: B, KiB, MiB, GiB (powers of 1024), or KB, MB, GB (of 1000).
type Size int64

// ParseSize reads a number with a unit; a bare number is bytes.
func ParseSize(text string) (Size, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || n > math.MaxInt64 {
		return 0, tasks.Textf("%q is not a size", text)
	}
	return Size(n), nil
}

// String writes it with the largest binary unit that divides it.
func (s Size) String() string {
	for _, u := range []struct {
		name  string
		bytes Size
	}{{"GiB", humanize.GiByte}, {"MiB", humanize.MiByte}, {"KiB", humanize.KiByte}} {
		if s != 0 && s%u.bytes == 0 {
			return fmt.Sprintf("%d%s", s/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}

// MarshalText encodes String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
