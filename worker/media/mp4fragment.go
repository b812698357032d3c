package media

import "encoding/binary"

// Flags of tfhd and trun (ISO 14496-12, 8.8.7 and 8.8.8).
const (
	tfhdBaseOffset  = 0x000001
	tfhdDescription = 0x000002
	tfhdDuration    = 0x000008

	trunOffset      = 0x000001
	trunFirstFlags  = 0x000004
	trunDuration    = 0x000100
	trunSize        = 0x000200
	trunFlags       = 0x000400
	trunComposition = 0x000800
)

// fragment walks moof. Fragments before the movie header belong to no track and count for nothing.
func (w *mp4Walk) fragment(moof box) error {
	in := moof.children(w.b)
	for in.scan() {
		if in.next.is("traf") {
			if err := w.trackFragment(in.next); err != nil {
				return err
			}
		}
	}
	return in.err
}

func (w *mp4Walk) trackFragment(traf box) error {
	var t *mp4Track
	var perSample uint32
	in := traf.children(w.b)
	for in.scan() {
		switch x := in.next; {
		case x.is("tfhd") && len(x.body) >= 8:
			if t = w.trackOf(binary.BigEndian.Uint32(x.body[4:])); t != nil {
				perSample = fragmentDefault(x.body, t.perSample)
			}
		case x.is("tfdt") && t != nil && len(x.body) >= 8:
			t.begin(x.body)
		case x.is("trun") && t != nil:
			if err := w.run(x, t, perSample); err != nil {
				return err
			}
		}
	}
	return in.err
}

// begin reads tfdt: when the samples of a fragment begin. Without it they follow the ones before.
func (t *mp4Track) begin(body []byte) {
	at := uint64(binary.BigEndian.Uint32(body[4:]))
	if body[0] == 1 && len(body) >= 12 {
		at = binary.BigEndian.Uint64(body[4:])
	}
	if !t.started {
		t.started, t.start = true, at
	}
	t.end = at
}

// fragmentDefault is the duration of a sample that tfhd sets, or the track's own.
func fragmentDefault(body []byte, perSample uint32) uint32 {
	flags := binary.BigEndian.Uint32(body) & 0xffffff
	at := 8
	if flags&tfhdBaseOffset != 0 {
		at += 8
	}
	if flags&tfhdDescription != 0 {
		at += 4
	}
	if flags&tfhdDuration != 0 && len(body) >= at+4 {
		return binary.BigEndian.Uint32(body[at:])
	}
	return perSample
}

// run adds up the samples of one trun.
func (w *mp4Walk) run(x box, t *mp4Track, perSample uint32) error {
	if len(x.body) < 8 {
		return corrupt("MP4 box trun at byte %d is too short", x.off)
	}
	flags := binary.BigEndian.Uint32(x.body) & 0xffffff
	n := binary.BigEndian.Uint32(x.body[4:])
	at := 8
	for _, flag := range []uint32{trunOffset, trunFirstFlags} {
		if flags&flag != 0 {
			at += 4
		}
	}
	width := 0
	for _, flag := range []uint32{trunDuration, trunSize, trunFlags, trunComposition} {
		if flags&flag != 0 {
			width += 4
		}
	}
	if at > len(x.body) || uint64(n)*uint64(width) > uint64(len(x.body)-at) {
		return corrupt("MP4 box trun at byte %d counts %d samples, which it has no room for", x.off, n)
	}
	w.samples = w.samples || n > 0
	t.started = true
	if flags&trunDuration == 0 {
		t.end += uint64(n) * uint64(perSample)
		return nil
	}
	for i := range int(n) {
		t.end += uint64(binary.BigEndian.Uint32(x.body[at+i*width:]))
	}
	return nil
}
