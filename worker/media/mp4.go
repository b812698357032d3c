package media

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// mp4Walk is what the boxes of one file said.
type mp4Walk struct {
	b         []byte
	c         *tasks.Content
	moov      bool
	headed    bool  // mvhd
	index     box   // moov
	unfit     int   // bytes within boxes that are no box, and boxes that reach beyond the one they are in
	fragments bool  // mvex: samples are in fragments
	samples   bool  // the index has any
	lost      error // of the first sample that is not there
	dangling  bool  // a moof came whose samples did not
	announced bool  // a box came behind which a fragment must follow
	header    time.Duration
	extends   time.Duration // mehd: with the fragments
	scale     uint32        // of the movie
	tracks    []mp4Track
}

// mp4Track is one track.
type mp4Track struct {
	id            uint32
	scale         uint32
	lasts         time.Duration // by its header
	handler       string        // what it is: "vide", "soun", …
	codec         string        // of its first sample description
	samples       bool          // in the index
	width, height int
	perSample     uint32 // default duration (trex)
	sampleSize    uint32 // default size (trex)
	start, end    uint64 // of its fragments, in ticks of scale
	started       bool
}

// shown reports whether a player shows or plays it.
func (t *mp4Track) shown() bool { return t.handler == "vide" || t.handler == "soun" }

// maxTracks is more than any camera writes; it bounds what one file can make us keep.
const maxTracks = 64

// walkMP4 walks the boxes of b as ffmpeg does: there has to be a movie header, and every sample of picture and sound has
// to lie within the file. Boxes on which no sample hangs may be unknown, damaged or cut off, and all may come in any
// order. The duration is the movie header's, and where that is silent the one its fragments declare or add up to.
//
// What it returns is k, or what is left of it in a file that has sound only.
func walkMP4(b []byte, k kind, c *tasks.Content) (kind, error) {
	w := mp4Walk{b: b, c: c}
	err := w.run()
	w.fill()
	if err == nil {
		err = w.judge()
	}
	if w.moov && w.track("vide") == nil && w.track("soun") != nil {
		k = soundOnly(k, w.track("soun").codec)
		c.Type = k.family
	}
	if err != nil {
		return k, err
	}
	if w.unfit > 0 {
		note(c, "%d boxes within its index do not fit in their place", w.unfit)
	}
	return k, nil
}

// track returns the first track of a handler, or nil.
func (w *mp4Walk) track(handler string) *mp4Track {
	for i := range w.tracks {
		if w.tracks[i].handler == handler {
			return &w.tracks[i]
		}
	}
	return nil
}

func (w *mp4Walk) run() error {
	top := topBoxes(w.b)
	for top.scan() {
		if err := w.top(top.next); err != nil {
			return err
		}
	}
	if top.err != nil {
		return w.afterEnd(top)
	}
	return nil
}

func (w *mp4Walk) top(x box) error {
	switch {
	case x.is("moov") && !w.moov:
		_, err := w.movie(x)
		return err
	case x.is("moof"):
		w.dangling, w.announced = true, false
		return w.fragment(x)
	case x.is("mdat"):
		w.dangling = false
	case x.is("styp"), x.is("sidx"):
		w.announced = true
	case !x.named():
		return w.tail(x.start)
	}
	return nil
}

// tail notes what is no box. Fragments that come behind it are lost.
func (w *mp4Walk) tail(at int) error {
	if rest := w.b[at:]; w.fragments && bytes.Contains(rest, []byte("moof")) {
		return corrupt("MP4 has no box at byte %d, where one must be", at)
	}
	noteTail(w.c, len(w.b)-at)
	return nil
}

// afterEnd decides about a box that is cut off, or bytes that are none. It is an error where samples may hang on them.
func (w *mp4Walk) afterEnd(top boxes) error {
	cut := top.next
	if cut.is("moov") && !w.moov {
		if last, err := w.movie(cut); err != nil || !last.optional() {
			return corrupt("%w; its index (moov) is not whole", top.err)
		}
	}
	switch {
	case !w.moov:
		return corrupt("%w; its index (moov) is missing", top.err)
	case w.fragments && (w.dangling && !cut.is("mdat") || w.announced || top.off+8 > len(w.b) || cut.is("moof") || cut.is("styp") || cut.is("sidx")):
		return top.err
	case !topBox(string(cut.kind[:])):
		return w.tail(top.off)
	}
	w.dangling, w.unfit = false, 0
	note(w.c, "its box %s at byte %d is cut off, behind all samples", cut.kind[:], top.off)
	return nil
}

// topBox reports whether boxes of that kind stand beside moov.
func topBox(kind string) bool {
	switch kind {
	case "ftyp", "moov", "mdat", "free", "skip", "wide", "udta", "meta", "uuid", "moof", "mfra", "sidx", "styp", "pdin":
		return true
	}
	return false
}

