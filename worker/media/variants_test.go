package media_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// variant is a sample made odd, or damaged. Which of both it is, the tools say that decode it: see differential_test.go.
type variant struct {
	name string // SAMPLE/CHANGE
	base sample
	b    []byte
}

// TestVariants compares the verdict on every variant with what the tools said of it, kept in testdata/variants.tsv.
func TestVariants(t *testing.T) {
	t.Parallel()
	whole := map[string]string{}
	for _, r := range rows(t, "variants.tsv") {
		whole[r[0]] = r[1]
	}
	odd, damaged := 0, 0
	for _, v := range variants(t) {
		_, err := media.Check(v.b, v.base.typ, roomy())
		switch whole[v.name] {
		case "whole":
			odd++
			if err != nil {
				t.Errorf("%s: %v, but nothing of it is lost", v.name, err)
			}
		case "loses":
			damaged++
			if tasks.CodeOf(err) != tasks.Corrupt && tasks.CodeOf(err) != tasks.Unsupported {
				t.Errorf("%s: %v, but some of it is lost", v.name, err)
			}
		case "":
			t.Errorf("%s is not in testdata/variants.tsv: run make differential", v.name)
		}
	}
	if odd < 100 || damaged < 100 {
		t.Errorf("%d variants are odd, %d damaged, want 100 or more of each", odd, damaged)
	}
}

// variants makes all of them, the same each time.
func variants(t *testing.T) []variant {
	t.Helper()
	makers := map[string]func(add func(string, ...[]byte), b []byte){
		"baseline.jpg": jpegVariants, "progressive.jpg": jpegVariants, "restart.jpg": jpegVariants, "gray.jpg": jpegVariants,
		"rgb.png": pngVariants, "interlaced.png": pngVariants, "palette.png": pngVariants, "rgba.png": pngVariants,
		"still.gif": gifVariants, "animated.gif": gifVariants,
		"cbr.mp3": mp3Variants, "bare.mp3": mp3Variants, "vbr.mp3": mp3Variants,
		"mode7.amr": amrVariants, "mode0.amr": amrVariants,
		"h264.mp4": mp4Variants, "faststart.mp4": mp4Variants, "fragmented.mp4": mp4Variants,
	}
	var all []variant
	for _, s := range truth(t) {
		if vary, ok := makers[s.name]; ok {
			b := s.read(t)
			vary(func(change string, parts ...[]byte) {
				all = append(all, variant{s.name + "/" + change, s, slices.Concat(parts...)})
			}, b)
		}
	}
	return all
}

var (
	stray = []byte{0x53, 0x27, 0x66, 0xa7, 0x0d, 0x13, 0xd3, 0x8a, 0x19, 0x5e, 0x96, 0x0f, 0xe9, 0x82, 0x37, 0x0a, 0x17, 0x70}
	zeros = make([]byte, 800)
	ones  = bytes.Repeat([]byte{0xff}, 700)
)

// ends makes the variants that any format can have at its end, and cuts.
func ends(add func(string, ...[]byte), b []byte) {
	add("padded with zeros", b, zeros)
	add("padded with ones", b, ones)
	add("stray bytes behind it", b, stray)
	add("twice", b, b)
	for _, n := range []int{1, 2, 3, 4, 8, 12, 20, 100} {
		add(fmt.Sprintf("less %d bytes", n), b[:len(b)-n])
	}
	for _, n := range []int{30, 50, 70, 90} {
		add(fmt.Sprintf("cut to %d %%", n), b[:len(b)*n/100])
	}
	for _, n := range []int{60, 80} {
		at := len(b) * n / 100
		add(fmt.Sprintf("a hole at %d %%", n), b[:at], make([]byte, 64), b[at+64:])
		add(fmt.Sprintf("stray bytes at %d %%", n), b[:at], stray, b[at:])
		add(fmt.Sprintf("a piece missing at %d %%", n), b[:at], b[at+30:])
	}
}

