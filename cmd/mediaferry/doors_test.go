package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

const (
	shopKey  = "shop-key-0123456789abcdef"
	rivalKey = "rival-key-0123456789abcdef"
	// shopBudget is more than the matrix needs.
	shopBudget = 100
)

// town is an installation with every way in open to the producer shop, whose rights are narrow.
type town struct {
	*clitest.Served
	ledger *ledger.Ledger
	redis  redis.UniversalClient
}

func newTown(t *testing.T) *town {
	t.Helper()
	g := clitest.New(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret}, {AppID: "wx0000000000000002", Secret: wechattest.DefaultSecret},
	}})
	r := fleet(g)
	picture := mediatest.Distinct(1, tasks.Image, 3000)
	secret := mediatest.Distinct(2, tasks.Image, 3000)
	g.Write("shop/a.jpg", picture)
	g.Write("rival/secret.jpg", secret)
	if err := os.Symlink("../rival/secret.jpg", filepath.Join(g.Media, "shop", "link.jpg")); err != nil {
		t.Fatal(err)
	}
	backend := s3mem.New()
	if err := backend.CreateBucket("media"); err != nil {
		t.Fatal(err)
	}
	for key, b := range map[string][]byte{"shop/a.jpg": picture, "rival/secret.jpg": secret} {
		if _, err := backend.PutObject("media", key, map[string]string{"Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT"}, bytes.NewReader(b), int64(len(b)), nil); err != nil {
			t.Fatal(err)
		}
	}
	s3 := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(s3.Close)
	for _, kv := range [][2]string{
		{"S3__ENDPOINT", s3.URL}, {"S3__REGION", "us-east-1"}, {"S3__STYLE", "path"}, {"S3__BUCKETS", "media"},
		{"S3__ACCESS_KEY", "key"}, {"S3__SECRET_KEY", "secret-of-the-bucket"},
		{"ACCOUNTS__SECOND__APPID", "wx0000000000000002"}, {"ACCOUNTS__SECOND__SECRET", wechattest.DefaultSecret},
		{"PRODUCERS__SHOP__KEY", shopKey}, {"PRODUCERS__SHOP__ACCOUNTS", "default"}, {"PRODUCERS__SHOP__SOURCES", "shop/,s3://media/shop/"},
		{"PRODUCERS__SHOP__CALLBACK_HOSTS", "hooks.example.com"}, {"PRODUCERS__SHOP__MAX_PRIORITY", "bulk"},
		{"PRODUCERS__SHOP__DAILY_BUDGET", fmt.Sprint(shopBudget)},
		{"PRODUCERS__RIVAL__KEY", rivalKey}, {"PRODUCERS__RIVAL__SOURCES", "rival/"},
		{"INBOX__PRODUCER", "shop"}, {"WEBHOOK__URL", ""},
	} {
		g.Set("MEDIAFERRY_"+kv[0], kv[1])
	}
	s := &town{Served: g.ServedAs(g.Start("run"), shopKey), redis: redis.NewClient(&redis.Options{Addr: r.Addr()})}
	t.Cleanup(func() { s.redis.Close() })
	s.ledger = g.Ledger()
	return s
}

// want is what one upload asks for, in the words of the API.
type want map[string]any

func (w want) json() string {
	b, _ := json.Marshal(w) // texts and numbers
	return string(b)
}

// outcome waits for the outcome of an upload of shop's, and returns its code.
func (s *town) outcome(externalID string) tasks.Code {
	s.T.Helper()
	var o tasks.Outcome
	taskstest.Until(s.T, externalID+" has its outcome", func() bool {
		var err error
		o, err = s.ledger.Find(s.T.Context(), "shop", externalID)
		return err == nil && o.State.Final()
	})
	return o.Code
}

