//go:build differential

package media_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// command is what a remedy says to run.
var command = regexp.MustCompile(`(?:^|: )((?:ffmpeg|convert|heif-convert|lame|silk_v3_decoder) .*)`)

// Every command that is printed is run, by a shell, on the file for which it was printed: what comes out is accepted.
// Where the remedy is another type, the command is for that one.
func TestRemediesWork(t *testing.T) {
	t.Parallel()
	tight := media.DefaultLimits()
	tight.ImageBytes, tight.ThumbBytes, tight.VoiceBytes, tight.VideoBytes = 2000, 2000, 4000, 5000
	wide := media.DefaultLimits()
	wide.Pixels = 5000
	ran := 0
	for _, s := range truth(t) {
		for _, typ := range tasks.MediaTypes {
			for name, l := range map[string]media.Limits{"": media.DefaultLimits(), " tight": tight, " few pixels": wide} {
				b := s.read(t)
				_, err := media.Check(b, typ, l)
				m := command.FindStringSubmatch(tasks.AsError(orNone(err)).Hint)
				if m == nil || s.verdict == "empty" || tasks.CodeOf(err) == tasks.TooLarge && name == " tight" && s.typ != typ {
					continue
				}
				ran++
				t.Run(s.name+" as "+string(typ)+name, func(t *testing.T) {
					t.Parallel()
					remedied(t, s, typ, b, m[1])
				})
			}
		}
	}
	if ran < 60 {
		t.Errorf("%d commands were printed, want 60 or more", ran)
	}
}

func orNone(err error) error {
	if err == nil {
		return tasks.ErrCutOff // which has no hint
	}
	return err
}

// remedied runs a command and checks what it made.
func remedied(t *testing.T, s sample, typ tasks.MediaType, b []byte, line string) {
	t.Helper()
	for _, part := range strings.Split(line, " && ") {
		needed(t, strings.Fields(part)[0])
	}
	dir := t.TempDir()
	in := filepath.Join(dir, "in"+filepath.Ext(s.name))
	if err := os.WriteFile(in, b, 0o600); err != nil {
		t.Fatal(err)
	}
	line = strings.NewReplacer("INPUT", in, "OUTPUT", filepath.Join(dir, "out")).Replace(line)
	line = strings.ReplaceAll(line, "ffmpeg ", "ffmpeg -nostdin -v error -y ")
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	made, err := filepath.Glob(filepath.Join(dir, "out.*"))
	if err != nil || len(made) == 0 {
		t.Fatalf("%s made nothing (%v)", line, err)
	}
	out, err := os.ReadFile(made[len(made)-1])
	if err != nil {
		t.Fatal(err)
	}
	guess, err := media.Guess(out)
	if typ == tasks.Thumb && guess == tasks.Image {
		guess = tasks.Thumb
	}
	if err == nil {
		_, err = media.Check(out, guess, media.DefaultLimits())
	}
	if err != nil {
		t.Errorf("%s made what is refused: %v", line, err)
	}
}

// needed skips where a program is missing, which in CI must not be.
func needed(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if program == "silk_v3_decoder" { // no system packages it
		t.Skip("there is no package of silk_v3_decoder: build kn007/silk-v3-decoder")
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: .ci/servers installs it", program)
	}
	t.Skipf("%s is missing: apt-get install ffmpeg imagemagick lame libheif-examples", program)
}
