package media

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Remedies are commands to run, with INPUT and OUTPUT in place of the file's names. ffmpeg and ImageMagick are what
// people have; Debian's ffmpeg cannot encode AMR, so what has to be encoded anew becomes MP3. "--fix" is what the
// commands upload and check call Fix by, and is named only where Fix helps.

const (
	toJPEG   = "convert INPUT -delete 1--1 -auto-orient OUTPUT.jpg"
	toPNG    = "convert INPUT OUTPUT.png"
	toMP3    = "ffmpeg -i INPUT -vn -ac 1 -b:a 64k OUTPUT.mp3"
	toMP4    = "ffmpeg -i INPUT -c:v libx264 -pix_fmt yuv420p -c:a aac -movflags +faststart OUTPUT.mp4"
	remux    = "ffmpeg -i INPUT -c copy -movflags +faststart OUTPUT.mp4"
	toThumb  = "convert INPUT -delete 1--1 -auto-orient -thumbnail '480x480>' -define jpeg:extent=60KB OUTPUT.jpg"
	toFrame  = "ffmpeg -i INPUT -frames:v 1 -vf scale=480:-2 -q:v 5 OUTPUT.jpg"
	fromRaw  = "lame --mp3input -b 64 INPUT OUTPUT.mp3"                                                                // free format, which ffmpeg does not read
	fromSILK = "silk_v3_decoder INPUT OUTPUT.pcm && ffmpeg -f s16le -ar 24000 -ac 1 -i OUTPUT.pcm -b:a 64k OUTPUT.mp3" // kn007/silk-v3-decoder has it
	toAMR    = "ffmpeg -i INPUT -vn -c copy OUTPUT.amr"
	copyMP3  = "ffmpeg -i INPUT -vn -c copy OUTPUT.mp3"
	fromHEIF = "heif-convert INPUT OUTPUT.jpg"
)

// advice is the remedy of p in English.
func advice(p tasks.Params) string {
	words := map[tasks.Remedy]string{
		tasks.RemedyLeaveOut: "leave it out, or turn it into a file of the right kind",
		tasks.RemedyGiveType: "give the type with --type, or leave this file out",
		tasks.RemedyExport:   "export it anew, as MP3",
		tasks.RemedySILK:     "decode it with silk-v3-decoder: ",
		tasks.RemedyFrame:    "take one frame: ",
		tasks.RemedyRest:     "export it again, or keep what is left: ",
	}[p.Remedy] + p.Command
	if p.Fix {
		words = "--fix, or: " + words
	}
	switch {
	case p.SubmitAs == "":
		return words
	case words == "":
		return "submit it as " + string(p.SubmitAs)
	}
	return "submit it as " + string(p.SubmitAs) + ", after: " + words
}

// run is the remedy of one command.
func run(command string) tasks.Params { return tasks.Params{Command: command} }

// fixOr is the remedy that Fix is, or a command.
func fixOr(command string) tasks.Params { return tasks.Params{Fix: true, Command: command} }

// keepSound is the remedy of a sound that is damaged or cut off.
func keepSound() tasks.Params { return tasks.Params{Remedy: tasks.RemedyRest, Command: toMP3} }

// takeFrame is the remedy of an animation where one picture is wanted.
func takeFrame(command string) tasks.Params {
	return tasks.Params{Remedy: tasks.RemedyFrame, Command: command}
}