// post sends a body as shop, and returns the status and the answer.
func (s *town) post(key, path, kind, body string) (int, string) {
	s.T.Helper()
	req, err := http.NewRequestWithContext(s.T.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// judged is the code of a refusal over HTTP; of what was accepted it is the outcome's.
func (s *town) judged(name string, status int, answer string) tasks.Code {
	s.T.Helper()
	var got struct {
		Code    tasks.Code
		Refused []tasks.Refusal `json:"first_refusals"`
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		s.T.Fatal(err, answer)
	}
	switch {
	case status >= http.StatusBadRequest:
		return got.Code
	case len(got.Refused) > 0:
		return got.Refused[0].Code
	}
	return s.outcome(name)
}

// sendFile sends a file to the inbox over HTTP, and returns its source.
func (s *town) sendFile(key string, content []byte) string {
	s.T.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "sent.jpg")
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		s.T.Fatal(err)
	}
	status, answer := s.post(key, "/v1/files", w.FormDataContentType(), form.String())
	var got struct{ Files []struct{ Source string } }
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusCreated {
		s.T.Fatal(status, answer)
	}
	return got.Files[0].Source
}

// doors are the ways in for one who names a source, each in shop's name. They return the code that an upload was refused or
// ended with; "" where it succeeded.
func (s *town) doors() map[string]func(name string, w want) tasks.Code {
	client := asynq.NewClientFromRedisClient(s.redis)
	return map[string]func(string, want) tasks.Code{
		"POST /v1/uploads": func(name string, w want) tasks.Code {
			status, answer := s.post(shopKey, "/v1/uploads", "application/json", w.json())
			return s.judged(name, status, answer)
		},
		"POST /v1/batches, an array": func(name string, w want) tasks.Code {
			status, answer := s.post(shopKey, "/v1/batches", "application/json", "["+w.json()+"]")
			return s.judged(name, status, answer)
		},
		"POST /v1/batches, a stream": func(name string, w want) tasks.Code {
			status, answer := s.post(shopKey, "/v1/batches", "application/x-ndjson", w.json()+"\n")
			return s.judged(name, status, answer)
		},
		"POST /v1/media": func(name string, w want) tasks.Code {
			status, answer := s.post(shopKey, "/v1/media", "application/json", w.json())
			return s.judged(name, status, answer)
		},
		"the inbox": func(name string, w want) tasks.Code {
			w["v"] = 1
			task := asynq.NewTask(tasks.TypeUpload, []byte(w.json()))
			if _, err := client.EnqueueContext(s.T.Context(), task, asynq.Queue("inbox")); err != nil {
				s.T.Fatal(err)
			}
			var o tasks.Outcome
			taskstest.Until(s.T, name+" has a result in Redis", func() bool {
				text, err := s.redis.Get(s.T.Context(), "mediaferry:result:"+name).Bytes()
				return err == nil && json.Unmarshal(text, &o) == nil
			})
			return o.Code
		},
		"upload --producer": func(name string, w want) tasks.Code { return s.typed(name, w, "--producer", "shop") },
	}
}

// typed submits at the command line.
func (s *town) typed(name string, w want, flags ...string) tasks.Code {
	s.T.Helper()
	manifest := filepath.Join(s.T.TempDir(), "rows.jsonl")
	if err := os.WriteFile(manifest, []byte(w.json()+"\n"), 0o600); err != nil {
		s.T.Fatal(err)
	}
	res := s.Run(slices.Concat([]string{"upload", "--manifest", manifest, "--output", "json"}, flags)...)
	all := s.Outcomes(res.Out)
	if len(all) != 1 {
		s.T.Fatalf("%s: exit code %d, %d outcomes\n%s", name, res.Code, len(all), res.Err)
	}
	if (res.Code == tasks.ExitOK) != (all[0].State == tasks.Succeeded) {
		s.T.Errorf("%s: exit code %d of %+v", name, res.Code, all[0])
	}
	return all[0].Code
}

