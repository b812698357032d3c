// Package media says whether a file is what WeChat accepts as a temporary asset, from its bytes alone: a name or a
// declared type counts for nothing.
//
// A file is accepted if the decoders of its format (libjpeg, libpng, giflib, ffmpeg) show it without losing a pixel, a frame
// or a sample, with a note on what was odd; what loses any is refused. For that every accepted format is walked from its
// first byte to its end, without making pixels or samples: JPEG blocks are counted by their codes, PNG rows by what they
// unpack to, GIF pixels by theirs, MP3 and AMR frame by frame, MP4 box by box. A walk costs time linear in the file, and
// memory that does not grow with it; a progressive JPEG alone costs up to half a byte a pixel. All functions are safe for concurrent use and keep nothing of the bytes they were given.
package media

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// Check judges b as an upload of type t. A refusal is a *tasks.Error: Empty, Unsupported (another kind of file),
// Corrupt (truncated or damaged), TooLarge (bytes or pixels) or TooLong (a voice); its text has the measured value
// and the limit, and its Hint is the remedy. The first that applies, in that order, is reported.
//
// The Content is what was found as far as the walk came, also beside an error, so that a report can show it.
func Check(b []byte, t tasks.MediaType, l Limits) (tasks.Content, error) {
	c, k, err := examine(b)
	c.Type = t
	if err == nil || tasks.CodeOf(err) == tasks.Corrupt {
		if wrong := l.kindRefused(k, t); wrong != nil {
			err = wrong
		}
	}
	if err == nil {
		c.Ext, c.ContentType = k.sentAs()
		err = l.refuse(c)
	}
	return c, named(err, "check "+string(t))
}

// Guess returns the media type as which b could be meant: Image, Voice or Video, never Thumb. It says nothing about
// whether WeChat takes it: a WebP is an Image that Check refuses by its name. It returns Empty, or Unsupported for
// what is neither picture, sound nor film.
func Guess(b []byte) (tasks.MediaType, error) {
	if len(b) == 0 {
		return "", named(errEmpty(), "guess type")
	}
	k := sniff(b)
	if k.walker == walkerMP4 {
		k, _ = walkMP4(b, k, new(tasks.Content)) // which may have sound only
	}
	if k.family == "" {
		p := tasks.Params{Rule: tasks.RuleMedia, Format: k.name, Remedy: tasks.RemedyGiveType}
		return "", named(refusal(tasks.Unsupported, p, "this is %s: neither picture, sound nor film", k.name), "guess type")
	}
	return k.family, nil
}

// examine names the kind of b and walks it where a walker exists.
func examine(b []byte) (tasks.Content, kind, error) {
	if len(b) == 0 {
		return tasks.Content{}, kind{}, errEmpty()
	}
	k := sniff(b)
	c := tasks.Content{Type: k.family, Format: k.format, Ext: k.ext, ContentType: k.mime, Size: int64(len(b))}
	var err error
	switch k.walker {
	case walkerJPEG:
		err = walkJPEG(b, &c)
	case walkerPNG:
		err = walkPNG(b, &c)
	case walkerGIF:
		err = walkGIF(b, &c)
	case walkerMP3:
		err = walkMP3(b, &c)
	case walkerAMR:
		err = walkAMR(b, &c)
	case walkerMP4:
		k, err = walkMP4(b, k, &c)
	}
	return c, k, err
}

func errEmpty() error { return refusal(tasks.Empty, tasks.Params{}, "the file has 0 bytes") }

// refusal makes the error of a walker or a limit. Without a remedy in p, the code's own hint serves. What p has no rule for
// is damage: its place is the detail.
func refusal(code tasks.Code, p tasks.Params, format string, args ...any) error {
	err := tasks.Textf(format, args...)
	switch {
	case code == tasks.Corrupt && errors.Is(err, tasks.ErrCutOff):
		p.Rule, p.Detail = tasks.RuleWhole, err.Error()
	case code == tasks.Corrupt:
		p.Rule, p.Detail = tasks.RuleSound, err.Error()
	case p.Rule == tasks.RuleShown:
		p.Detail = err.Error()
	}
	return &tasks.Error{Code: code, Err: err, Hint: advice(p), Params: p}
}

// broken is p with the rule that a file of this format breaks.
func broken(rule tasks.Rule, format string, p tasks.Params) tasks.Params {
	p.Rule, p.Format = rule, format
	return p
}

// over is p with a rule whose limit is broken.
func over(rule tasks.Rule, measured, limit float64, p tasks.Params) tasks.Params {
	p.Rule, p.Measured, p.Limit = rule, measured, limit
	return p
}

// corrupt is the refusal of a file that is damaged or cut off.
func corrupt(format string, args ...any) error {
	return refusal(tasks.Corrupt, tasks.Params{}, format, args...)
}

// cutOff is the refusal of a file that ends too early.
func cutOff(format string, args ...any) error {
	return corrupt("%w: %w", tasks.Textf(format, args...), tasks.ErrCutOff)
}

// named tells err, which was made here and is shared with nobody, the step in which it arose.
func named(err error, op string) error {
	var e *tasks.Error
	if errors.As(err, &e) {
		e.Op = op
	}
	return err
}

func note(c *tasks.Content, format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// noteTail notes n bytes after the end of the file proper.
func noteTail(c *tasks.Content, n int) {
	if n > 0 {
		note(c, "%s after the end", count(n, "byte"))
	}
}

// animation returns the note that says that c is more than one picture, or "".
func animation(c tasks.Content) string {
	for _, n := range c.Notes {
		if strings.HasPrefix(n, "animated") || strings.HasPrefix(n, "several pages") {
			return n
		}
	}
	return ""
}
