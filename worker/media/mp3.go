package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// walkMP3 walks b frame by frame, between the tags at its start and its end. The duration is the sum of its frames;
// a Xing, Info or VBRI frame at the start describes the others and is none of them. Garbage and tags around them are
// noted. A last frame that is cut off is refused, unless what is missing is filling.
func walkMP3(b []byte, c *tasks.Content) error {
	start := skipTags(b, 0)
	end := trimTags(b, start)
	off, junk, ok := firstFrame(b[:end], start)
	if !ok {
		return noFrame(b[:end], start)
	}
	if junk > 0 {
		note(c, "%s before the first frame", count(junk, "byte"))
	}
	w := mp3Walk{b: b[:end], off: off}
	declared, info := infoFrame(w.b[off:])
	if info {
		h, _ := parseFrame(w.b[off:])
		w.off += h.size
	}
	w.run()
	c.Duration = w.duration()
	if err := w.judge(declared); err != nil {
		return err
	}
	if w.garbage > 0 {
		note(c, "%s between frames are no sound", count(w.garbage, "byte"))
	}
	noteTail(c, w.tail)
	switch {
	case w.tag:
		note(c, "the tag at its end is cut off")
	case w.cut:
		note(c, "the filling of its last frame is cut off")
	}
	if declared > w.frames+1 {
		note(c, "its header counts %d frames, %d are there", declared, w.frames)
	}
	return nil
}

// judge looks at the whole. A header that counts more frames than there are proves nothing by itself: programs that
// split a recording leave it as it was.
func (w *mp3Walk) judge(declared int) error {
	lost := ""
	if declared > w.frames+1 {
		lost = fmt.Sprintf(", %d of %d frames are there", w.frames, declared)
	}
	switch {
	case w.headers < 2: // a single one may be an accident; ffmpeg takes no less
		return cutOff("MP3 has %s in %s", count(w.headers, "frame"), count(len(w.b), "byte"))
	case w.garbage > w.audio, w.tail > w.audio && w.headers < 8, w.garbage > 0 && declared > w.frames:
		return refusal(tasks.Corrupt, keepSound(), "MP3 is damaged: only %s of %s are sound%s", count(w.audio, "byte"), count(len(w.b), "byte"), lost)
	case w.cut && (!w.spare || lost != ""):
		return refusal(tasks.Corrupt, keepSound(), "MP3 ends at byte %d, within a frame: %w%s", len(w.b), tasks.ErrCutOff, lost)
	}
	return nil
}

// noFrame says why there is no layer III frame at start.
func noFrame(b []byte, start int) error {
	h, ok := parseFrame(b[start:])
	if ok && h.free {
		return refusal(tasks.Unsupported, broken(tasks.RuleShown, "MP3", run(fromRaw)), "this is an MP3 of free format (no declared bit rate), which few players take")
	}
	return corrupt("MP3 has no whole frame of sound in %s", count(len(b)-start, "byte"))
}

// mp3Walk counts the frames of b from off.
type mp3Walk struct {
	b       []byte
	off     int
	frames  int
	headers int  // of frames, whole ones
	audio   int  // bytes in frames
	garbage int  // bytes between them
	tail    int  // bytes behind the last
	tag     bool // a tag behind the last is cut off
	cut     bool // the last frame
	spare   bool // and what is missing of it is no sound
	last    frame
	head    byte // the second of the last frame

	samples int64 // at rate
	rate    int
	before  time.Duration // at other rates
}

func (w *mp3Walk) run() {
	for w.off < len(w.b) {
		h, ok := parseFrame(w.b[w.off:])
		switch {
		case ok && h.layer == 3 && !h.free:
			w.headers++
			w.take(h)
		case w.partialHeader():
			w.take(w.last)
		case !w.resync():
			return
		}
	}
}

// take counts the frame h at off, or what is there of it.
func (w *mp3Walk) take(h frame) {
	if w.rate != h.rate {
		w.before, w.samples, w.rate = w.duration(), 0, h.rate
	}
	n := min(h.size, len(w.b)-w.off)
	if n < h.size {
		w.cut = true
		w.spare = n >= h.needs(w.b[w.off:])
	}
	w.samples += int64(h.samples)
	if w.off+1 < len(w.b) {
		w.head = w.b[w.off+1]
	}
	w.last = h
	w.frames++
	w.audio += n
	w.off += n
}

// partialHeader reports whether all that is left are two or three bytes that begin like the last frame.
func (w *mp3Walk) partialHeader() bool {
	left := w.b[w.off:]
	return w.frames > 0 && (len(left) == 2 || len(left) == 3) && left[0] == 0xff && left[1] == w.head
}

// resync moves to the next frame behind a tag or garbage; false where no more come.
func (w *mp3Walk) resync() bool {
	if next := skipTags(w.b, w.off); next > w.off {
		w.off = next
		return true
	}
	if bytes.HasPrefix(w.b[w.off:], []byte("APETAGEX")) {
		w.tag = true // whole ones were trimmed
		return false
	}
	for at := w.off + 1; ; at++ {
		i := bytes.IndexByte(w.b[at:], 0xff)
		if i < 0 {
			w.tail = len(w.b) - w.off
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
