package media_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// sample is one row of testdata/truth.tsv: what we must say, and what ffprobe and identify say.
type sample struct {
	name     string
	typ      tasks.MediaType
	verdict  string
	sum      string
	format   string // ffprobe's
	codec    string
	width    int
	height   int
	rate     int
	packets  int
	seconds  float64
	identify string
}

func (s sample) read(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "samples", s.name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// frame is how long one packet of the sample's sound is.
func (s sample) frame() time.Duration {
	switch {
	case s.codec == "amr_nb" || s.codec == "amr_wb":
		return 20 * time.Millisecond
	case s.rate >= 32000:
		return 1152 * time.Second / time.Duration(s.rate)
	}
	return 576 * time.Second / time.Duration(s.rate)
}

// rows reads a table of testdata, without its head.
func rows(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all [][]string
	for in := bufio.NewScanner(f); in.Scan(); {
		if !strings.HasPrefix(in.Text(), "#") {
			all = append(all, strings.Split(in.Text(), "\t"))
		}
	}
	return all
}

func truth(t *testing.T) []sample {
	t.Helper()
	var all []sample
	for _, r := range rows(t, "truth.tsv") {
		number := func(s string) int { n, _ := strconv.Atoi(s); return n } // "-" is none
		seconds, _ := strconv.ParseFloat(r[10], 64)
		all = append(all, sample{r[0], tasks.MediaType(r[1]), r[2], r[3], r[4], r[5], number(r[6]), number(r[7]),
			number(r[8]), number(r[9]), seconds, r[11]})
	}
	return all
}

func verdict(err error) string {
	if err == nil {
		return "ok"
	}
	return string(tasks.CodeOf(err))
}

func TestTruthTable(t *testing.T) {
	t.Parallel()
	all := truth(t)
	if len(all) < 60 {
		t.Fatalf("the table has %d samples, it should have 60 or more", len(all))
	}
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			b := s.read(t)
			if sum := sha256.Sum256(b); hex.EncodeToString(sum[:8]) != s.sum {
				t.Fatal("the table was made for another file: run testdata/make.sh")
			}
			c, err := media.Check(b, s.typ, media.DefaultLimits())
			if got := verdict(err); got != s.verdict {
				t.Errorf("verdict %q, want %q: %v", got, s.verdict, err)
			}
			if err != nil && tasks.AsError(err).Advice() == "" {
				t.Error("the refusal comes without a remedy")
			}
			if s.verdict == "ok" || s.verdict == "too_long" || s.verdict == "too_large" {
				agrees(t, s, c)
			}
		})
	}
}

// agrees compares with what the tools found.
func agrees(t *testing.T, s sample, c tasks.Content) {
	t.Helper()
	if c.Width != s.width || c.Height != s.height {
		t.Errorf("%d × %d, ffprobe says %d × %d", c.Width, c.Height, s.width, s.height)
	}
	if size := fmt.Sprintf("%s %dx%d ", strings.ToUpper(c.Format), c.Width, c.Height); s.identify != "-" && !strings.HasPrefix(s.identify, size) {
		t.Errorf("%s, identify says %s", size, s.identify)
	}
	switch s.typ {
	case tasks.Voice:
		packets := s.packets
		if s.name == "junk-last.mp3" { // ffprobe gives out the bytes behind the last frame as one more packet
			packets--
		}
		sameDuration(t, c.Duration, packets, s)
	case tasks.Video:
		if math.Abs(c.Duration.Seconds()-s.seconds) > 0.001 {
			t.Errorf("%s, ffprobe says %g s", c.Duration, s.seconds)
		}
	}
}

func sameDuration(t *testing.T, got time.Duration, packets int, s sample) {
	t.Helper()
	want := time.Duration(packets) * s.frame()
	// A frame of 1152 samples is no whole number of nanoseconds; it is rounded once a packet here, once in all there.
	if d := got - want; d < -time.Duration(packets) || d > time.Duration(packets) {
		t.Errorf("%s, want %s: ffprobe counts %d packets of %s", got, want, packets, s.frame())
	}
}
