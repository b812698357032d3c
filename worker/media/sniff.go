package media

import (
	"bytes"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/mediaferry/mediaferry/tasks"
)

// kind is what a file is by its first bytes.
type kind struct {
	format string          // Content.Format
	name   string          // for people
	ext    string          // with its dot
	mime   string          // media type
	family tasks.MediaType // as what it could be meant; "" for what is neither picture, sound nor film
	walker walker
	sound  string // the codec in a container that has sound only
}

// walker says who walks a kind.
type walker int8

const (
	walkerNone walker = iota
	walkerJPEG
	walkerPNG
	walkerGIF
	walkerMP3
	walkerAMR
	walkerMP4
)

// The kinds that WeChat takes, and their near relatives that it has to be told apart from.
var (
	kindJPEG  = kind{"jpeg", "JPEG", ".jpg", "image/jpeg", tasks.Image, walkerJPEG, ""}
	kindPNG   = kind{"png", "PNG", ".png", "image/png", tasks.Image, walkerPNG, ""}
	kindGIF   = kind{"gif", "GIF", ".gif", "image/gif", tasks.Image, walkerGIF, ""}
	kindMP3   = kind{"mp3", "MP3", ".mp3", "audio/mpeg", tasks.Voice, walkerMP3, ""}
	kindMP2   = kind{"mp2", "MPEG audio layer II (MP2)", ".mp2", "audio/mpeg", tasks.Voice, walkerNone, ""}
	kindMP1   = kind{"mp1", "MPEG audio layer I (MP1)", ".mp1", "audio/mpeg", tasks.Voice, walkerNone, ""}
	kindAAC   = kind{"aac", "AAC (ADTS)", ".aac", "audio/aac", tasks.Voice, walkerNone, ""}
	kindFLAC  = kind{"flac", "FLAC", ".flac", "audio/flac", tasks.Voice, walkerNone, ""}
	kindAMR   = kind{"amr", "AMR", ".amr", "audio/amr", tasks.Voice, walkerAMR, ""}
	kindAMRWB = kind{"amr-wb", "AMR-WB", ".awb", "audio/amr-wb", tasks.Voice, walkerAMR, ""}
	kindAMRMC = kind{"amr-mc", "multichannel AMR", ".amr", "audio/amr", tasks.Voice, walkerNone, ""}
	kindMP4   = kind{"mp4", "MP4", ".mp4", "video/mp4", tasks.Video, walkerMP4, ""}
	kindMOV   = kind{"mov", "QuickTime (MOV)", ".mov", "video/quicktime", tasks.Video, walkerMP4, ""}
	kind3GP   = kind{"3gp", "3GP", ".3gp", "video/3gpp", tasks.Video, walkerMP4, ""}
	kind3G2   = kind{"3g2", "3G2", ".3g2", "video/3gpp2", tasks.Video, walkerMP4, ""}
	kindM4V   = kind{"m4v", "M4V", ".m4v", "video/x-m4v", tasks.Video, walkerMP4, ""}
	kindM4A   = kind{"m4a", "M4A (MP4 with sound only)", ".m4a", "audio/mp4", tasks.Voice, walkerNone, ""}
	kindHEIC  = kind{"heic", "HEIC", ".heic", "image/heic", tasks.Image, walkerNone, ""}
	kindAVIF  = kind{"avif", "AVIF", ".avif", "image/avif", tasks.Image, walkerNone, ""}
	kindTS    = kind{"ts", "MPEG-TS", ".ts", "video/mp2t", tasks.Video, walkerNone, ""}
	kindSILK  = kind{"silk", "SILK, the voice format of WeChat and QQ themselves", ".silk", "audio/silk", tasks.Voice, walkerNone, ""}
	kindSpeex = kind{"speex", "Speex", ".spx", "audio/speex", tasks.Voice, walkerNone, ""}
	kindCR3   = kind{"cr3", "Canon raw (CR3)", ".cr3", "image/x-canon-cr3", tasks.Image, walkerNone, ""}
)

// sentAs returns the extension and the content type under which an accepted file goes out: WeChat looks at the
// extension, and a kind that is taken only by a setting goes under that of the kind it stands in for.
func (k kind) sentAs() (ext, contentType string) {
	switch k.format {
	case "amr-wb":
		return kindAMR.ext, kindAMR.mime
	case "mov":
		return kindMP4.ext, kindMP4.mime
	}
	return k.ext, k.mime
}

// sniff names the kind of b, which is not empty. It reads at most the tags at its start and 64 KiB after them.
func sniff(b []byte) kind {
	if k, ok := sniffMagic(b); ok {
		return k
	}
	if k, ok := sniffMPEG(b); ok {
		return k
	}
	k := sniffOther(b)
	if k.format == "text" || k.format == "binary" {
		if laterMP3(b) {
			return kindMP3
		}
	}
	return k
}

func sniffMagic(b []byte) (kind, bool) {
	for _, m := range []struct {
		prefix string
		kind   kind
	}{
		{"\xff\xd8\xff", kindJPEG},
		{"\x89PNG", kindPNG}, // the other half tells a text-mode transfer: the walker looks at it
		{"GIF87a", kindGIF},
		{"GIF89a", kindGIF},
		{amrMagic, kindAMR},
		{amrWBMagic, kindAMRWB},
		{"#!SILK_V3", kindSILK},
		{"\x02#!SILK_V3", kindSILK}, // as QQ and WeChat write it
		{"#!AMR_MC", kindAMRMC},
		{"#!AMR-WB_MC", kindAMRMC},
	} {
		if len(b) >= len(m.prefix) && string(b[:len(m.prefix)]) == m.prefix {
			return m.kind, true
		}
	}
	if laterJPEG(b) {
		return kindJPEG, true
	}
	if bytes.HasPrefix(b, []byte("OggS")) && bytes.Contains(b[:min(len(b), 64)], []byte("Speex   ")) {
		return kindSpeex, true
	}
	if transportStream(b) {
		return kindTS, true
	}
	return sniffISO(b)
}

