package wechattest

import (
	"encoding/binary"
	"errors"
	"time"
)

var (
	errQuickTime = errors.New("a QuickTime file, not MP4")
	errBoxes     = errors.New("the MP4's boxes are damaged or cut off")
	errNoMovie   = errors.New("the MP4 has no moov box with an mvhd in it")
)

// mp4Length returns the duration that an MP4's mvhd states; 0 where the movie is in fragments.
func mp4Length(b []byte) (time.Duration, error) {
	if string(b[8:12]) == "qt  " {
		return 0, errQuickTime
	}
	moov, err := box(b, "moov")
	if err != nil {
		return 0, err
	}
	mvhd, err := box(moov, "mvhd")
	if err != nil {
		return 0, err
	}
	return movieTime(mvhd)
}

// box returns the content of the first box of that name among those in b. All boxes of b must be whole.
func box(b []byte, name string) ([]byte, error) {
	var found []byte
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, errBoxes
		}
		size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		switch size {
		case 0: // to the end
			size = uint64(len(b))
		case 1: // the size follows, in 64 bits
			if len(b) < 16 {
				return nil, errBoxes
			}
			size, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size < head || size > uint64(len(b)) {
			return nil, errBoxes
		}
		if found == nil && string(b[4:8]) == name {
			found = b[head:size]
		}
		b = b[size:]
	}
	if found == nil {
		return nil, errNoMovie
	}
	return found, nil
}

// movieTime reads timescale and duration of an mvhd, of version 0 or 1.
func movieTime(b []byte) (time.Duration, error) {
	var scale, units uint64
	switch {
	case len(b) >= 20 && b[0] == 0:
		scale, units = uint64(binary.BigEndian.Uint32(b[12:])), uint64(binary.BigEndian.Uint32(b[16:]))
	case len(b) >= 32 && b[0] == 1:
		scale, units = uint64(binary.BigEndian.Uint32(b[20:])), binary.BigEndian.Uint64(b[24:])
	}
	if scale == 0 {
		return 0, errBoxes
	}
	return time.Duration(float64(units) / float64(scale) * float64(time.Second)), nil
}
