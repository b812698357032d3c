package media

import (
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// The headers of AMR files (RFC 4867, section 5.1).
const (
	amrMagic   = "#!AMR\n"
	amrWBMagic = "#!AMR-WB\n"
	amrFrame   = 20 * time.Millisecond
)

// Bytes of a frame by its type, with the byte that names it (RFC 4867, section 5.3): speech, comfort noise, and no
// data. A type of 0 bytes does not exist in a file.
var (
	amrSizes   = [16]int{13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1}
	amrWBSizes = [16]int{18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1}
)

// walkAMR walks b frame by frame, each 20 ms. A last frame that is cut is noted: players play it.
func walkAMR(b []byte, c *tasks.Content) error {
	magic, sizes := amrMagic, &amrSizes
	if c.Format == kindAMRWB.format {
		magic, sizes = amrWBMagic, &amrWBSizes
	}
	if !strings.HasPrefix(string(b[:min(len(b), len(magic))]), magic) {
		return corrupt("%s has a damaged header, or is cut off in it", kindName(c.Format))
	}
	off, frames := len(magic), 0
	for off < len(b) {
		kind := b[off] >> 3 & 0x0f
		n := sizes[kind]
		if n == 0 {
			c.Duration = time.Duration(frames) * amrFrame
			return corrupt("%s has a frame of type %d at byte %d, which does not exist", kindName(c.Format), kind, off)
		}
		frames++
		off += n
	}
	if frames == 0 {
		return corrupt("%s has no frame after its header", kindName(c.Format))
	}
	if off > len(b) {
		note(c, "the last frame is cut off")
	}
	c.Duration = time.Duration(frames) * amrFrame
	return nil
}

func kindName(format string) string {
	if format == kindAMRWB.format {
		return kindAMRWB.name
	}
	return kindAMR.name
}
