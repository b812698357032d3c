package media_test

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
)

// noise is a picture that hardly compresses: 3 bytes a pixel as PNG.
func noise(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	randomize(m.Pix)
	for i := 3; i < len(m.Pix); i += 4 {
		m.Pix[i] = 255
	}
	return m
}

// randomize fills b with the same noise every time.
func randomize(b []byte) {
	if _, err := rand.NewChaCha8([32]byte{1}).Read(b); err != nil {
		panic(err)
	}
}

// square is the side of a noise of about n bytes at so many bytes a pixel.
func square(n int, perPixel float64) int { return int(math.Sqrt(float64(n) / perPixel)) }

func encodedJPEG(m image.Image, quality int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func encodedPNG(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func encodedGIF(frames ...*image.Paletted) []byte {
	g := gif.GIF{Image: frames, Delay: make([]int, len(frames))}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func noisyJPEG(n int) []byte {
	side := square(n, 0.9)
	return encodedJPEG(noise(side, side), 90)
}

func noisyPNG(n int) []byte {
	side := square(n, 3)
	return encodedPNG(noise(side, side))
}

func noisyGIF(n int) []byte { return encodedGIF(noisyFrame(square(n, 1.4))) }

func noisyFrame(side int) *image.Paletted {
	palette := make(color.Palette, 256)
	for i := range palette {
		palette[i] = color.Gray{uint8(i)}
	}
	m := image.NewPaletted(image.Rect(0, 0, side, side), palette)
	randomize(m.Pix)
	return m
}

// repeated is a header and frames of the given length, each beginning with head, up to about n bytes.
func repeated(header, head string, length, n int) []byte {
	b := []byte(header)
	for len(b)+length <= n {
		b = append(b, head...)
		b = append(b, make([]byte, length-len(head))...)
	}
	return b
}

// mp4Box is one box around the given bodies.
func mp4Box(kind string, bodies ...[]byte) []byte {
	body := bytes.Join(bodies, nil)
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))
	return append(append(b, kind...), body...)
}

// words are big-endian numbers of 32 bits.
func words(n ...uint32) []byte {
	var b []byte
	for _, x := range n {
		b = binary.BigEndian.AppendUint32(b, x)
	}
	return b
}

var (
	ftypISOM = mp4Box("ftyp", []byte("isom"), words(0x200), []byte("isommp41"))
	hdlrVide = mp4Box("hdlr", words(0, 0), []byte("vide"), make([]byte, 13))
)

// movie is moov with one video track of id 1, in milliseconds, around the given sample table.
func movie(duration uint32, stbl []byte, more ...[]byte) []byte {
	header := words(0, 0, 0, 1000, duration)
	return mp4Box("moov",
		append([][]byte{mp4Box("mvhd", header, make([]byte, 80)),
			mp4Box("trak", mp4Box("tkhd", words(0, 0, 0, 1), make([]byte, 68)),
				mp4Box("mdia", mp4Box("mdhd", header, make([]byte, 4)), hdlrVide, mp4Box("minf", mp4Box("stbl", stbl))))},
			more...)...)
}

// manyChunks is an MP4 of about n bytes, a quarter of them tables: a chunk for each sample of 56 bytes.
func manyChunks(n int) []byte {
	count := n / 64
	offset, sizes := words(0, uint32(count)), words(0, 0, uint32(count))
	samples := mp4Box("mdat", make([]byte, count*56))
	for i := range count {
		offset = binary.BigEndian.AppendUint32(offset, uint32(len(ftypISOM)+8+i*56))
		sizes = binary.BigEndian.AppendUint32(sizes, 56)
	}
	table := append(mp4Box("stsc", words(0, 1, 1, 1, 1)), append(mp4Box("stsz", sizes), mp4Box("stco", offset)...)...)
	return bytes.Join([][]byte{ftypISOM, samples, movie(1000, table)}, nil)
}

// pngChunk is one chunk with its checksum.
func pngChunk(kind string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, kind...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// zipped is n zeros as a zlib stream.
func zipped(n int) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(make([]byte, n)); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// gifData is n pixels of a GIF's frame, as one sub-block and the end.
func gifData(n int) string {
	var b bytes.Buffer
	w := lzw.NewWriter(&b, lzw.LSB, 2)
	if _, err := w.Write(make([]byte, n)); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return string([]byte{byte(b.Len())}) + b.String() + "\x00"
}