// judge looks at the whole.
func (w *mp4Walk) judge() error {
	if !w.moov {
		return cutOff("MP4 has no index (moov), as of a recording that was never finished")
	}
	switch {
	case !w.headed:
		return corrupt("MP4 has no movie header (mvhd)")
	case len(w.tracks) == 0:
		return corrupt("MP4 has no track")
	case w.lost != nil:
		return w.lost
	case w.track("vide") == nil && w.track("soun") == nil:
		return refusal(tasks.Unsupported, broken(tasks.RuleMedia, "MP4", tasks.Params{}), "this is an MP4 with neither pictures nor sound")
	case w.dangling:
		return cutOff("MP4 ends behind the index of a fragment (moof), without its samples")
	case !w.samples:
		return cutOff("MP4 has an index and no samples")
	}
	for i := range w.tracks {
		if t := &w.tracks[i]; t.shown() && !t.samples && t.lasts > 0 && !w.fragments {
			return corrupt("MP4 has no samples for track %d, which lasts %s", t.id, seconds(t.lasts))
		}
	}
	return nil
}

func (w *mp4Walk) fill() {
	c := w.c
	if t := w.track("vide"); t != nil {
		c.Width, c.Height = t.width, t.height
	}
	switch {
	case w.header > 0 || !w.fragments:
		c.Duration = w.header
	case w.extends > 0:
		c.Duration = w.extends
	default:
		c.Duration = w.fragmentsLast()
	}
}

// fragmentsLast is the time from the first start to the last end of all tracks.
func (w *mp4Walk) fragmentsLast() time.Duration {
	first, last := time.Duration(math.MaxInt64), time.Duration(0)
	for _, t := range w.tracks {
		if t.started {
			first = min(first, ticks(t.start, t.scale))
			last = max(last, ticks(t.end, t.scale))
		}
	}
	return max(0, last-first)
}

// movie walks moov, and returns the last box in it.
func (w *mp4Walk) movie(moov box) (last box, err error) {
	w.moov, w.index = true, moov
	in := w.inside(moov)
	for in.scan() {
		switch x := in.next; {
		case x.is("mvhd"):
			w.headed = true
			w.scale, w.header = headerDuration(x.body)
		case x.is("trak"):
			if err := w.addTrack(x); err != nil {
				return x, err
			}
		}
		last = in.next
	}
	in = w.inside(moov) // mvex may come before what it extends
	for in.scan() {
		if in.next.is("mvex") {
			w.extend(in.next)
		}
	}
	return last, nil
}

// extend walks mvex: the defaults of the fragments.
func (w *mp4Walk) extend(mvex box) {
	w.fragments = true
	in := w.inside(mvex)
	for in.scan() {
		switch x := in.next; {
		case x.is("mehd") && len(x.body) >= 12 && x.body[0] == 1:
			w.extends = ticks(binary.BigEndian.Uint64(x.body[4:]), w.scale)
		case x.is("mehd") && len(x.body) >= 8:
			w.extends = ticks(uint64(binary.BigEndian.Uint32(x.body[4:])), w.scale)
		case x.is("trex") && len(x.body) >= 24:
			if t := w.trackOf(binary.BigEndian.Uint32(x.body[4:])); t != nil {
				t.perSample = binary.BigEndian.Uint32(x.body[12:])
				t.sampleSize = binary.BigEndian.Uint32(x.body[16:])
			}
		}
	}
}

func (w *mp4Walk) trackOf(id uint32) *mp4Track {
	for i := range w.tracks {
		if w.tracks[i].id == id {
			return &w.tracks[i]
		}
	}
	return nil
}

// headerDuration reads mvhd or mdhd, which begin alike: time scale and duration. A duration of all ones is unknown.
func headerDuration(body []byte) (scale uint32, d time.Duration) {
	switch {
	case len(body) >= 32 && body[0] == 1:
		scale = binary.BigEndian.Uint32(body[20:])
		if n := binary.BigEndian.Uint64(body[24:]); n != math.MaxUint64 {
			d = ticks(n, scale)
		}
	case len(body) >= 20 && body[0] == 0:
		scale = binary.BigEndian.Uint32(body[12:])
		if n := binary.BigEndian.Uint32(body[16:]); n != math.MaxUint32 {
			d = ticks(uint64(n), scale)
		}
	}
	return scale, d
}

// ticks is n ticks of a time scale, 0 where it is unknown or longer than a time.Duration holds.
func ticks(n uint64, scale uint32) time.Duration {
	if scale == 0 || n/uint64(scale) >= math.MaxInt64/uint64(time.Second) {
		return 0
	}
	whole, rest := n/uint64(scale), n%uint64(scale)
	return time.Duration(whole)*time.Second + time.Duration(rest*uint64(time.Second)/uint64(scale))
}
