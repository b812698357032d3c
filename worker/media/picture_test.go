package media_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// damage is one way in which a file can be broken, and what has to be said of it.
type damage struct {
	name string
	b    []byte
	code tasks.Code
	says string
}

// refusedAs checks each damage.
func refusedAs(t *testing.T, typ tasks.MediaType, all []damage) {
	t.Helper()
	for _, d := range all {
		_, err := media.Check(d.b, typ, media.DefaultLimits())
		if tasks.CodeOf(err) != d.code || !strings.Contains(err.Error(), d.says) {
			t.Errorf("%s: %v, want %s and %q", d.name, err, d.code, d.says)
		}
	}
}

// edited is b with the first from replaced.
func edited(b []byte, from, to string) []byte {
	if !bytes.Contains(b, []byte(from)) {
		panic("there is no " + from)
	}
	return bytes.Replace(b, []byte(from), []byte(to), 1)
}

func TestDamagedJPEG(t *testing.T) {
	t.Parallel()
	good := encodedJPEG(noise(40, 30), 90)
	sos := bytes.Index(good, []byte{0xff, 0xda})
	data := sos + 2 + int(binary.BigEndian.Uint16(good[sos+2:]))
	sof := bytes.Index(good, []byte{0xff, 0xc0})
	with := func(at int, x ...byte) []byte { return bytes.Join([][]byte{good[:at], x, good[at:]}, nil) }
	set := func(at int, x ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], x)
		return b
	}
	refusedAs(t, tasks.Image, []damage{
		{"cut in its data", good[:len(good)/2], tasks.Corrupt, "cut off"},
		{"cut short, with an end", append(bytes.Clone(good[:len(good)*9/10]), 0xff, 0xd9), tasks.Corrupt, "% of its picture data can be read"},
		{"an unknown marker", with(2, 0xff, 2, 0, 2), tasks.Corrupt, "unknown marker 0x02"},
		{"without its quantisation", set(bytes.Index(good, []byte{0xff, 0xdb})+1, 0xfe), tasks.Corrupt, "no quantisation table"},
		{"cut behind a segment", good[:sos], tasks.Corrupt, "cut off"},
		{"cut in a segment", good[:sos+6], tasks.Corrupt, "cut off"},
		{"cut in a length", good[:sos+3], tasks.Corrupt, "cut off"},
		{"without data", append(bytes.Clone(good[:sos]), 0xff, 0xd9), tasks.Corrupt, "no picture data"},
		{"an empty scan", append(bytes.Clone(good[:data]), 0xff, 0xd9), tasks.Corrupt, "0 % of its picture data"},
		{"a segment of length 1", with(2, 0xff, 0xdb, 0, 1), tasks.Corrupt, "length 1"},
		{"a restart without an interval", with(data+20, 0xff, 0xd0), tasks.Corrupt, "% of its picture data can be read"},
		{"a second start", with(2, 0xff, 0xd8), tasks.Corrupt, "second start marker"},
		{"two frames", with(sof, good[sof:sof+19]...), tasks.Corrupt, "second frame header"},
		{"a scan before its frame", set(sof+1, 0xe9), tasks.Corrupt, "before its frame header"},
		{"no height", set(sof+5, 0, 0), tasks.Corrupt, "height of 0"},
		{"no width", set(sof+7, 0, 0), tasks.Corrupt, "width of 0"},
		{"components that do not fit", set(sof+9, 9), tasks.Corrupt, "does not fit its components"},
		{"a scan header that does not fit", set(sos+4, 1), tasks.Corrupt, "does not fit its components"},
		{"lossless", set(sof+1, 0xc3), tasks.Unsupported, "lossless"},
		{"JPEG-LS", set(sof+1, 0xf7), tasks.Unsupported, "JPEG-LS"},
		{"12 bits", set(sof+4, 12), tasks.Unsupported, "12 bits"},
	})
}

