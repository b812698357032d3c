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
	in := stbl.children(w.b)
	for in.scan() {
		switch x := in.next; {
		case x.is("stsd") && len(x.body) >= 8+36 && t.video:
			// Behind version and count: one sample entry, whose width and height stand at 32 (ISO 14496-12, 12.1.3).
			t.width = int(binary.BigEndian.Uint16(x.body[8+32:]))
			t.height = int(binary.BigEndian.Uint16(x.body[8+34:]))
		case x.is("stco"):
			if err := w.chunks(x, 4); err != nil {
				return err
			}
		case x.is("co64"):
			if err := w.chunks(x, 8); err != nil {
				return err
			}
		}
	}
	return in.err
}

// chunks looks at a table of offsets of the given width: every chunk has to begin within the file.
func (w *mp4Walk) chunks(x box, width int) error {
	if len(x.body) < 8 {
		return corrupt("MP4 box %s at byte %d is too short", x.kind[:], x.off)
	}
	n := binary.BigEndian.Uint32(x.body[4:])
	table := x.body[8:]
	if uint64(n)*uint64(width) > uint64(len(table)) {
		return corrupt("MP4 box %s at byte %d counts %d chunks and has room for %d", x.kind[:], x.off, n, len(table)/width)
	}
	for i := range int(n) {
		var at uint64
		if width == 8 {
			at = binary.BigEndian.Uint64(table[i*8:])
		} else {
			at = uint64(binary.BigEndian.Uint32(table[i*4:]))
		}
		if at >= uint64(len(w.b)) {
			return corrupt("MP4 has samples at byte %d, the file ends at %d: it is cut off", at, len(w.b))
		}
	}
	w.samples = w.samples || n > 0
	return nil
}
