package wechattest

import (
	"bytes"
	"errors"
	"time"
)

var (
	errNoFrames = errors.New("no frames of sound in it")
	errNotAMR   = errors.New("not AMR narrow-band")
)

// amrSizes are the bytes of an AMR-NB frame by its mode, the mode byte included; 0: no such mode.
var amrSizes = [16]int{13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1}

// amrLength counts 20 ms for every whole frame.
func amrLength(b []byte) (time.Duration, error) {
	b, found := bytes.CutPrefix(b, []byte("#!AMR\n"))
	if !found {
		return 0, errNotAMR
	}
	frames := 0
	for len(b) > 0 {
		size := amrSizes[b[0]>>3&15]
		if size == 0 || size > len(b) {
			break
		}
		b = b[size:]
		frames++
	}
	if frames == 0 {
		return 0, errNoFrames
	}
	return time.Duration(frames) * 20 * time.Millisecond, nil
}

// Layer III bit rates in kbit/s: of MPEG 1, and of MPEG 2 and 2.5.
var (
	bitRates1 = [16]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}
	bitRates2 = [16]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}
)

// sampleRates of MPEG 1 in Hz; MPEG 2 has half of each, 2.5 a quarter.
var sampleRates = [4]int{44100, 48000, 32000, 0}

// mp3Length sums the frames of an MP3, stepping over tags and junk between them. The frame that carries a Xing,
// Info or VBRI table holds no sound and isn't counted.
func mp3Length(b []byte) (time.Duration, error) {
	b = afterID3(b)
	var total time.Duration
	frames := 0
	for i := 0; i+4 <= len(b); {
		size, length := mp3Frame(b[i:])
		if size == 0 || i+size > len(b) || (frames == 0 && !followed(b[i+size:])) {
			next := bytes.IndexByte(b[i+1:], 0xff)
			if next < 0 {
				break
			}
			i += 1 + next
			continue
		}
		if frames > 0 || !isTable(b[i:i+size]) {
			total += length
		}
		frames++
		i += size
	}
	if total == 0 {
		return 0, errNoFrames
	}
	return total, nil
}

// followed reports whether another frame, or nothing, begins at b: one header alone may be chance.
func followed(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	size, _ := mp3Frame(b)
	return size > 0
}

// mp3Frame returns the bytes and duration of the Layer III frame whose header begins b; 0 where none does.
func mp3Frame(b []byte) (size int, length time.Duration) {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe6 != 0xe2 {
		return 0, 0
	}
	version := b[1] >> 3 & 3 // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
	rate := sampleRates[b[2]>>2&3]
	samples, bits := 1152, bitRates1[b[2]>>4]
	switch version {
	case 1:
		return 0, 0
	case 2:
		rate, samples, bits = rate/2, 576, bitRates2[b[2]>>4]
	case 0:
		rate, samples, bits = rate/4, 576, bitRates2[b[2]>>4]
	}
	if rate == 0 || bits == 0 {
		return 0, 0
	}
	size = samples / 8 * bits * 1000 / rate
	if b[2]&2 != 0 {
		size++
	}
	return size, time.Duration(samples) * time.Second / time.Duration(rate)
}

// isTable reports whether a first frame holds a table of contents instead of sound.
func isTable(frame []byte) bool {
	head := frame[:min(len(frame), 64)]
	return bytes.Contains(head, []byte("Xing")) || bytes.Contains(head, []byte("Info")) || bytes.Contains(head, []byte("VBRI"))
}

// afterID3 steps over an ID3v2 tag.
func afterID3(b []byte) []byte {
	if len(b) < 10 || string(b[:3]) != "ID3" {
		return b
	}
	size := int(b[6]&127)<<21 | int(b[7]&127)<<14 | int(b[8]&127)<<7 | int(b[9]&127)
	return b[min(len(b), 10+size):]
}