// What looks odd and is allowed: every block is there. What libjpeg warns of is noted.
func TestOddJPEG(t *testing.T) {
	t.Parallel()
	good := encodedJPEG(noise(40, 30), 90)
	end := len(good) - 2
	sof := bytes.Index(good, []byte{0xff, 0xc0})
	with := func(at int, x ...byte) []byte { return bytes.Join([][]byte{good[:at], x, good[at:]}, nil) }
	for name, c := range map[string]struct {
		b    []byte
		note string
	}{
		"fill bytes":                  {with(2, 0xff, 0xff, 0xff), ""},
		"a fill byte":                 {with(end, 0xff), ""},
		"words for a marker":          {with(2, []byte("words")...), "5 stray bytes between its segments"},
		"a stuffed zero for a marker": {with(sof, 0xff, 0), "2 stray bytes between its segments"},
		"a segment of length 1":       {with(2, 0xff, 0xe5, 0, 1), ""},
		"a restart between segments":  {with(sof, 0xff, 0xd0), "1 restart marker where none belongs"},
		"restarts at the end":         {with(end, 0xff, 0xd3, 0xff, 0xd3), "2 restart markers where none belongs"},
		"bytes behind the data":       {with(end, 0, 0, 0), "3 stray bytes between its segments"},
		"without an end":              {good[:end], "its end marker (EOI) is missing"},
		"half an end":                 {good[:end+1], "its end marker (EOI) is missing"},
		"a comment cut off":           {append(bytes.Clone(good[:end]), 0xff, 0xfe, 0, 99), "damaged behind its picture data: JPEG ends at byte"},
		"another picture for an end":  {append(bytes.Clone(good[:end]), good...), "damaged behind its picture data: JPEG has a second start marker"},
	} {
		got, err := media.Check(c.b, tasks.Image, media.DefaultLimits())
		if notes := strings.Join(got.Notes, "|"); err != nil || got.Width != 40 || got.Height != 30 || !strings.HasPrefix(notes, c.note) || (notes == "") != (c.note == "") {
			t.Errorf("%s: %d × %d, notes %q, %v, want 40 × 30 and %q", name, got.Width, got.Height, notes, err, c.note)
		}
	}
}

func TestDamagedPNG(t *testing.T) {
	t.Parallel()
	const magic = "\x89PNG\r\n\x1a\n"
	header := func(width, height uint32, tail ...byte) []byte {
		return pngChunk("IHDR", append(words(width, height), tail...))
	}
	rgb := header(8, 8, 8, 2, 0, 0, 0)
	pixels := zipped(8 * (1 + 8*3))
	data := pngChunk("IDAT", pixels)
	end := pngChunk("IEND", nil)
	of := func(chunks ...[]byte) []byte { return append([]byte(magic), bytes.Join(chunks, nil)...) }
	flipped := of(rgb, data, end)
	flipped[len(flipped)-14] ^= 1
	refusedAs(t, tasks.Image, []damage{
		{"sent as text", edited(of(rgb, data, end), "\r\n", "\n"), tasks.Corrupt, "text mode"},
		{"cut in its signature", []byte(magic[:6]), tasks.Corrupt, "within its signature"},
		{"without an end", of(rgb), tasks.Corrupt, "cut off"},
		{"short of rows", of(rgb, pngChunk("IDAT", zipped(8*(1+8*3)-1)), end), tasks.Corrupt, "99 % of its pixels"},
		{"of damaged rows", of(rgb, pngChunk("IDAT", append(pixels[:2:2], 7)), end), tasks.Corrupt, "no deflate"},
		{"a wrong checksum where transparency hangs on it", edited(of(rgb, pngChunk("tRNS", words(0, 0)[:6]), data, end), "tRNS\x00", "tRNS\x01"), tasks.Corrupt, "tRNS"},
		{"cut in a chunk", of(rgb, data)[:8+25+11], tasks.Corrupt, "cut off"},
		{"a wrong checksum", flipped, tasks.Corrupt, "IDAT at byte 33 is damaged"},
		{"no name", of(rgb, pngChunk("ID\x00T", nil), data, end), tasks.Corrupt, "no chunk at byte 33"},
		{"without a header", of(data, end), tasks.Corrupt, "IHDR"},
		{"two headers", of(rgb, rgb, data, end), tasks.Corrupt, "twice"},
		{"a short header", of(pngChunk("IHDR", words(8, 8)), data, end), tasks.Corrupt, "must have 13"},
		{"no width", of(header(0, 8, 8, 2, 0, 0, 0), data, end), tasks.Corrupt, "0 × 8"},
		{"too wide to exist", of(header(1<<31, 8, 8, 2, 0, 0, 0), data, end), tasks.Corrupt, "2147483648 × 8"},
		{"a depth that does not exist", of(header(8, 8, 4, 2, 0, 0, 0), data, end), tasks.Corrupt, "bit depth 4, colour type 2"},
		{"a colour type that does not exist", of(header(8, 8, 8, 5, 0, 0, 0), data, end), tasks.Corrupt, "colour type 5"},
		{"another interlacing", of(header(8, 8, 8, 2, 0, 0, 2), data, end), tasks.Corrupt, "damaged header"},
		{"without data", of(rgb, end), tasks.Corrupt, "no picture data"},
		{"data in two places", of(rgb, pngChunk("IDAT", pixels[:4]), pngChunk("tEXt", nil), data, end), tasks.Corrupt, "of its pixels"},
		{"without its palette", of(header(8, 8, 8, 3, 0, 0, 0), data, end), tasks.Corrupt, "no palette"},
		{"a damaged palette", of(header(8, 8, 8, 3, 0, 0, 0), pngChunk("PLTE", []byte{1, 2}), data, end), tasks.Corrupt, "damaged palette"},
		{"data that is not compressed", of(rgb, pngChunk("IDAT", []byte("plain")), end), tasks.Corrupt, "not compressed"},
		{"an unknown critical chunk", of(rgb, pngChunk("NEWS", nil), data, end), tasks.Corrupt, "critical chunk NEWS"},
		{"Apple's", of(pngChunk("CgBI", words(1)), rgb, data, end), tasks.Unsupported, "CgBI"},
	})
	if _, err := media.Check(of(rgb, pngChunk("priv", []byte("odd")), data, end), tasks.Image, media.DefaultLimits()); err != nil {
		t.Errorf("with an unknown ancillary chunk: %v", err)
	}
}

