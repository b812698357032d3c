package cli

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"
)

// leastDisk is how much of the data dir's disk should be free: less fills up within hours of a busy day, and then nothing more
// is accepted.
const leastDisk = 512 << 20

// disk looks for room where ledger and inbox are kept.
func (d *doctor) disk(dir string) {
	const check = "disk"
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		d.good(check, "its room is not known: %v", err)
		return
	}
	free := s.Bavail * uint64(s.Bsize)
	if free < leastDisk {
		d.bad(check, fmt.Errorf("%s are free where %s lies", humanize.IBytes(free), dir), "make room, or move the data dir: on a full disk nothing is accepted")
		return
	}
	d.good(check, "%s free", humanize.IBytes(free))
}
