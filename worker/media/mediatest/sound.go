package mediatest

import "io"

// mp3Frames makes n silent MP3 frames, MPEG 1 layer III, 44.1 kHz, mono, at a bit rate of 32 (104 bytes a frame) or
// 320 kbit/s (1044). Side information of zeros says that a frame has no sound in it; what follows it is ancillary
// data, which decoders skip, and is filled from r if there is one.
func mp3Frames(n, kbits int, r io.Reader) []byte {
	const head, side = 4, 17
	index, length := byte(1), 104
	if kbits == 320 {
		index, length = 14, 1044
	}
	b := make([]byte, n*length)
	for at := 0; at < len(b); at += length {
		copy(b[at:], []byte{0xff, 0xfb, index << 4, 0xc0})
		if r != nil {
			fill(r, b[at+head+side:at+length])
		}
	}
	return b
}

func silentMP3(frames int) []byte { return mp3Frames(frames, 32, nil) }

const amrMagic = "#!AMR\n"

// silentAMR makes n AMR frames of 20 ms, at 4.75 kbit/s, which decode to silence.
func silentAMR(n int) []byte {
	const length = 13
	b := append(make([]byte, 0, len(amrMagic)+n*length), amrMagic...)
	for range n {
		b = append(b, 0<<3|1<<2)
		b = append(b, make([]byte, length-1)...)
	}
	return b
}

func fill(r io.Reader, b []byte) {
	_, err := io.ReadFull(r, b)
	must(err) // r never ends
}
