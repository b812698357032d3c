package media

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// deflated is data as a chunk of a PNG, with the end behind it.
func deflated(t *testing.T, data []byte, level, block int) *pngData {
	t.Helper()
	var z bytes.Buffer
	w, err := zlib.NewWriterLevel(&z, level)
	if err != nil {
		t.Fatal(err)
	}
	for len(data) > 0 { // each block has tables of its own
		n := min(block, len(data))
		if _, err := w.Write(data[:n]); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(z.Len()))
	b = append(append(b, "IDAT"...), z.Bytes()...)
	b = append(b, 0, 0, 0, 0)
	return &pngData{b: b, name: "IDAT"}
}

// What a compressor made is unpacked to its last byte: of every level, in long blocks and short ones, few values and many.
func TestInflatedCountsWhatWasDeflated(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, level := range []int{flate.HuffmanOnly, flate.DefaultCompression, flate.NoCompression, flate.BestSpeed, flate.BestCompression} {
		for range 300 {
			data := make([]byte, 1+r.IntN(3000))
			values, run := 1+r.IntN(256), 1+r.IntN(40)
			for i := range data {
				if data[i] = byte(r.IntN(values)); i > run && r.IntN(3) > 0 {
					data[i] = data[i-run]
				}
			}
			block := 1 + r.IntN(2*len(data))
			in := deflated(t, data, level, block)
			if n, err := inflated(in, len(data)); err != nil || n != len(data) {
				t.Fatalf("level %d, %d bytes of %d values in blocks of %d: %d, %v", level, len(data), values, block, n, err)
			}
		}
	}
}
