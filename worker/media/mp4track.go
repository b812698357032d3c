package media

import "encoding/binary"

// addTrack walks trak, down to the sample description and the chunks of its media.
func (w *mp4Walk) addTrack(trak box) error {
	if len(w.tracks) == maxTracks {
		return corrupt("MP4 has more than %d tracks", maxTracks)
	}
	var t mp4Track
	in := w.inside(trak)
	for in.scan() {
		switch x := in.next; {
		case x.is("tkhd") && len(x.body) >= 24 && x.body[0] == 1:
			t.id = binary.BigEndian.Uint32(x.body[20:])
		case x.is("tkhd") && len(x.body) >= 16:
			t.id = binary.BigEndian.Uint32(x.body[12:])
		case x.is("mdia"):
			w.trackMedia(x, &t)
		}
	}
	w.tracks = append(w.tracks, t)
	return nil
}

func (w *mp4Walk) trackMedia(mdia box, t *mp4Track) {
	var minf box
	in := w.inside(mdia)
	for in.scan() {
		switch x := in.next; {
		case x.is("mdhd"):
			t.scale, t.lasts = headerDuration(x.body)
		case x.is("hdlr") && len(x.body) >= 12:
			t.handler = string(x.body[8:12])
		case x.is("minf"):
			minf = x
		}
	}
	if in = w.inside(minf); t.shown() { // what else there is, no player needs
		for in.scan() {
			if in.next.is("stbl") {
				w.sampleTable(in.next, t)
			}
		}
	}
}

func (w *mp4Walk) sampleTable(stbl box, t *mp4Track) {
	var s mp4Samples
	in := w.inside(stbl)
	for in.scan() {
		switch x := in.next; {
		case x.is("stsd"):
			t.describe(x.body)
		case x.is("stsc"):
			s.runs = x
		case x.is("stsz"), x.is("stz2"):
			s.sizes = x
		case x.is("stco"):
			s.chunks, s.wide = x, false
		case x.is("co64"):
			s.chunks, s.wide = x, true
		}
	}
	found, err := s.within(len(w.b), w.index)
	t.samples = t.samples || found
	w.samples = w.samples || found
	if w.lost == nil {
		w.lost = err
	}
}

// describe reads stsd. Behind version and count stands one sample entry: its size, its codec, and for pictures width and
// height at 32 (ISO 14496-12, 12.1.3).
func (t *mp4Track) describe(body []byte) {
	if len(body) >= 8+8 {
		t.codec = string(body[8+4 : 8+8])
	}
	if len(body) >= 8+36 && t.handler == "vide" {
		t.width = int(binary.BigEndian.Uint16(body[8+32:]))
		t.height = int(binary.BigEndian.Uint16(body[8+34:]))
	}
}