func jpegVariants(add func(string, ...[]byte), b []byte) {
	ends(add, b)
	var at []int // of every marker before the last scan's data
	for off := 2; off+4 < len(b) && b[off] == 0xff; off += 2 + int(binary.BigEndian.Uint16(b[off+2:])) {
		at = append(at, off)
		if b[off+1] == 0xda {
			break
		}
	}
	sos := at[len(at)-1]
	data := sos + 2 + int(binary.BigEndian.Uint16(b[sos+2:]))
	end := len(b) - 2
	insert := func(name string, off int, x ...byte) { add(name, b[:off], x, b[off:]) }
	for i, off := range at {
		insert(fmt.Sprintf("stray bytes before segment %d", i), off, stray...)
		insert(fmt.Sprintf("zeros before segment %d", i), off, zeros[:9]...)
		insert(fmt.Sprintf("fill before segment %d", i), off, ones[:9]...)
		insert(fmt.Sprintf("a restart before segment %d", i), off, 0xff, 0xd3)
		insert(fmt.Sprintf("TEM before segment %d", i), off, 0xff, 0x01)
		insert(fmt.Sprintf("an empty comment before segment %d", i), off, 0xff, 0xfe, 0, 2)
		insert(fmt.Sprintf("a comment of length 0 before segment %d", i), off, 0xff, 0xfe, 0, 0)
		insert(fmt.Sprintf("an unknown marker before segment %d", i), off, 0xff, 0x02, 0, 2)
		insert(fmt.Sprintf("a second start before segment %d", i), off, 0xff, 0xd8)
		insert(fmt.Sprintf("DNL before segment %d", i), off, 0xff, 0xdc, 0, 4, 0, 64)
		if i+1 < len(at) {
			add(fmt.Sprintf("without segment %d", i), b[:off], b[at[i+1]:])
		}
	}
	insert("a restart in the data", data+40, 0xff, 0xd0)
	insert("a restart at the start of the data", data, 0xff, 0xd0)
	insert("a marker in the data", data+40, 0xff, 0xe5, 0, 2)
	insert("restarts before the end", end, 0xff, 0xd7, 0xff, 0xd7, 0xff, 0xd0)
	insert("stray bytes and restarts before the end", end, slices.Concat([]byte{0xff, 0xd7}, stray, []byte{0xff, 0xd7}, stray)...)
	insert("stray bytes before the end", end, stray...)
	insert("zeros before the end", end, zeros...)
	insert("fill before the end", end, ones...)
	insert("a comment before the end", end, 0xff, 0xfe, 0, 5, 'a', 'b', 'c')
	insert("a comment cut off before the end", end, 0xff, 0xfe, 0xff, 0xff)
	insert("an unknown marker before the end", end, 0xff, 0x02)
	insert("a start before the end", end, 0xff, 0xd8)
	insert("a table before the end", end, b[at[1]:at[2]]...)
	add("an end too early", b[:data+(end-data)/2], []byte{0xff, 0xd9})
	add("an end and fill", b[:end], ones[:5], []byte{0xd9})
	for n := byte(0); n < 8; n++ { // of restart.jpg, which has them in order
		for i := data; i+1 < end; i++ {
			if b[i] == 0xff && b[i+1] >= 0xd0 && b[i+1] <= 0xd7 {
				add(fmt.Sprintf("the first restart is number %d", n), b[:i+1], []byte{0xd0 + n}, b[i+2:])
				if n == 0 {
					add("the first restart is missing", b[:i], b[i+2:])
					add("the first restart twice", b[:i], b[i:i+2], b[i:])
					add("stray bytes before the first restart", b[:i], stray, b[i:])
				}
				break
			}
		}
	}
}

func pngVariants(add func(string, ...[]byte), b []byte) {
	ends(add, b)
	data := 0
	for off, i := 8, 0; off+12 <= len(b); i++ {
		n := int(binary.BigEndian.Uint32(b[off:]))
		name, end := string(b[off+4:off+8]), off+12+n
		at := fmt.Sprintf("before %s %d", name, i)
		add("a wrong checksum of "+name+fmt.Sprint(i), b[:end-1], []byte{b[end-1] ^ 1}, b[end:])
		if n > 0 {
			add("a wrong byte in "+name+fmt.Sprint(i), b[:end-5], []byte{b[end-5] ^ 1}, b[end-4:])
		}
		add("without "+name+fmt.Sprint(i), b[:off], b[end:])
		add(name+fmt.Sprint(i)+" twice", b[:off], b[off:end], b[off:])
		add("text "+at, b[:off], pngChunk("tEXt", []byte("Title\x00a picture")), b[off:])
		add("text of a wrong checksum "+at, b[:off], append(pngChunk("tEXt", []byte("Title\x00a"))[:19:19], 1, 2), b[off:])
		add("an empty unknown chunk "+at, b[:off], pngChunk("priv", nil), b[off:])
		add("a chunk of no name "+at, b[:off], pngChunk("t\x00\x00t", []byte("x")), b[off:])
		add("an unknown critical chunk "+at, b[:off], pngChunk("NEWS", []byte("x")), b[off:])
		add("a damaged gAMA "+at, b[:off], pngChunk("gAMA", []byte("x")), b[off:])
		add("a palette "+at, b[:off], pngChunk("PLTE", zeros[:3*256]), b[off:])
		add("stray bytes "+at, b[:off], stray, b[off:])
		add("an empty IDAT "+at, b[:off], pngChunk("IDAT", nil), b[off:])
		if name == "IDAT" && data == 0 {
			data = off
			body := b[off+8 : off+8+n]
			add("IDAT in small pieces", b[:off], smallIDATs(body), b[end:])
			add("IDAT in two places", b[:off], pngChunk("IDAT", body[:n/2]), pngChunk("tEXt", []byte("T\x00t")), pngChunk("IDAT", body[n/2:]), b[end:])
			add("IDAT cut, with a good checksum", b[:off], pngChunk("IDAT", body[:n/2]), b[end:])
			add("IDAT without its sum", b[:off], pngChunk("IDAT", body[:n-4]), b[end:])
			add("IDAT with a wrong sum", b[:off], pngChunk("IDAT", append(body[:n-1:n-1], body[n-1]^1)), b[end:])
			add("IDAT with bytes behind its sum", b[:off], pngChunk("IDAT", slices.Concat(body, stray)), b[end:])
		}
		off = end
	}
}