// transportStream reports whether b begins with three packets of MPEG-TS, of 188 bytes each.
func transportStream(b []byte) bool {
	const packet, sync = 188, 0x47
	return len(b) > 2*packet && b[0] == sync && b[packet] == sync && b[2*packet] == sync
}

// sniffMPEG looks for MPEG audio at the start, behind ID3 tags if there are any.
func sniffMPEG(b []byte) (kind, bool) {
	start := min(len(b), leadingTags(b))
	rest := b[start:]
	if bytes.HasPrefix(rest, []byte("fLaC")) {
		return kindFLAC, true
	}
	if start > 0 && len(rest) >= 2 && rest[0] == 0xff && rest[1]&0xf6 == 0xf0 {
		return kindAAC, true
	}
	h, ok := parseFrame(rest)
	switch {
	case !ok || !chained(b, start, 2):
		return kindMP3, start > 0 // the walker searches behind a tag
	case h.layer == 3:
		return kindMP3, true
	case h.layer == 2:
		return kindMP2, true
	}
	return kindMP1, chained(b, start, 3) // UTF-16 text begins like one header
}

// otherNames are the names people know for what the library calls by a media type.
var otherNames = map[string]string{
	"image/webp": "WebP", "image/bmp": "BMP", "image/tiff": "TIFF", "image/svg+xml": "SVG", "image/jxl": "JPEG XL",
	"image/jp2": "JPEG 2000", "image/x-icon": "ICO", "image/vnd.adobe.photoshop": "Photoshop (PSD)",
	"audio/wav": "WAV", "audio/flac": "FLAC", "audio/ogg": "OGG", "application/ogg": "OGG", "audio/aac": "AAC (ADTS)",
	"audio/aiff": "AIFF", "audio/midi": "MIDI", "audio/ape": "Monkey's Audio (APE)", "audio/mpeg": "MP3",
	"video/matroska": "Matroska (MKV)", "video/webm": "WebM", "video/x-msvideo": "AVI", "video/x-flv": "FLV",
	"video/mpeg": "MPEG video", "video/x-ms-asf": "ASF (WMV, WMA)", "video/ogg": "OGG video", "video/mp2t": "MPEG-TS",
	"application/pdf": "PDF", "application/zip": "ZIP", "application/gzip": "gzip", "application/json": "JSON", "text/html": "HTML", "text/xml": "XML",
	"text/plain": "text", "application/octet-stream": "a file of unknown kind",
}

// sniffOther names what is neither accepted nor a near relative of it.
func sniffOther(b []byte) kind {
	m := mimetype.Detect(b)
	mime, _, _ := strings.Cut(m.String(), ";")
	switch mime {
	case kindMP3.mime:
		return kindMP3
	case kindAMR.mime:
		return kindAMR
	}
	k := kind{format: strings.TrimPrefix(m.Extension(), "."), name: otherNames[mime], ext: m.Extension(), mime: mime}
	if k.name == "" {
		k.name = mime
	}
	top, _, _ := strings.Cut(mime, "/")
	switch {
	case top == "image":
		k.family = tasks.Image
	case top == "audio" || mime == "application/ogg":
		k.family = tasks.Voice
	case top == "video":
		k.family = tasks.Video
	case mime == "text/plain":
		k.format = "text"
	case mime == "application/octet-stream":
		k.format = "binary"
	}
	return k
}

// leadingTags is how many bytes the tags at the start of b say they have, also beyond b, where that is the start of a
// file.
func leadingTags(b []byte) int {
	off := skipTags(b, 0)
	return off + tagSize(b[off:])
}

// laterMP3 reports whether b is an MP3 behind garbage: a frame comes, or a tag that only MP3s have.
func laterMP3(b []byte) bool {
	if _, _, ok := firstFrame(b, 0); ok {
		return true
	}
	for at := 0; ; at++ {
		i := bytes.Index(b[at:min(len(b), junkLimit)], []byte("ID3"))
		if i < 0 {
			return false
		}
		at += i
		if n := tagSize(b[at:]); n > 10 && b[at+3] >= 2 && b[at+3] <= 4 && b[at+4] == 0 && b[at+5]&0x0f == 0 {
			return true
		}
	}
}

// laterJPEG reports whether b begins like a JPEG, with stray bytes before the first segment.
func laterJPEG(b []byte) bool {
	if !bytes.HasPrefix(b, []byte("\xff\xd8")) {
		return false
	}
	i := bytes.IndexByte(b[2:min(len(b), 4<<10)], 0xff)
	if i < 0 || len(b) < 2+i+4 {
		return false
	}
	marker := b[2+i+1]
	return marker == jpegDQT || marker == jpegDHT || marker == jpegCOM || marker == jpegDRI || marker == jpegSOF0 || marker == jpegSOF2 ||
		marker >= jpegAPP0 && marker <= jpegAPPF
}
