package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

// GET answers say reason and hint in Chinese where that is asked for, and nowhere else.
func TestReasonsInChinese(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) {
		c.Explain = func(l lang.Language, _ tasks.Code, errcode int) (meaning, remedy string, ok bool) {
			return "AppSecret 无效", "请设置当前的 AppSecret", l == lang.Chinese && errcode == 40125
		}
	})
	r := answered[api.Receipt](t, p.call(shop, "POST", "/v1/uploads", `{"type":"voice","source":"shop/a.mp3"}`), http.StatusAccepted)
	p.finish(r.ID, tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: tasks.TooLong, Op: "check voice", Params: tasks.Params{
		Rule: tasks.RuleSeconds, Measured: 61.2, Limit: 60, Command: "ffmpeg -t 60",
	}}})
	must(t, p.Hold(t.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.AccountHeld, Errcode: 40125, Reason: "WeChat says: invalid appsecret", Until: p.now().Add(time.Hour)}))
	ask := func(path, language string) (body string, vary string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, http.NoBody)
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+boss)
		if language != "" {
			req.Header.Set("Accept-Language", language)
		}
		res, err := p.client.Do(req)
		must(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		return string(b), strings.Join(res.Header.Values("Vary"), ", ")
	}
	for path, want := range map[string]string{
		"/v1/uploads/" + r.ID.String(): "语音时长 61.2 秒，超过微信上限 60 秒",
		"/v1/uploads":                  "语音时长 61.2 秒，超过微信上限 60 秒",
		"/v1/failures":                 "语音过长",
		"/v1/accounts":                 "AppSecret 无效（微信返回 40125：invalid appsecret）",
		"/v1/status":                   "AppSecret 无效（微信返回 40125：invalid appsecret）",
	} {
		for _, language := range []string{"", "en", "zh-CN,zh;q=0.9"} {
			body, vary := ask(path, language)
			if strings.Contains(body, want) != strings.HasPrefix(language, "zh") || !strings.Contains(vary, "Accept-Language") {
				t.Errorf("%s in %q varies by %q:\n%s", path, language, vary, body)
			}
		}
	}
	body, _ := ask("/v1/uploads/"+r.ID.String(), "zh")
	var o tasks.Outcome
	must(t, json.Unmarshal([]byte(body), &o))
	if o.Hint != "ffmpeg -t 60" || o.Params.Measured != 61.2 || o.Params.Limit != 60 {
		t.Errorf("hint %q, params %+v", o.Hint, o.Params)
	}
	for _, path := range []string{"/v1/events", "/v1/batches"} {
		if body, _ := ask(path+"?limit=1", "zh"); strings.Contains(body, "语音") {
			t.Errorf("%s: %s", path, body)
		}
	}
}

// What is refused of a batch says why in Chinese where that is asked for, and the record stays English.
func TestRefusedRowsInChinese(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	submit := func(language string) api.BatchReceipt {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/v1/batches", strings.NewReader(`[{"type":"image","source":"../a.jpg"}]`))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+shop)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept-Language", language)
		res, err := p.client.Do(req)
		must(t, err)
		defer res.Body.Close()
		if vary := res.Header.Get("Vary"); !strings.Contains(vary, "Accept-Language") {
			t.Errorf("it varies by %q", vary)
		}
		var got api.BatchReceipt
		must(t, json.NewDecoder(res.Body).Decode(&got))
		return got
	}
	const english = `read source: the path has "..": it may not leave its folder`
	if got := submit("en").First[0].Reason; got != english {
		t.Error(got)
	}
	got := submit("zh-CN")
	if said := got.First[0].Reason; said != `路径里有 ".."：不能离开所在的文件夹` {
		t.Error(said)
	}
	stored, err := p.Refusals(t.Context(), got.ID, 0, 1)
	must(t, err)
	if stored[0].Reason != english {
		t.Error(stored[0].Reason)
	}
}