func TestDamagedGIF(t *testing.T) {
	t.Parallel()
	const frame = 13 + 6 // behind the head and two colours
	good := []byte("GIF89a\x09\x00\x07\x00\x80\x00\x00" + "\x00\x00\x00\xff\xff\xff" +
		",\x00\x00\x00\x00\x09\x00\x07\x00\x00" + "\x02" + gifData(9*7) + ";")
	if _, err := media.Check(good, tasks.Image, media.DefaultLimits()); err != nil {
		t.Fatalf("whole: %v", err)
	}
	set := func(at int, x byte) []byte {
		b := bytes.Clone(good)
		b[at] = x
		return b
	}
	refusedAs(t, tasks.Image, []damage{
		{"cut in its head", good[:10], tasks.Corrupt, "cut off"},
		{"cut in its colours", good[:15], tasks.Corrupt, "cut off"},
		{"a pixel short", edited(good, gifData(9*7), gifData(9*7-1)), tasks.Corrupt, "62 of its 63 pixels"},
		{"cut in a frame's head", good[:frame+5], tasks.Corrupt, "cut off"},
		{"cut in its data", good[:len(good)-9], tasks.Corrupt, "cut off"},
		{"without a frame", append(bytes.Clone(good[:frame]), 0x3b), tasks.Corrupt, "no picture"},
		{"no block", set(frame, 'x'), tasks.Corrupt, "no block at byte"},
		{"no width", set(6, 0), tasks.Corrupt, "0 × 7"},
		{"a code size that does not exist", set(frame+10, 12), tasks.Corrupt, "code size"},
	})
}

// Stray bytes before a frame end what decoders show. Behind the last one they are of no harm.
func TestOddGIF(t *testing.T) {
	t.Parallel()
	const head = "GIF89a\x09\x00\x07\x00\x80\x00\x00" + "\x00\x00\x00\xff\xff\xff"
	const control = "!\xf9\x04\x00\x0a\x00\x00\x00"
	frame := ",\x00\x00\x00\x00\x09\x00\x07\x00\x00" + "\x02" + gifData(9*7)
	for name, b := range map[string]string{
		"before the first frame":    head + "words" + frame + ";",
		"before what controls it":   head + "\x00" + control + frame + ";",
		"between both":              head + control + "\x00" + frame + ";",
		"before the second":         head + frame + "words" + frame + ";",
		"before what controls that": head + frame + "\x00" + control + frame + ";",
		"that begin as a frame":     head + frame + "a, b" + frame + ";",
	} {
		if _, err := media.Check([]byte(b), tasks.Image, media.DefaultLimits()); tasks.CodeOf(err) != tasks.Corrupt || !strings.Contains(err.Error(), "no block at byte") {
			t.Errorf("stray bytes %s: %v", name, err)
		}
	}
	for name, c := range map[string]struct{ b, notes string }{
		"behind the last frame":       {head + frame + "a, b", "its trailer is missing|4 bytes after the end"},
		"behind the last, and an end": {head + frame + "words;", "its trailer is missing|6 bytes after the end"},
		"behind both":                 {head + frame + frame + "words", "animated: 2 frames|its trailer is missing|5 bytes after the end"},
	} {
		got, err := media.Check([]byte(c.b), tasks.Image, media.DefaultLimits())
		if notes := strings.Join(got.Notes, "|"); err != nil || notes != c.notes {
			t.Errorf("%s: notes %q, %v, want %q", name, notes, err, c.notes)
		}
		if strings.HasPrefix(c.notes, "animated") {
			continue
		}
		if out, _ := fixed(t, []byte(c.b), tasks.Thumb, media.DefaultLimits()); len(out) == 0 {
			t.Errorf("%s: it makes no thumb", name)
		}
	}
	cut := head + frame + "words" + control + frame[:len(frame)-4]
	if _, err := media.Check([]byte(cut), tasks.Image, media.DefaultLimits()); tasks.CodeOf(err) != tasks.Corrupt {
		t.Errorf("cut behind stray bytes: %v, want %s", err, tasks.Corrupt)
	}
}
