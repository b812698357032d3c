package media

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// walkMP3 walks b frame by frame, between the tags at its start and its end. The duration is the sum of its frames;
// a Xing, Info or VBRI frame at the start describes the others and is none of them. Garbage before the first frame
// or between frames is noted, as is a last frame that is cut: a player plays on, and so does WeChat's.
func walkMP3(b []byte, c *tasks.Content) error {
	start := skipID3(b, 0)
	end := trimTags(b, start)
	off, ok := firstFrame(b[:end], start)
	if !ok {
		return noFrame(b[:end], start)
	}
	if off > start {
		note(c, "%s before the first frame", count(off-start, "byte"))
	}
	w := mp3Walk{b: b[:end], off: off}
	declared, info := infoFrame(w.b[off:])
	if info {
		h, _ := parseFrame(w.b[off:])
		w.off += h.size
	}
	w.run()
	c.Duration = w.duration()
	switch {
	case w.frames == 0:
		return corrupt("MP3 has no frame after its header: it is cut off")
	case w.garbage > w.audio:
		return corrupt("MP3 is damaged: %s between its frames, %s in them", count(w.garbage, "byte"), count(w.audio, "byte"))
	}
	if w.garbage > 0 {
		note(c, "%s between frames are no sound", count(w.garbage, "byte"))
	}
	if w.cut {
		note(c, "the last frame is cut off")
	}
	if declared > w.frames+1 {
		note(c, "its header counts %d frames, %d are there: the end may be missing", declared, w.frames)
	}
	return nil
}

// noFrame says why there is no layer III frame at start.
func noFrame(b []byte, start int) error {
	h, ok := parseFrame(b[start:])
	if ok && h.free {
		return refusal(tasks.Unsupported, toMP3, "this is an MP3 of free format (no declared bit rate), which few players take")
	}
	return corrupt("MP3 has no whole frame of sound in %s", count(len(b)-start, "byte"))
}

// mp3Walk counts the frames of b from off.
type mp3Walk struct {
	b       []byte
	off     int
	frames  int
	audio   int // bytes in frames
	garbage int // bytes between them
	cut     bool

	samples int64 // at rate
	rate    int
	before  time.Duration // at other rates
}

func (w *mp3Walk) run() {
	for w.off < len(w.b) {
		h, ok := parseFrame(w.b[w.off:])
		if !ok || h.layer != 3 || h.free {
			if !w.resync() {
				return
			}
			continue
		}
		n := h.size
		if n > len(w.b)-w.off {
			n, w.cut = len(w.b)-w.off, true
		}
		if w.rate != h.rate {
			w.before, w.samples, w.rate = w.duration(), 0, h.rate
		}
		w.samples += int64(h.samples)
		w.frames++
		w.audio += n
		w.off += n
	}
}

// resync moves to the next frame behind a tag or garbage; false at the end.
func (w *mp3Walk) resync() bool {
	if next := skipID3(w.b, w.off); next > w.off {
		w.off = next
		return true
	}
	for at := w.off + 1; ; at++ {
		i := bytes.IndexByte(w.b[at:], 0xff)
		if i < 0 {
			w.garbage += len(w.b) - w.off
			return false
		}
		at += i
		if chained(w.b, at, 2) {
			w.garbage += at - w.off
			w.off = at
			return true
		}
	}
}

func (w *mp3Walk) duration() time.Duration {
	if w.rate == 0 {
		return w.before
	}
	return w.before + time.Duration(w.samples*int64(time.Second)/int64(w.rate))
}

// infoFrame reports whether the frame at the start of b is a Xing, Info or VBRI frame, and how many frames it counts.
func infoFrame(b []byte) (frames int, ok bool) {
	h, ok := parseFrame(b)
	if !ok || h.size > len(b) {
		return 0, false
	}
	b = b[:h.size]
	const vbri = 4 + 32 // Fraunhofer's is always there
	if len(b) >= vbri+18 && string(b[vbri:vbri+4]) == "VBRI" {
		return int(binary.BigEndian.Uint32(b[vbri+14:])), true
	}
	xing := 4 + h.side
	if len(b) < xing+8 || string(b[xing:xing+4]) != "Xing" && string(b[xing:xing+4]) != "Info" {
		return 0, false
	}
	if b[xing+7]&1 != 0 && len(b) >= xing+12 {
		frames = int(binary.BigEndian.Uint32(b[xing+8:]))
	}
	return frames, true
}
