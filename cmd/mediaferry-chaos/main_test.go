package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
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

// invoke runs the tool as a person would.
func invoke(t *testing.T, args ...string) (code int, report string) {
	t.Helper()
	var out, people bytes.Buffer
	code = Run(taskstest.Context(t), args, &out, &people)
	return code, out.String() + people.String()
}

// A real fleet under both kinds of kills, with Redis, the network, WeChat, the receiver and files going wrong.
func TestSmallRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary, err := fleet.Build(t.Context(), dir, false) // with the usual clock, which is built already
	if err != nil {
		t.Fatal(err)
	}
	keep, file := filepath.Join(dir, "kept"), filepath.Join(dir, "report.json")
	code, text := invoke(t, "-seed", "5", "-ledger", "sqlite", "-duration", "6s", "-uploads", "300", "-kills", "6", "-uniform", "-untimed", "-keep", keep, "-report", file, "-v", "-mediaferry", binary)
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
	h, err := history.Load(filepath.Join(keep, "sqlite"))
	if err != nil || len(h.Observations) == 0 {
		t.Errorf("nothing was seen of leaders and of uploads that were struck: %v", err)
	}
	checkAgain(t, keep)
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"-seed 9 -ledger sqlite -uploads 70 -duration 3s -kills 2 -workers 4 -producers 1 -clients 1 -serves 1 -uniform -attacks worker-kill,redis-flush",
		"-seed 9 -ledger both -uploads 70 -soak 20m0s -kills 1 -workers 4 -producers 1 -clients 1 -serves 1",
	} {
		s, err := parseFlags(strings.Fields(line), t.Output())
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseFlags(strings.Fields(s.commandLine())[3:], t.Output())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.runs(), again.runs()); diff != "" {
			t.Errorf("%s\nmakes another run: %s", s.commandLine(), diff)
		}
	}
}

// checkAgain: what was kept is enough to find out what is wrong, also when somebody forges it.
func checkAgain(t *testing.T, keep string) {
	t.Helper()
	if code, text := invoke(t, "-check", keep); code != tasks.ExitOK {
		t.Errorf("checked again: exit code %d:\n%s", code, text)
	}
	webhooks := filepath.Join(keep, "sqlite", "webhooks.jsonl")
	if err := os.WriteFile(webhooks, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, text := invoke(t, "-check", keep); code != tasks.ExitFailed || !strings.Contains(text, "never arrived") || !strings.Contains(text, "history of upload") {
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
			code, text := invoke(t, strings.Fields(args)...)
			if code != tasks.ExitUsage && code != tasks.ExitError || !strings.Contains(text, want) {
				t.Errorf("exit code %d:\n%s", code, text)
			}
		})
	}
}
