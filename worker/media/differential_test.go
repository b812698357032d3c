//go:build differential

package media_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/mediaferry/mediaferry/worker/media"
)

var (
	update = flag.Bool("update", false, "write what the tools say to testdata/variants.tsv")
	only   = flag.String("only", "", "look at variants alone whose name has this `PART`")
)

// TestDifferential asks the decoders of each format what is left of every variant: pixels, frames or samples that equal
// those of the sample it was made from. Their warnings do not count. The verdicts have to agree.
func TestDifferential(t *testing.T) {
	for _, tool := range []string{"djpeg", "pngtopnm", "ffmpeg"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing: .ci/servers installs it", tool)
			}
			t.Skipf("%s is missing: apt-get install ffmpeg netpbm libjpeg-turbo-progs", tool)
		}
	}
	all := slices.DeleteFunc(variants(t), func(v variant) bool { return !strings.Contains(v.name, *only) })
	says := judged(t, all)
	var table strings.Builder
	table.WriteString("#variant\tits decoder\n")
	for i, v := range all {
		_, err := media.Check(v.b, v.base.typ, roomy())
		if reason, ok := otherwise(v.name); ok && (err == nil) != (says[i] == "whole") {
			t.Logf("%s: %v, its decoder: %s (%s)", v.name, err, says[i], reason)
			says[i] = "other"
		} else if (err == nil) != (says[i] == "whole") {
			t.Errorf("%s: %v, its decoder: %s", v.name, err, says[i])
		}
		fmt.Fprintf(&table, "%s\t%s\n", v.name, says[i])
	}
	if *update && *only == "" {
		if err := os.WriteFile(filepath.Join("testdata", "variants.tsv"), []byte(table.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// judged is what the decoders say of each variant: "whole" or "loses". Variants of the same bytes are decoded once.
func judged(t *testing.T, all []variant) []string {
	t.Helper()
	dir := t.TempDir()
	bases, verdicts := map[string]func() [][]byte{}, map[string]func() string{}
	asks := make([]func() string, len(all))
	for i, v := range all {
		base := bases[v.base.name]
		if base == nil {
			base = sync.OnceValue(func() [][]byte { return decodedBy(t.Context(), filepath.Join("testdata", "samples", v.base.name)) })
			bases[v.base.name] = base
		}
		key := v.base.name + string(v.b)
		if verdicts[key] == nil {
			verdicts[key] = sync.OnceValue(func() string {
				path := filepath.Join(dir, fmt.Sprint(i)+filepath.Ext(v.base.name))
				if err := os.WriteFile(path, v.b, 0o600); err != nil {
					return err.Error()
				}
				defer os.Remove(path)
				if keeps(v.base.name, base(), decodedBy(t.Context(), path)) {
					return "whole"
				}
				return "loses"
			})
		}
		asks[i] = verdicts[key]
	}
	says := make([]string, len(all))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i, ask := range asks {
		workers.Go(func() error {
			says[i] = ask()
			return nil
		})
	}
	_ = workers.Wait() // none fails
	return says
}

// others are what is judged otherwise than by a decoder, by a part of the variant's name, and why.
var others = []struct{ part, reason string }{
	{"a hole at", "damaged data that can still be read: without a checksum no one but the pixels can tell"},
	{"stray bytes at", "the same"},
	{"a piece missing at", "the same"},
	{"a frame missing", "nothing counts the frames"},
	{"bare.mp3/cut to", "nothing counts the frames, and what is missing of the last one is filling"},
	{"jpg/less 3 bytes", "libjpeg makes up the bits that are missing, and guesses right"},
	{"mp3/less 100 bytes", "the frame that is cut is silent: its decoder makes it up"},
	{"mp3/zeros and a cover before it", "a header of the stream is read later, or its delay is not left out"},
	{"IDAT without its sum", "the checksums of its chunks are right: no transfer does that"},
	{"IDAT with a wrong sum", "the same"},
	{"without tRNS", "another picture, and a sound one"},
	{"an end at block", "another animation, and a sound one"},
	{"without what begins at block", "no trailer, or frames that are missing: nothing counts them"},
	{"cut in an extension at block", "the same"},
	{"gif/less 3 bytes", "every pixel is coded: ffmpeg and giflib leave out a frame whose data is not ended, browsers show it"},
	{"gif/less 4 bytes", "the same"},
	{"gif/without the end of its data", "the same"},
	{"without trak", "another film, and a sound one"},
	{"the index in reverse", "boxes come in any order; ffmpeg leaves out a cut of the sound then"},
	{"before mdat", "every offset is wrong, and leads to bytes that are there"},
	{"long mdat", "the same"},
	{"less 100 bytes", "the index is cut, in what ffmpeg does not need"},
	{"no ftyp", "a file without a name is none"},
	{"no mdat", "ffmpeg does without the name of the box"},
	{"amr/stray bytes behind it", "frames that do not exist, which ffmpeg passes"},
	{"amr/twice", "the same"},
	{"a type that does not exist", "the same"},
}

// otherwise is why a variant is judged otherwise than by its decoder.
func otherwise(name string) (reason string, ok bool) {
	for _, o := range others {
		if strings.Contains(name, o.part) {
			return o.reason, true
		}
	}
	return "", false
}

// keeps reports whether got has all that the base has. Sound may begin before it and go on behind it: filling plays as
// silence, and the encoder's delay is left out only where its header comes first. ffmpeg goes on with a second GIF.
func keeps(name string, base, got [][]byte) bool {
	for i := range base {
		switch filepath.Ext(name) {
		case ".mp3", ".amr":
			if !bytes.Contains(got[i], base[i]) {
				return false
			}
		case ".gif":
			if len(base[i]) == 0 || !bytes.HasPrefix(got[i], base[i]) {
				return false
			}
		default:
			if !bytes.Equal(base[i], got[i]) {
				return false
			}
		}
	}
	return true
}

// decodedBy is what the decoder of a format makes of a file, one part for each kind of what is in it.
func decodedBy(ctx context.Context, path string) [][]byte {
	run := func(name string, args ...string) []byte {
		out, _ := exec.CommandContext(ctx, name, args...).Output() // what it decoded counts, not what it thinks of it
		return out
	}
	ff := func(args ...string) []byte {
		return run("ffmpeg", slices.Concat([]string{"-nostdin", "-v", "quiet", "-threads", "1", "-i", path}, args)...)
	}
	switch filepath.Ext(path) {
	case ".jpg":
		return [][]byte{run("djpeg", path)}
	case ".png":
		if out := run("pngtopnm", path); len(out) > 0 {
			return [][]byte{out, run("pngtopnm", "-alpha", path)}
		}
		return [][]byte{nil, nil}
	case ".gif":
		return [][]byte{ff("-fps_mode", "passthrough", "-pix_fmt", "rgba", "-f", "rawvideo", "-")}
	case ".mp4": // both at once: most of the time of ffmpeg is its start
		sound := path + ".s16"
		defer os.Remove(sound)
		film := ff("-map", "0:v?", "-f", "framemd5", "-", "-map", "0:a?", "-f", "s16le", sound)
		heard, _ := os.ReadFile(sound)
		return [][]byte{film, heard}
	}
	return [][]byte{ff("-f", "s16le", "-")}
}
