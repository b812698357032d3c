package media

import "encoding/binary"

// Flags of tfhd and trun (ISO 14496-12, 8.8.7 and 8.8.8).
const (
	tfhdBaseOffset  = 0x000001
	tfhdDescription = 0x000002
	tfhdDuration    = 0x000008
	tfhdSize        = 0x000010
	tfhdBaseIsMoof  = 0x020000

	trunOffset      = 0x000001
	trunFirstFlags  = 0x000004
	trunDuration    = 0x000100
	trunSize        = 0x000200
	trunFlags       = 0x000400
	trunComposition = 0x000800
)

// mp4Fragment is a track's part of one moof.
type mp4Fragment struct {
	track      *mp4Track
	perSample  uint32
	sampleSize uint32
	base       uint64 // of its runs' offsets
	at         uint64 // behind the run before
}

// fragment walks moof. Fragments before the movie header belong to no track and count for nothing.
func (w *mp4Walk) fragment(moof box) error {
	in := w.inside(moof)
	base := uint64(moof.start)
	for in.scan() {
		if in.next.is("traf") {
			var err error
			if base, err = w.trackFragment(in.next, uint64(moof.start), base); err != nil {
				return err
			}
		}
	}
	return nil
}

// trackFragment walks traf, whose samples follow those of the one before where it does not say otherwise.
func (w *mp4Walk) trackFragment(traf box, moof, base uint64) (end uint64, err error) {
	f := mp4Fragment{base: base, at: base}
	in := w.inside(traf)
	for in.scan() {
		switch x := in.next; {
		case x.is("tfhd") && len(x.body) >= 8:
			if f.track = w.trackOf(binary.BigEndian.Uint32(x.body[4:])); f.track != nil {
				f.defaults(x.body, moof)
			}
		case x.is("tfdt") && f.track != nil && len(x.body) >= 8:
			f.track.begin(x.body)
		case x.is("trun") && f.track != nil:
			if err := w.runOf(x, &f); err != nil {
				return 0, err
			}
		}
	}
	return f.at, nil
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

// defaults reads tfhd: what holds for each sample, where it is not the track's own.
func (f *mp4Fragment) defaults(body []byte, moof uint64) {
	f.perSample, f.sampleSize = f.track.perSample, f.track.sampleSize
	flags := binary.BigEndian.Uint32(body) & 0xffffff
	if flags&tfhdBaseIsMoof != 0 {
		f.base, f.at = moof, moof
	}
	body = body[8:]
	if flags&tfhdBaseOffset != 0 && len(body) >= 8 {
		f.base = binary.BigEndian.Uint64(body)
		f.at, body = f.base, body[8:]
	}
	for _, flag := range []uint32{tfhdDescription, tfhdDuration, tfhdSize} {
		if flags&flag == 0 || len(body) < 4 {
			continue
		}
		switch x := binary.BigEndian.Uint32(body); flag {
		case tfhdDuration:
			f.perSample = x
		case tfhdSize:
			f.sampleSize = x
		}
		body = body[4:]
	}
}

// runOf adds up the samples of one trun, which have to lie within the file.
func (w *mp4Walk) runOf(x box, f *mp4Fragment) error {
	if len(x.body) < 8 {
		return corrupt("MP4 box trun at byte %d is too short", x.off)
	}
	flags := binary.BigEndian.Uint32(x.body) & 0xffffff
	n := binary.BigEndian.Uint32(x.body[4:])
	at := 8
	if flags&trunOffset != 0 && len(x.body) >= 12 {
		f.at = f.base + uint64(int64(int32(binary.BigEndian.Uint32(x.body[8:]))))
	}
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
	t := f.track
	t.started = true
	if flags&(trunDuration|trunSize) == 0 {
		t.end += uint64(n) * uint64(f.perSample)
		f.at += uint64(n) * uint64(f.sampleSize)
		return w.reached(f)
	}
	for i := range int(n) {
		sample := x.body[at+i*width:]
		lasts, size := f.perSample, f.sampleSize
		if flags&trunDuration != 0 {
			lasts, sample = binary.BigEndian.Uint32(sample), sample[4:]
		}
		if flags&trunSize != 0 {
			size = binary.BigEndian.Uint32(sample)
		}
		t.end += uint64(lasts)
		f.at += uint64(size)
	}
	return w.reached(f)
}

// reached looks whether the samples up to f.at lie within the file.
func (w *mp4Walk) reached(f *mp4Fragment) error {
	if f.track.shown() && f.at > uint64(len(w.b)) {
		return cutOff("MP4 has samples up to byte %d, the file ends at %d", f.at, len(w.b))
	}
	return nil
}
