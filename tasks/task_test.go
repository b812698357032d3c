package tasks_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestUploadTaskRoundTrip(t *testing.T) {
	t.Parallel()
	want := upload()
	task, err := tasks.NewUploadTask(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tasks.ParseUploadTask(task)
	if err != nil {
		t.Fatal(err)
	}
	want.Metadata = []byte(`{"order":7}`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := tasks.NewUploadTask(tasks.Upload{}); tasks.CodeOf(err) != tasks.Invalid {
		t.Errorf("an empty upload became a task: %v", err)
	}
}

func TestRunTaskRoundTrip(t *testing.T) {
	t.Parallel()
	ledger, runs := uuid.New(), []tasks.RunRef{{Upload: uuid.New(), Generation: 3}, {Upload: uuid.New(), Generation: 1}}
	task, err := tasks.NewRunTask(ledger, tasks.Chunk{Task: "one", Account: "shop", Priority: tasks.Interactive, Deaths: 1, Runs: runs})
	if err != nil {
		t.Fatal(err)
	}
	got, err := tasks.ParseRunTask(task)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tasks.RunPayload{V: 2, Ledger: ledger, Account: "shop", Priority: tasks.Interactive, Deaths: 1, Runs: runs}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRunTaskOfTheOldFormIsRefused(t *testing.T) {
	t.Parallel()
	old := `{"v":1,"ledger_id":"018f0000-0000-7000-8000-000000000000","upload_id":"018f0000-0000-7000-8000-000000000001","generation":1}`
	if _, err := tasks.ParseRunTask(asynq.NewTask(tasks.TypeRun, []byte(old))); tasks.CodeOf(err) != tasks.Invalid {
		t.Errorf("got %v, want Invalid", err)
	}
}

func TestAChunkTravelsInTheQueueOfItsKind(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]tasks.Chunk{
		tasks.QueueBulk:        {},
		tasks.QueueInteractive: {Priority: tasks.Interactive, Deaths: 1},
		tasks.QueueAgain:       {Deaths: 1},
		tasks.QueueAlone:       {Priority: tasks.Interactive, Deaths: tasks.AloneAfter},
	} {
		if got := c.Queue(); got != want {
			t.Errorf("%+v travels in %q, want %q", c, got, want)
		}
	}
}

func TestDeliverTaskRoundTrip(t *testing.T) {
	t.Parallel()
	ledger, d := uuid.New(), tasks.DeliveryDispatch{ID: uuid.New(), Generation: 2}
	task, err := tasks.NewDeliverTask(ledger, d)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tasks.ParseDeliverTask(task)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tasks.DeliverPayload{V: 1, Ledger: ledger, Delivery: d.ID, Generation: 2}, got); diff != "" {
		t.Error(diff)
	}
}

func TestForeignTasksAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ payload, want string }{
		"not JSON":      {`hello`, "invalid character"},
		"unknown field": {`{"v":1,"type":"image","source":"a.jpg","account":"default","surprise":1}`, `unknown field "surprise"`},
		"trailing data": {`{"v":1,"type":"image","source":"a.jpg","account":"default"} {}`, "something after the JSON object"},
		"other version": {`{"v":2,"type":"image","source":"a.jpg","account":"default"}`, "version 2 is not known"},
		"too large":     {`{"v":1,"metadata":"` + strings.Repeat("x", tasks.MaxPayload) + `"}`, "at most 65536 are taken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tasks.ParseUploadTask(asynq.NewTask(tasks.TypeUpload, []byte(tc.payload)))
			if tasks.CodeOf(err) != tasks.Invalid || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want Invalid with %q", err, tc.want)
			}
		})
	}
}

func FuzzParseUploadTask(f *testing.F) {
	task, err := tasks.NewUploadTask(upload())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(task.Payload())
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := tasks.ParseUploadTask(asynq.NewTask(tasks.TypeUpload, b))
		if err != nil {
			return
		}
		if _, err := tasks.NewUploadTask(u); err != nil {
			t.Errorf("what was read can't be written: %v", err)
		}
	})
}

// Tasks of the belt come from whoever reaches the Redis.
func FuzzParseBeltTasks(f *testing.F) {
	for _, payload := range []string{
		`{"v":2,"ledger_id":"018f5b1e-0000-7000-8000-000000000001","runs":[{"upload_id":"018f5b1e-0000-7000-8000-000000000002","generation":1}]}`,
		`{"v":1,"ledger_id":"018f5b1e-0000-7000-8000-000000000001","delivery_id":"018f5b1e-0000-7000-8000-000000000002","generation":-1}`,
		`{"v":2,"runs":null}`, `{}`, `[]`, `{"v":2}{}`, "\xff", `{"v":2,"runs":[{"generation":1e99}]}`,
	} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if _, err := tasks.ParseRunTask(asynq.NewTask(tasks.TypeRun, payload)); err != nil && tasks.CodeOf(err) != tasks.Invalid {
			t.Errorf("%q: %v", payload, err)
		}
		if _, err := tasks.ParseDeliverTask(asynq.NewTask(tasks.TypeDeliver, payload)); err != nil && tasks.CodeOf(err) != tasks.Invalid {
			t.Errorf("%q: %v", payload, err)
		}
	})
}
