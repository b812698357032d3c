package api_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest/npmtest"
)

const validators = "@seriousme/openapi-schema-validator@2.11.0 ajv@8.20.0 ajv-formats@3.0.1"

// The document, and answers of every operation, good and bad, in the eyes of validators that know nothing of ours.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	p := newPlant(t, withInbox(t))
	dir := t.TempDir()
	document, answers := filepath.Join(dir, "openapi.json"), filepath.Join(dir, "answers.jsonl")
	must(t, os.WriteFile(document, []byte(p.call(eye, "GET", "/openapi.json", "").body), 0o600))
	f, err := os.Create(answers)
	must(t, err)
	defer f.Close()
	out := json.NewEncoder(f)
	record := func(op string, r reply) {
		t.Helper()
		must(t, out.Encode(map[string]any{"operation": op, "status": r.status, "type": r.header.Get("Content-Type"), "body": r.body}))
	}
	must(t, p.Hold(t.Context(), tasks.Hold{Realm: "elsewhere", AppID: "wx2", Code: tasks.DailyLimit, Reason: "r", Until: p.now()}))
	for method, ops := range p.operations() {
		for _, op := range ops {
			th := p.things(shop)
			c := calls(th)[op.ID]
			for _, key := range []string{boss, eye, nobody} {
				record(op.ID, p.call(key, method, c.path, c.body, c.headers...))
			}
		}
	}
	for _, state := range []string{"queued", "running", "succeeded", "failed", "canceled"} {
		record("list-uploads", p.call(boss, "GET", "/v1/uploads?limit=5&state="+state, ""))
	}
	page := answered[api.OutcomePage](t, p.call(boss, "GET", "/v1/uploads?state=succeeded,failed", ""), http.StatusOK)
	for _, o := range page.Uploads {
		record("get-upload", p.call(boss, "GET", "/v1/uploads/"+o.ID.String(), ""))
	}
	record("submit-batch", p.post(boss, "", "{}\n"+one))
	record("batch-results", p.call(boss, "GET", "/v1/batches/"+p.things(shop).batch+"/results?format=csv", ""))
	record("get-series", p.call(boss, "GET", "/v1/series?account=default&type=image&step=60", ""))
	record("get-series", p.call(boss, "GET", "/v1/series?step=90", ""))
	record("list-failures", p.call(boss, "GET", "/v1/failures?code=rejected&errcode=40004", ""))
	record("list-accounts", p.call(boss, "GET", "/v1/accounts", ""))
	for _, op := range []struct{ id, path string }{{"retry-uploads", "/v1/retries"}, {"cancel-uploads", "/v1/cancellations"}} {
		record(op.id, p.call(boss, "POST", op.path, `{"filter":{"state":["failed"],"code":"none"},"again":true}`))
		record(op.id, p.call(shop, "POST", op.path, `{"filter":{"state":["failed"],"source":"**"}}`))
	}
	record("list-actions", p.call(boss, "GET", "/v1/actions?limit=2", ""))
	record("submit-upload", p.call(boss, "POST", "/v1/uploads", `{"type":"gif"}`))
	if faults := npmtest.Run(t, validators, "testdata/validate.mjs", document, answers); faults != "" {
		t.Error(faults)
	}
}