// convertRemedy says how a file of kind k becomes one that is taken as t.
func convertRemedy(k kind, t tasks.MediaType) tasks.Params {
	switch {
	case k.family == "":
		return tasks.Params{Remedy: tasks.RemedyLeaveOut}
	case t == tasks.Thumb && (k == kindJPEG || k == kindPNG || k == kindGIF):
		return fixOr(toThumb)
	case t == tasks.Thumb && convertible(k):
		return fixOr(toThumb)
	case t == tasks.Image && convertible(k):
		return fixOr(toJPEG)
	case t == tasks.Thumb && k.family == tasks.Image:
		return run(toThumb)
	case t == tasks.Thumb && k.family == tasks.Video:
		return run(toFrame)
	case t == tasks.Image && k.format == "svg":
		return run(toPNG)
	case t == tasks.Image && (k == kindHEIC || k == kindAVIF):
		return run(fromHEIF)
	case t == tasks.Image && k.family == tasks.Image:
		return run(toJPEG)
	case t == tasks.Voice && (k == kindAMRMC || k.mime == "audio/midi"):
		return tasks.Params{Remedy: tasks.RemedyExport}
	case t == tasks.Voice && k == kindSILK:
		return tasks.Params{Remedy: tasks.RemedySILK, Command: fromSILK}
	case t == tasks.Voice && k.sound == "samr":
		return run(toAMR)
	case t == tasks.Voice && k.sound == ".mp3":
		return run(copyMP3)
	case t == tasks.Voice && k.family != tasks.Image:
		return run(toMP3)
	case t == tasks.Video && k.family == tasks.Video && k.walker == walkerMP4:
		return run(remux)
	case t == tasks.Video && k.family == tasks.Video:
		return run(toMP4)
	case DefaultLimits().takes(k, k.family):
		return tasks.Params{SubmitAs: k.family}
	}
	first := convertRemedy(k, k.family)
	first.SubmitAs = k.family
	return first
}

// cutRemedy shortens a voice without encoding it anew.
func cutRemedy(l Limits, c tasks.Content) tasks.Params {
	return run(fmt.Sprintf("ffmpeg -t %s -i INPUT -c copy OUTPUT%s", strconv.FormatFloat(l.VoiceDuration.Seconds(), 'f', -1, 64), c.Ext))
}

// shrinkRemedy brings content under its limit of bytes.
func shrinkRemedy(l Limits, c tasks.Content) tasks.Params {
	fix := fixOr
	if int64(c.Width)*int64(c.Height) > l.fixPixels() {
		fix = run
	}
	switch {
	case c.Type == tasks.Thumb:
		return fix(toThumb)
	case c.Format == "png" && animation(c) != "":
		return run(fmt.Sprintf("ffmpeg -i INPUT -vf scale=iw*%.2f:-1 -plays 0 -f apng OUTPUT.png", shrink(l.ImageBytes, c.Size)))
	case c.Format == "gif" && animation(c) != "":
		return run(fmt.Sprintf("convert INPUT -coalesce -resize %.0f%% -layers optimize OUTPUT.gif", 100*shrink(l.ImageBytes, c.Size)))
	case c.Type == tasks.Image:
		return fix(fmt.Sprintf("convert INPUT -auto-orient -define jpeg:extent=%dKB OUTPUT.jpg", l.ImageBytes/1024*95/100))
	case c.Type == tasks.Voice:
		return run(fmt.Sprintf("ffmpeg -i INPUT -vn -ac 1 -b:a %dk OUTPUT.mp3", mp3Rate(float64(l.VoiceBytes*8)/1000/max(1, c.Duration.Seconds()))))
	case c.Duration > 0:
		// 64 kbit/s are for the sound, and a twentieth for the container and the encoder's misses.
		rate := float64(l.VideoBytes*8)/1000/c.Duration.Seconds()*0.95 - 64
		return run(fmt.Sprintf("ffmpeg -i INPUT -c:v libx264 -pix_fmt yuv420p -b:v %dk -maxrate %[1]dk -bufsize %[1]dk -c:a aac -b:a 64k -movflags +faststart OUTPUT.mp4", max(32, int(rate))))
	}
	return run(toMP4)
}

// shrink is by how much the sides of a picture have to shrink so that its bytes do: they follow its area, and a tenth
// is for what does not.
func shrink(limit, size int64) float64 {
	return max(0.01, 0.9*math.Sqrt(float64(limit)/float64(size)))
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

// pixelRemedy scales a picture to the limit of pixels. ffmpeg takes any size; ImageMagick's policy on Debian does not.
func pixelRemedy(l Limits, c tasks.Content) tasks.Params {
	width := float64(c.Width) * math.Sqrt(0.98*float64(l.Pixels)/(float64(c.Width)*float64(c.Height)))
	return run(fmt.Sprintf("ffmpeg -i INPUT -vf scale=%d:-1 OUTPUT%s", max(1, int(width)), c.Ext))
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

// megapixels prints n pixels: "150 megapixels", "6144".
func megapixels(n int64) string {
	if n < 1e6 {
		return strconv.FormatInt(n, 10)
	}
	return fixed1(float64(n)/1e6) + " megapixels"
}

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
