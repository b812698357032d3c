package history

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestHistorySurvivesTheDisk(t *testing.T) {
	t.Parallel()
	at, id, dir := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), uuid.New(), t.TempDir()
	want := &History{Run: scenario.Run{Name: "sqlite", Seed: 7}, Settled: true, Ended: at}
	want.Journal = []Entry{{Kind: Ack, Name: "u", ID: id}}
	want.Outcomes = []tasks.Outcome{{ID: id, State: tasks.Succeeded}}
	want.Batches = []tasks.Batch{{ID: id, State: tasks.BatchComplete}}
	want.Events = []Event{{Seq: 1, ID: id, Data: json.RawMessage(`{}`)}}
	want.Deliveries = []Delivery{{ID: id, State: tasks.Delivered}}
	want.Calls = []wechattest.Call{{Path: UploadPath}}
	want.Media = []Media{{ID: "m", SHA256: "sha"}}
	want.Webhooks = []Webhook{{ID: "e", Answer: 204, Data: json.RawMessage(`{}`)}}
	want.Injections = []Injection{{Planned: Planned{Attack: "worker-kill", Kill: true}, Running: []uuid.UUID{id}}}
	want.Exits, want.Panics = []Exit{{Process: "worker-0", Status: "exit status 1"}}, []string{"a line"}
	want.Observations = []Observation{{At: at, Upload: id, Phase: "running", Generation: 2}}
	want.Samples = []Sample{{At: at, Process: "worker-0", Files: 7}}
	want.Claims = []Claim{{Upload: id, From: at, Took: time.Second}}
	if err := want.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A producer that was killed while it wrote leaves half a line, and goes on behind it.
func TestTornJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	for _, name := range []string{"first", "second"} {
		j, err := OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Write(Entry{Kind: Ack, Name: name}); err != nil {
			t.Fatal(err)
		}
		if _, err := j.file.WriteString(`{"kind":"ack","na`); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	es, err := ReadLines[Entry](path)
	if err != nil || len(es) != 2 || es[0].Name != "first" || es[1].Name != "second" {
		t.Errorf("got %+v, %v", es, err)
	}
}
