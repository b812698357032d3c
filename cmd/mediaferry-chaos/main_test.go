package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// TestMain lets the test binary be its own producer, as the tool is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		main()
	}
	os.Exit(m.Run())
}

// fleet runs the tool as a person would.
func fleet(t *testing.T, args ...string) (code int, report string) {
	t.Helper()
	var out, people bytes.Buffer
	code = Run(taskstest.Context(t), args, &out, &people)
	return code, out.String() + people.String()
}

// A real fleet under both kinds of kills, with Redis, the network, WeChat, the receiver and files going wrong.
func TestSmallRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary, err := buildBinary(t.Context(), dir, false) // with the usual clock, which is built already
	if err != nil {
		t.Fatal(err)
	}
	keep, file := filepath.Join(dir, "kept"), filepath.Join(dir, "report.json")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	code, text := fleet(t, "-seed", "5", "-ledger", "sqlite", "-duration", "6s", "-uploads", "300", "-kills", "6", "-untimed", "-keep", keep, "-report", file, "-v", "-mediaferry", binary)
	if code != tasks.ExitOK {
		t.Fatalf("exit code %d:\n%s", code, text)
	}
	if !strings.Contains(text, "uploads acknowledged") || !strings.Contains(text, "seed 5: nothing found") {
		t.Errorf("the report lacks something:\n%s", text)
	}
	for _, attack := range []string{"worker-", "producer-", "serve-"} {
		if !strings.Contains(text, "\n"+attack) {
			t.Errorf("no %s attack was made:\n%s", attack, text)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("no report was written: %v", err)
	}
	h, err := loadHistory(filepath.Join(keep, "sqlite"))
	if err != nil || len(h.Sightings) == 0 {
		t.Errorf("nothing was seen of leaders and of uploads that were struck: %v", err)
	}
	checkAgain(t, keep)
}

// A recovery that takes too long is told from the blow to the claim that ended it.
func TestSlowRecoveryIsExplained(t *testing.T) {
	t.Parallel()
	f := clean(t)
	f.kill(idOf(0))
	f.Outcomes[0].History[0].Started = forgedStart.Add(20 * time.Second)
	f.Sightings = []sighting{
		{At: forgedStart.Add(time.Second), Phase: "dispatch", Worker: "w9"},
		{At: forgedStart.Add(19 * time.Second), Upload: idOf(0), Phase: phases[1], Generation: 2},
	}
	f.Claims = []claimed{{Upload: idOf(0), From: forgedStart.Add(20 * time.Second), Took: time.Second, Process: "worker-2", State: tasks.Succeeded}}
	var out bytes.Buffer
	if err := newReport(settings{check: "kept"}, []*history{f.history}).publish(&out, ""); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"upload " + idOf(0).String() + ": 21s after worker-kill", "generation 2", "leader of dispatch is w9", "worker-2 claimed it"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"-seed 9 -ledger sqlite -uploads 70 -duration 3s -kills 2 -workers 4 -producers 1 -clients 1 -serves 1 -attacks worker-kill,redis-flush",
		"-seed 9 -ledger both -uploads 70 -soak 20m0s -kills 1 -workers 4 -producers 1 -clients 1 -serves 1",
	} {
		s, err := parseFlags(strings.Fields(line), t.Output())
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseFlags(strings.Fields(s.replay())[3:], t.Output())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.legs(), again.legs()); diff != "" {
			t.Errorf("%s\nmakes another run: %s", s.replay(), diff)
		}
	}
}

// checkAgain: what was kept is enough to find out what is wrong, also when somebody forges it.
func checkAgain(t *testing.T, keep string) {
	t.Helper()
	if code, text := fleet(t, "-check", keep); code != tasks.ExitOK {
		t.Errorf("checked again: exit code %d:\n%s", code, text)
	}
	hooks := filepath.Join(keep, "sqlite", "hooks.jsonl")
	if err := os.WriteFile(hooks, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, text := fleet(t, "-check", keep); code != tasks.ExitFailed || !strings.Contains(text, "never arrived") || !strings.Contains(text, "history of upload") {
		t.Errorf("webhooks were forgotten, exit code %d:\n%s", code, text)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-ledger oracle":     "want sqlite, postgres or both",
		"-attacks nonsense":  `there is no "nonsense"`,
		"-uploads 0":         "want 1 or more",
		"-serves 0":          "want one of -serves",
		"-duration 1ms":      "a second or more",
		"surprise":           "is no flag",
		"-check a -keep b":   "exclude each other",
		"-planted some-bug":  "-tags planted",
		"-check /nowhere/at": "no history",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			code, text := fleet(t, strings.Fields(args)...)
			if code != tasks.ExitUsage && code != tasks.ExitError || !strings.Contains(text, want) {
				t.Errorf("exit code %d:\n%s", code, text)
			}
		})
	}
}

func TestHistorySurvivesTheDisk(t *testing.T) {
	t.Parallel()
	want, dir := clean(t).history, t.TempDir()
	want.Exits, want.Panics = []processExit{{Process: "worker-0", Status: "exit status 1"}}, []string{"a line"}
	want.Sightings = []sighting{{At: forgedStart, Upload: idOf(0), Phase: phases[2], Generation: 2}}
	want.Samples = []sample{{At: forgedStart, Process: "worker-0", Files: 7}}
	want.Claims = []claimed{{Upload: idOf(0), From: forgedStart, Took: time.Second}}
	if err := want.save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := loadHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(strike{})); diff != "" {
		t.Error(diff)
	}
}

// A producer that was killed while it wrote leaves half a line, and goes on behind it.
func TestTornJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	for _, name := range []string{"first", "second"} {
		j, err := openJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.write(entry{Kind: entryAck, Name: name}); err != nil {
			t.Fatal(err)
		}
		if _, err := j.file.WriteString(`{"kind":"ack","na`); err != nil {
			t.Fatal(err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	}
	es, err := readLines[entry](path)
	if err != nil || len(es) != 2 || es[0].Name != "first" || es[1].Name != "second" {
		t.Errorf("got %+v, %v", es, err)
	}
}
