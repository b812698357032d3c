package media

import (
	"fmt"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Remedies are commands to run, with INPUT and OUTPUT in place of the file's names. ffmpeg and ImageMagick are what
// people have; Debian's ffmpeg cannot encode AMR, so what has to be encoded anew becomes MP3.

const (
	toJPEG  = "--fix, or: convert INPUT -auto-orient OUTPUT.jpg"
	toPNG   = "convert INPUT OUTPUT.png"
	toMP3   = "ffmpeg -i INPUT -vn -ac 1 -b:a 64k OUTPUT.mp3"
	toMP4   = "ffmpeg -i INPUT -c:v libx264 -pix_fmt yuv420p -c:a aac -movflags +faststart OUTPUT.mp4"
	remux   = "ffmpeg -i INPUT -c copy -movflags +faststart OUTPUT.mp4"
	toThumb = "--fix, or: convert INPUT[0] -auto-orient -thumbnail '480x480>' -define jpeg:extent=60KB OUTPUT.jpg"
)

// convertRemedy says how a file of kind k becomes one that is taken as t.
func convertRemedy(k kind, t tasks.MediaType) string {
	switch {
	case t == tasks.Thumb && k.family == tasks.Image:
		return toThumb
	case t == tasks.Thumb && k.family == tasks.Video:
		return "ffmpeg -i INPUT -frames:v 1 -vf scale=480:-2 -q:v 5 OUTPUT.jpg"
	case k.family == "":
		return "leave it out, or turn it into a file of the right kind"
	case t == tasks.Image && k.format == "svg":
		return toPNG
	case t == tasks.Image && k.family == tasks.Image:
		return "convert INPUT -auto-orient OUTPUT.jpg"
	case t == tasks.Voice && (k.family == tasks.Voice || k.family == tasks.Video):
		return toMP3
	case t == tasks.Video && k.walker == walkerMP4 && k.family == tasks.Video:
		return remux
	case t == tasks.Video && k.family == tasks.Video:
		return toMP4
	}
	return "submit it as " + string(k.family)
}

// cutRemedy shortens a voice without encoding it anew.
func cutRemedy(l Limits, c tasks.Content) string {
	return fmt.Sprintf("ffmpeg -t %s -i INPUT -c copy OUTPUT%s", strconv.FormatFloat(l.VoiceDuration.Seconds(), 'f', -1, 64), c.Ext)
}

// shrinkRemedy brings content under its limit of bytes.
func shrinkRemedy(l Limits, c tasks.Content) string {
	switch {
	case c.Type == tasks.Thumb:
		return toThumb
	case c.Format == "gif":
		return "convert INPUT -coalesce -resize 50% -layers optimize OUTPUT.gif"
	case c.Type == tasks.Image:
		return fmt.Sprintf("--fix, or: convert INPUT -auto-orient -define jpeg:extent=%dKB OUTPUT.jpg", l.ImageBytes/1024*95/100)
	case c.Type == tasks.Voice:
		return fmt.Sprintf("ffmpeg -i INPUT -vn -ac 1 -b:a %dk OUTPUT.mp3", mp3Rate(float64(l.VoiceBytes*8)/1000/max(1, c.Duration.Seconds())))
	case c.Duration > 0:
		// 64 kbit/s are for the sound, and a twentieth for the container and the encoder's misses.
		rate := float64(l.VideoBytes*8)/1000/c.Duration.Seconds()*0.95 - 64
		return fmt.Sprintf("ffmpeg -i INPUT -c:v libx264 -pix_fmt yuv420p -b:v %dk -maxrate %[1]dk -bufsize %[1]dk -c:a aac -b:a 64k -movflags +faststart OUTPUT.mp4", max(32, int(rate)))
	}
	return toMP4
}

// mp3Rate is the highest bit rate of MP3, in kbit/s, that is at most limit.
func mp3Rate(limit float64) int {
	best := 32
	for _, rate := range []int{48, 64, 96, 128} {
		if float64(rate) <= limit*0.95 {
			best = rate
		}
	}
	return best
}

func pixelRemedy(l Limits, c tasks.Content) string {
	return fmt.Sprintf("convert INPUT -auto-orient -resize '%d@>' OUTPUT%s", l.Pixels, c.Ext)
}

// seconds prints d as people say it: "60 s", "63.4 s".
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64) + " s"
}

// size prints n bytes in the unit of the limits: "9.8 MiB", "64 KiB".
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fixed1(float64(n)/(1<<20)) + " MiB"
	case n >= 1<<10:
		return fixed1(float64(n)/(1<<10)) + " KiB"
	}
	return count(int(n), "byte")
}

func megapixels(n int64) string { return fixed1(float64(n)/1e6) + " megapixels" }

// fixed1 prints f with one digit after the point, and without it where that is 0.
func fixed1(f float64) string {
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'f', 1, 64), 64)
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// count prints n with its noun: "1 byte", "12 bytes".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