// Each right of a producer holds through every way in, on what is its own and on what is foreign: HTTP one by one, in
// batches and with the answer awaited, the inbox of a producer that has only Redis, and the command line in its name.
func TestEveryDoorHoldsEveryRight(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	mine := func() string { return s.sendFile(shopKey, mediatest.Distinct(1, tasks.Image, 3000)) }
	theirs := s.sendFile(rivalKey, mediatest.Distinct(2, tasks.Image, 3000))
	rights := []struct {
		name string
		add  func() want
		want []tasks.Code // any of these; nil: it succeeds
	}{
		{"its folder", func() want { return want{"source": "shop/a.jpg"} }, nil},
		{"its prefix of a bucket", func() want { return want{"source": "s3://media/shop/a.jpg"} }, nil},
		{"its file in the inbox", func() want { return want{"source": mine()} }, nil},
		{"its account", func() want { return want{"source": "shop/a.jpg", "account": "default"} }, nil},
		{"its callback host", func() want { return want{"source": "shop/a.jpg", "callback_url": "https://hooks.example.com/x"} }, nil},
		{"a foreign folder", func() want { return want{"source": "rival/secret.jpg"} }, []tasks.Code{tasks.Denied}},
		{"a foreign folder by a link", func() want { return want{"source": "shop/link.jpg"} }, []tasks.Code{tasks.Denied}},
		{"a foreign prefix of a bucket", func() want { return want{"source": "s3://media/rival/secret.jpg"} }, []tasks.Code{tasks.Denied}},
		{"a foreign prefix by a climbing key", func() want { return want{"source": "s3://media/shop/../rival/secret.jpg"} }, []tasks.Code{tasks.Denied}},
		{"a foreign file in the inbox", func() want { return want{"source": theirs} }, []tasks.Code{tasks.Denied}},
		{"a file of the machine", func() want { return want{"source": "file:///etc#passwd"} }, []tasks.Code{tasks.Denied}},
		{"a path above", func() want { return want{"source": "shop/../rival/secret.jpg"} }, []tasks.Code{tasks.Denied}},
		{"a foreign account", func() want { return want{"source": "shop/a.jpg", "account": "second"} }, []tasks.Code{tasks.Denied}},
		{"no account at all", func() want { return want{"source": "shop/a.jpg", "account": "nope"} }, []tasks.Code{tasks.Denied, tasks.Invalid, tasks.NoWork}},
		{"a foreign callback host", func() want { return want{"source": "shop/a.jpg", "callback_url": "https://rival.example/x"} }, []tasks.Code{tasks.Denied}},
		{"a higher priority", func() want { return want{"source": "shop/a.jpg", "priority": "interactive"} }, []tasks.Code{tasks.Denied}},
	}
	for door, submit := range s.doors() {
		for i, right := range rights {
			w := right.add()
			name := fmt.Sprintf("%d of %s", i, door)
			w["type"], w["external_id"] = "image", name
			got := submit(name, w)
			if right.want == nil && got != "" || right.want != nil && !slices.Contains(right.want, got) {
				t.Errorf("%s: %s ends with %q, want %q", door, right.name, got, right.want)
			}
		}
	}
	s.sender(t)
	s.person(t)
	s.spent(t)
}

// sender tries the way in that takes files and no sources: it goes to the key's own account, and its file is its own.
func (s *town) sender(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		name, key string
		want      float64
	}{{"shop", shopKey, 0}, {"shop", rivalKey, 40125}, {"rival", shopKey, 40125}} {
		var token struct {
			Token   string `json:"access_token"`
			Errcode float64
		}
		s.Ask("GET", "/cgi-bin/token?grant_type=client_credential&appid="+c.name+"&secret="+c.key, "", &token)
		if token.Errcode != c.want {
			t.Errorf("drop-in: %s with the key %s is answered %+v", c.name, c.key, token)
		}
		if token.Token == "" {
			continue
		}
		form := "--B\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.jpg\"\r\n\r\n" + string(mediatest.Distinct(1, tasks.Image, 3000)) + "\r\n--B--\r\n"
		_, answer := s.post("", "/cgi-bin/media/upload?type=image&access_token="+token.Token, "multipart/form-data; boundary=B", form)
		if !strings.Contains(answer, `"media_id"`) {
			t.Errorf("drop-in: it is answered %s", answer)
		}
		page, _, err := s.ledger.List(t.Context(), tasks.Filter{Limit: 1})
		if err != nil || len(page) != 1 || page[0].Producer != "shop" || page[0].Account != "default" {
			t.Errorf("drop-in: %+v, %v", page, err)
		}
	}
}

