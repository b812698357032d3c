package media

import "encoding/binary"

// track walks trak, down to the sample description and the chunks of its media.
func (w *mp4Walk) track(trak box) error {
	if len(w.tracks) == maxTracks {
		return corrupt("MP4 has more than %d tracks", maxTracks)
	}
	var t mp4Track
	in := trak.children(w.b)
	for in.scan() {
		switch x := in.next; {
		case x.is("tkhd") && len(x.body) >= 24 && x.body[0] == 1:
			t.id = binary.BigEndian.Uint32(x.body[20:])
		case x.is("tkhd") && len(x.body) >= 16:
			t.id = binary.BigEndian.Uint32(x.body[12:])
		case x.is("mdia"):
			if err := w.trackMedia(x, &t); err != nil {
				return err
			}
		}
	}
	w.tracks = append(w.tracks, t)
	return in.err
}

func (w *mp4Walk) trackMedia(mdia box, t *mp4Track) error {
	in := mdia.children(w.b)
	for in.scan() {
		switch x := in.next; {
		case x.is("mdhd"):
			t.scale, _ = headerDuration(x.body)
		case x.is("hdlr") && len(x.body) >= 12:
			t.video = string(x.body[8:12]) == "vide"
		case x.is("minf"):
			if err := w.mediaInfo(x, t); err != nil {
				return err
			}
		}
	}
	return in.err
}

func (w *mp4Walk) mediaInfo(minf box, t *mp4Track) error {
	in := minf.children(w.b)
	for in.scan() {
		if in.next.is("stbl") {
			if err := w.sampleTable(in.next, t); err != nil {
				return err
			}
		}
	}
	return in.err
}

func (w *mp4Walk) sampleTable(stbl box, t *mp4Track) error {
	var s mp4Samples
	in := stbl.children(w.b)
	for in.scan() {
		switch x := in.next; {
		case x.is("stsd") && len(x.body) >= 8+36 && t.video:
			// Behind version and count: one sample entry, whose width and height stand at 32 (ISO 14496-12, 12.1.3).
			t.width = int(binary.BigEndian.Uint16(x.body[8+32:]))
			t.height = int(binary.BigEndian.Uint16(x.body[8+34:]))
		case x.is("stsc"):
			s.runs = x
		case x.is("stsz"):
			s.sizes = x
		case x.is("stco"):
			s.chunks, s.wide = x, false
		case x.is("co64"):
			s.chunks, s.wide = x, true
		}
	}
	if in.err != nil {
		return in.err
	}
	found, err := s.within(len(w.b))
	w.samples = w.samples || found
	return err
}