func smallIDATs(body []byte) []byte {
	var all []byte
	for part := range slices.Chunk(body, 100) {
		all = append(all, pngChunk("IDAT", part)...)
	}
	return all
}

func gifVariants(add func(string, ...[]byte), b []byte) {
	ends(add, b)
	var at []int // of every block
	for off := 13 + table(b[10]); off < len(b) && b[off] != 0x3b; {
		at = append(at, off)
		if b[off] == 0x2c {
			off += 11 + table(b[off+9])
		} else {
			off += 2
		}
		for b[off] != 0 {
			off += 1 + int(b[off])
		}
		off++
	}
	comment := []byte("!\xfe\x03abc\x00")
	for i, off := range append(at, len(b)-1) {
		add(fmt.Sprintf("a comment before block %d", i), b[:off], comment, b[off:])
		add(fmt.Sprintf("an empty extension before block %d", i), b[:off], []byte("!\x99\x00"), b[off:])
		add(fmt.Sprintf("a zero before block %d", i), b[:off], []byte{0}, b[off:])
		add(fmt.Sprintf("stray bytes before block %d", i), b[:off], stray, b[off:])
		add(fmt.Sprintf("without what begins at block %d", i), b[:off])
		add(fmt.Sprintf("cut in an extension at block %d", i), b[:off], comment[:4])
		add(fmt.Sprintf("an end at block %d", i), b[:off], []byte{0x3b})
	}
	last := len(b) - 1
	add("without its trailer", b[:last])
	add("without the end of its data", b[:last-1], []byte{0x3b})
	add("zeros for a trailer", b[:last], zeros)
	add("no screen", b[:6], make([]byte, 4), b[10:])
}