// person tries the command line without a producer, over a shared ledger: it may do anything below the storage root.
func (s *town) person(t *testing.T) {
	t.Helper()
	for i, c := range []struct {
		w    want
		code tasks.Code
	}{
		{want{"source": "rival/secret.jpg", "account": "second"}, ""},
		{want{"source": "shop/link.jpg", "priority": "interactive"}, ""},
		{want{"source": "s3://media/rival/secret.jpg"}, ""},
		{want{"source": "file:///etc#passwd"}, tasks.Denied},
		{want{"source": "../outside.jpg"}, tasks.Denied},
	} {
		name := fmt.Sprint("person ", i)
		c.w["type"], c.w["external_id"] = "image", name
		if got := s.typed(name, c.w); got != c.code {
			t.Errorf("the person at the command line: %v ends with %q, want %q", c.w, got, c.code)
		}
	}
}

// spent uses up what shop may submit in a day: then every way in refuses it, and others are not concerned.
func (s *town) spent(t *testing.T) {
	t.Helper()
	status, _ := s.post(shopKey, "/v1/batches", "application/x-ndjson", strings.Repeat(`{"type":"image","source":"shop/a.jpg"}`+"\n", shopBudget))
	if status != http.StatusTooManyRequests {
		t.Fatalf("the batch that uses up the budget is answered %d", status)
	}
	count := func() int {
		counts, err := s.ledger.Count(t.Context(), tasks.Filter{Producer: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, c := range counts {
			n += c.Uploads
		}
		return n
	}
	before := count()
	for door, submit := range s.doors() {
		name := "spent " + door
		w := want{"type": "image", "source": "shop/a.jpg", "external_id": name}
		switch door {
		case "the inbox": // it stays there until tomorrow
			task := asynq.NewTask(tasks.TypeUpload, []byte(want{"v": 1, "type": "image", "source": "shop/a.jpg", "external_id": name}.json()))
			info, err := asynq.NewClientFromRedisClient(s.redis).EnqueueContext(t.Context(), task, asynq.Queue("inbox"))
			if err != nil {
				t.Fatal(err)
			}
			taskstest.Until(t, "the inbox puts the task back", func() bool {
				got, err := asynq.NewInspectorFromRedisClient(s.redis).GetTaskInfo("inbox", info.ID)
				return err == nil && got.State == asynq.TaskStateRetry && strings.Contains(got.LastErr, "used up")
			})
		case "upload --producer":
			manifest := filepath.Join(t.TempDir(), "rows.jsonl")
			if err := os.WriteFile(manifest, []byte(w.json()+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if res := s.Run("upload", "--manifest", manifest, "--producer", "shop"); res.Code == tasks.ExitOK || !strings.Contains(res.Err, "used up") {
				t.Errorf("%s: exit code %d: %s", door, res.Code, res.Err)
			}
		default:
			if got := submit(name, w); got != tasks.TooMany {
				t.Errorf("%s: beyond the budget it ends with %q", door, got)
			}
		}
	}
	if n := count(); n != before {
		t.Errorf("%d uploads more were accepted beyond the budget", n-before)
	}
	if status, answer := s.post(rivalKey, "/v1/uploads", "application/json", `{"type":"image","source":"rival/secret.jpg"}`); status != http.StatusAccepted {
		t.Errorf("another producer is answered %d %s", status, answer)
	}
}
