package cli

import (
	"github.com/dustin/go-humanize"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
)

// disk looks for room where ledger and inbox are kept.
func (d *doctor) disk(dir string) {
	const check = "disk"
	free, low, err := wire.LowDisk(dir)
	switch {
	case err != nil:
		d.good(check, "doctor.room_unknown", "Why", err)
	case low:
		d.bad(check, words.Fail("doctor.little_room", "Free", humanize.IBytes(free), "Dir", dir), d.advise("doctor.make_room"))
	default:
		d.good(check, "doctor.room", "Free", humanize.IBytes(free))
	}
}