func table(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func mp3Variants(add func(string, ...[]byte), b []byte) {
	ends(add, b)
	id3 := func(n int) []byte {
		return slices.Concat([]byte("ID3\x04\x00\x00"), []byte{byte(n >> 21 & 0x7f), byte(n >> 14 & 0x7f), byte(n >> 7 & 0x7f), byte(n & 0x7f)}, make([]byte, n))
	}
	cover := id3(90_000)
	for i := 10; i+104 < len(cover); i += 104 { // a picture that looks like frames
		copy(cover[i:], "\xff\xfb\x10\xc4")
	}
	id3v1 := append([]byte("TAG"), zeros[:125]...)
	ape := func(flags string) []byte {
		return []byte("APETAGEX\xd0\x07\x00\x00\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + flags + "\x00\x00\x00\x00\x00\x00\x00\x00")
	}
	item := []byte("\x07\x00\x00\x00\x00\x00\x00\x00Title\x00a\x00 tone")
	apeTag := slices.Concat(ape("\xa0"), item, ape("\x80"))
	for name, x := range map[string][]byte{
		"a tag": id3(100), "a large tag": id3(70_000), "a cover": cover, "two tags": slices.Concat(id3(10), id3(20)), "an empty tag": id3(0),
		"zeros and a tag": slices.Concat(zeros, id3(100)), "zeros and a cover": slices.Concat(zeros, cover), "stray bytes and a tag": slices.Concat(stray, id3(100)),
		"a tag and zeros": slices.Concat(id3(100), zeros), "an APE tag": apeTag, "zeros": zeros, "ones": ones, "stray bytes": stray, "old tag": id3v1,
	} {
		add(name+" before it", x, b)
	}
	for name, x := range map[string][]byte{
		"an old tag": id3v1, "an APE tag": apeTag, "an APE and an old tag": slices.Concat(apeTag, id3v1), "an old and an APE tag": slices.Concat(id3v1, apeTag),
		"a tag": id3(100), "a cover": cover, "half a tag": id3(100)[:50], "half an old tag": id3v1[:60], "half an APE tag": apeTag[:40],
		"an old tag and zeros": slices.Concat(id3v1, zeros), "lyrics": []byte("LYRICSBEGININD0000200000021LYRICS200"), "zeros and an old tag": slices.Concat(zeros, id3v1),
		"a tag with a footer": slices.Concat([]byte("ID3\x04\x00\x10\x00\x00\x00\x05bytes"), []byte("3DI\x04\x00\x10\x00\x00\x00\x05")),
	} {
		add(name+" behind it", b, x)
	}
}

func amrVariants(add func(string, ...[]byte), b []byte) {
	ends(add, b)
	frame := 13
	if len(b) > 600 {
		frame = 32
	}
	at := 6 + 10*frame
	add("no data between frames", b[:at], []byte{0x7c}, b[at:])
	add("a type that does not exist", b[:at], []byte{0x54}, b[at:])
	add("an old tag behind it", b, append([]byte("TAG"), zeros[:125]...))
	add("a frame missing", b[:at], b[at+frame:])
}

func mp4Variants(add func(string, ...[]byte), b []byte) {
	ends(add, b)
	var at []int // of every box
	for off := 0; off+8 <= len(b); off += int(binary.BigEndian.Uint32(b[off:])) {
		at = append(at, off)
	}
	free := mp4Box("free", stray)
	for i, off := range at {
		name := string(b[off+4 : off+8])
		end := off + int(binary.BigEndian.Uint32(b[off:]))
		if i > 0 && i == len(at)-1 { // offsets in an index stay as they are
			add("free space before "+name, b[:off], free, b[off:])
			add("an unknown box before "+name, b[:off], mp4Box("what", stray), b[off:])
			add("an empty box before "+name, b[:off], mp4Box("skip"), b[off:])
			add("stray bytes before "+name, b[:off], stray, b[off:])
			add("zeros before "+name, b[:off], zeros, b[off:])
			add("open "+name, b[:off], words(0), b[off+4:])
			add("long "+name, b[:off], words(1), b[off+4:off+8], words(0, uint32(end-off+8)), b[off+8:])
			add("too large a "+name, b[:off], words(uint32(end-off+1000)), b[off+4:])
		}
		add("no "+name+fmt.Sprint(i), b[:off+4], []byte("junk"), b[off+8:])
	}
	moov := bytes.Index(b, []byte("moov")) - 4
	end := moov + int(binary.BigEndian.Uint32(b[moov:]))
	if end != len(b) {
		return // what follows would move
	}
	inside := func(name string, x ...[]byte) {
		body := slices.Concat(x...)
		add(name, b[:moov], mp4Box("moov", body))
	}
	var boxes [][]byte
	for off := moov + 8; off+8 <= end; {
		n := int(binary.BigEndian.Uint32(b[off:]))
		boxes = append(boxes, b[off:off+n])
		off += n
	}
	all := slices.Concat(boxes...)
	inside("a zero ends the index", all, words(0))
	inside("a zero and a zero end the index", all, words(0, 0))
	inside("stray bytes end the index", all, stray)
	inside("three bytes end the index", all, stray[:3])
	inside("free space in the index", boxes[0], free, slices.Concat(boxes[1:]...))
	inside("an unknown box first in the index", mp4Box("what", stray), all)
	inside("an empty box in the index", boxes[0], mp4Box("free"), slices.Concat(boxes[1:]...))
	inside("a box too large ends the index", all, words(1000), []byte("udta"), stray)
	slices.Reverse(boxes)
	inside("the index in reverse", boxes...)
	slices.Reverse(boxes)
	for i, box := range boxes {
		kind := string(box[4:8])
		inside("without "+kind+fmt.Sprint(i), slices.Concat(boxes[:i]...), slices.Concat(boxes[i+1:]...))
		inside(kind+fmt.Sprint(i)+" ends in a zero", slices.Concat(boxes[:i]...), mp4Box(kind, box[8:], words(0)), slices.Concat(boxes[i+1:]...))
		inside(kind+fmt.Sprint(i)+" is long", slices.Concat(boxes[:i]...), words(1), box[4:8], words(0, uint32(len(box)+8)), box[8:], slices.Concat(boxes[i+1:]...))
	}
}
