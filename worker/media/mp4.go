package media

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// mp4Walk is what the boxes of one file said.
type mp4Walk struct {
	b         []byte
	moov      bool
	fragments bool // mvex: samples are in fragments
	samples   bool // the index has any
	data      bool // mdat
	dangling  bool // a moof came whose samples did not
	header    time.Duration
	extends   time.Duration // mehd: with the fragments
	scale     uint32        // of the movie
	tracks    []mp4Track
}

// mp4Track is one track.
type mp4Track struct {
	id            uint32
	scale         uint32
	video         bool
	width, height int
	perSample     uint32 // default duration (trex)
	start, end    uint64 // of its fragments, in ticks of scale
	started       bool
}

// maxTracks is more than any camera writes; it bounds what one file can make us keep.
const maxTracks = 64

// walkMP4 walks the boxes of b: every box has to end within its container, there has to be a movie header and a
// video track, and every chunk of samples has to lie within the file. The duration is the movie header's, and where
// that is silent the one its fragments declare or add up to.
func walkMP4(b []byte, c *tasks.Content) error {
	w := mp4Walk{b: b}
	top := children{b: b}
	for top.scan() {
		if err := w.top(top.next); err != nil {
			return err
		}
	}
	w.fill(c)
	if top.err != nil {
		return w.afterEnd(top, c)
	}
	return w.judge()
}

func (w *mp4Walk) top(x box) error {
	switch {
	case x.is("moov") && !w.moov:
		w.moov = true
		return w.movie(x)
	case x.is("moof"):
		w.dangling = true
		return w.fragment(x)
	case x.is("mdat"):
		w.data, w.dangling = true, false
	}
	return nil
}

// afterEnd decides about bytes that are no whole box. Behind a whole movie they are noted, unless they begin like a
// box of its own, or the movie is in fragments: then there was more of it.
func (w *mp4Walk) afterEnd(top children, c *tasks.Content) error {
	if !w.moov {
		return corrupt("%w; its index (moov) is missing", top.err)
	}
	rest := w.b[top.off:]
	if w.fragments || len(rest) >= 8 && topBox(string(rest[4:8])) {
		return top.err
	}
	if err := w.judge(); err != nil {
		return err
	}
	noteTail(c, len(rest))
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
		return corrupt("MP4 has no index (moov): the recording was never finished, or the file is cut off")
	}
	video := false
	for _, t := range w.tracks {
		video = video || t.video
	}
	switch {
	case len(w.tracks) == 0:
		return corrupt("MP4 has no track")
	case !video:
		return refusal(tasks.Unsupported, "submit it as voice, after: "+toMP3, "this is an MP4 with sound only: it has no video track")
	case w.dangling:
		return corrupt("MP4 ends behind the index of a fragment (moof), without its samples: it is cut off")
	case !w.samples || !w.data:
		return corrupt("MP4 has an index and no samples: it is cut off")
	}
	return nil
}

func (w *mp4Walk) fill(c *tasks.Content) {
	for _, t := range w.tracks {
		if t.video && c.Width == 0 {
			c.Width, c.Height = t.width, t.height
		}
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

// movie walks moov.
func (w *mp4Walk) movie(moov box) error {
	in := moov.children(w.b)
	for in.scan() {
		switch x := in.next; {
		case x.is("mvhd"):
			w.scale, w.header = headerDuration(x.body)
		case x.is("trak"):
			if err := w.track(x); err != nil {
				return err
			}
		case x.is("mvex"):
			if err := w.extend(x); err != nil {
				return err
			}
		}
	}
	return in.err
}

// extend walks mvex: the defaults of the fragments.
func (w *mp4Walk) extend(mvex box) error {
	w.fragments = true
	in := mvex.children(w.b)
	for in.scan() {
		switch x := in.next; {
		case x.is("mehd") && len(x.body) >= 12 && x.body[0] == 1:
			w.extends = ticks(binary.BigEndian.Uint64(x.body[4:]), w.scale)
		case x.is("mehd") && len(x.body) >= 8:
			w.extends = ticks(uint64(binary.BigEndian.Uint32(x.body[4:])), w.scale)
		case x.is("trex") && len(x.body) >= 24:
			if t := w.trackOf(binary.BigEndian.Uint32(x.body[4:])); t != nil {
				t.perSample = binary.BigEndian.Uint32(x.body[12:])
			}
		}
	}
	return in.err
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
