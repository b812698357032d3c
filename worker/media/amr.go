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

// walkAMR walks b frame by frame, each 20 ms. A last frame that is cut off is refused; filling behind the last one, and a
// tag of programs for music, are noted.
func walkAMR(b []byte, c *tasks.Content) error {
	magic, sizes := amrMagic, &amrSizes
	if c.Format == kindAMRWB.format {
		magic, sizes = amrWBMagic, &amrWBSizes
	}
	if !strings.HasPrefix(string(b[:min(len(b), len(magic))]), magic) {
		return corrupt("%s has a damaged header, or is cut off in it", kindName(c.Format))
	}
	off, frames := len(magic), 0
	end := trimTags(b, off)
	filling := amrFilling(b[:end], off)
	for off < end && (off < filling || frames == 0) {
		kind := b[off] >> 3 & 0x0f
		n := sizes[kind]
		c.Duration = time.Duration(frames) * amrFrame
		if n == 0 {
			return refusal(tasks.Corrupt, keepSound(), "%s has a frame of type %d at byte %d, which does not exist", kindName(c.Format), kind, off)
		}
		if off+n > end {
			return refusal(tasks.Corrupt, keepSound(), "%s ends at byte %d, within a frame: %w", kindName(c.Format), len(b), tasks.ErrCutOff)
		}
		frames++
		off += n
	}
	if frames == 0 {
		return corrupt("%s has no frame after its header", kindName(c.Format))
	}
	c.Duration = time.Duration(frames) * amrFrame
	noteTail(c, len(b)-off)
	return nil
}

// amrFilling is where the zeros, or ones, that fill b up to its end begin. A file of such frames from its start has none:
// there they are silence.
func amrFilling(b []byte, start int) int {
	at := len(b)
	if at == start || b[at-1] != 0 && b[at-1] != 0xff || b[start] == b[at-1] {
		return at
	}
	for x := b[at-1]; b[at-1] == x; {
		at--
	}
	return at
}

func kindName(format string) string {
	if format == kindAMRWB.format {
		return kindAMRWB.name
	}
	return kindAMR.name
}
