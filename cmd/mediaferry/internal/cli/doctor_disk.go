package cli

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
)

// disk looks for room where ledger and inbox are kept.
func (d *doctor) disk(dir string) {
	const check = "disk"
	free, low, err := wire.LowDisk(dir)
	switch {
	case err != nil:
		d.good(check, "its room is not known: %v", err)
	case low:
		d.bad(check, fmt.Errorf("%s are free where %s lies", humanize.IBytes(free), dir), "make room, or move the data dir: on a full disk nothing is accepted")
	default:
		d.good(check, "%s free", humanize.IBytes(free))
	}
}
