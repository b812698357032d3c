package wechat_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// classes is what WeChat's documents and users of its API say an errcode of the upload call means.
var classes = map[tasks.Code][]int{
	tasks.Temporary:    {-1, -1000, 45033},
	tasks.TokenRefused: {40001, 40014, 42001, 41001},
	tasks.MinuteLimit:  {45011},
	tasks.DailyLimit:   {45009},
	tasks.Rejected: {40004, 40005, 40006, 40009, 40010, 40011, 40012, 40113, 40137, 45001, 45002, 45007, 44001, 47001,
		40033, 40035, 40038, 40097, 87014},
	tasks.Defect: {41005, 43001, 43002, 43003, 44002, 412},
	tasks.AccountHeld: {40002, 40013, 40125, 40243, 41002, 41004, 42007, 48001, 48004, 50001, 50002,
		61003, 61007, 61016, 45035, 89501, 89503, 89506, 89507},
	tasks.Egress:  {40164, 61004},
	tasks.Unknown: {1, 40003, 99999},
}

func TestUploadErrcodeDecidesTheCode(t *testing.T) {
	t.Parallel()
	for code, errcodes := range classes {
		for _, errcode := range errcodes {
			t.Run(fmt.Sprint(errcode), func(t *testing.T) {
				t.Parallel()
				srv := serve(t, answers(fmt.Sprintf(`{"errcode":%d,"errmsg":"some text rid: 6242d22c-258e8eb8-0dc4dadd"}`, errcode)))
				c := newClient(t, config(srv.URL, nil), account(), nil)
				_, err := upload(t, c)
				wantCode(t, err, code, errcode)
				e := tasks.AsError(err)
				wantText(t, err, "upload media: WeChat says: some text")
				if e.RID != "6242d22c-258e8eb8-0dc4dadd" {
					t.Errorf("got rid %q", e.RID)
				}
				calls := 1
				if code == tasks.TokenRefused {
					calls = 2
				}
				if n := srv.Count(uploadPath); n != calls {
					t.Errorf("made %d upload calls, want %d", n, calls)
				}
			})
		}
	}
}

func TestTokenCallErrcodeDecidesTheCode(t *testing.T) {
	t.Parallel()
	for errcode, code := range map[int]tasks.Code{
		-1: tasks.Temporary, 40001: tasks.AccountHeld, 40013: tasks.AccountHeld, 40125: tasks.AccountHeld, 40164: tasks.Egress, 42001: tasks.AccountHeld,
		89503: tasks.AccountHeld, 45009: tasks.DailyLimit, 45011: tasks.MinuteLimit, 47001: tasks.Defect, 99999: tasks.Unknown,
	} {
		t.Run(fmt.Sprint(errcode), func(t *testing.T) {
			t.Parallel()
			srv := serveAll(t, answers(fmt.Sprintf(`{"errcode":%d,"errmsg":"some text"}`, errcode)))
			c := newClient(t, config(srv.URL, nil), account(), nil)
			_, err := upload(t, c)
			wantCode(t, err, code, errcode)
			wantText(t, err, "get access token: WeChat says: some text")
		})
	}
}

func TestSettingsOverrideAnErrcode(t *testing.T) {
	t.Parallel()
	srv := serve(t, answers(`{"errcode":99999,"errmsg":""}`))
	cfg := config(srv.URL, nil)
	cfg.Errcodes = map[int]tasks.Code{99999: tasks.Rejected}
	_, err := upload(t, newClient(t, cfg, account(), nil))
	wantCode(t, err, tasks.Rejected, 99999)
}

func TestHoldsSayHowLong(t *testing.T) {
	t.Parallel()
	shanghai := time.FixedZone("", 8*60*60)
	now := time.Date(2026, 3, 4, 23, 59, 42, 0, shanghai).UTC()
	for name, c := range map[string]struct {
		errcode int
		day     *time.Location
		want    time.Duration
	}{
		"next minute":          {45011, nil, 18 * time.Second},
		"midnight in Shanghai": {45009, nil, 18 * time.Second},
		"midnight elsewhere":   {45009, time.UTC, 8*time.Hour + 18*time.Second},
		"account":              {48001, nil, 10 * time.Minute},
		"waits for a person":   {89503, nil, time.Hour},
		"no hold":              {40005, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := serve(t, answers(fmt.Sprintf(`{"errcode":%d}`, c.errcode)))
			cfg := config(srv.URL, func() time.Time { return now })
			a := account()
			a.ResetZone = c.day
			_, err := upload(t, newClient(t, cfg, a, nil))
			if got := tasks.AsError(err).RetryAfter; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// Two accounts of one client, whose days end at different times.
func TestEachAccountHasItsOwnDay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC)
	srv := serve(t, answers(`{"errcode":45009}`))
	here, there := account(), account()
	here.Name, here.ResetZone = "here", nil
	there.Name, there.AppID, there.ResetZone = "there", "wx2", time.UTC
	c, err := wechat.New(config(srv.URL, func() time.Time { return now }), []wechat.Account{here, there}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]time.Duration{"here": time.Hour, "there": 9 * time.Hour} {
		_, err := c.Upload(t.Context(), account, payload())
		if got := tasks.AsError(err).RetryAfter; got != want {
			t.Errorf("%s: held for %v, want %v", account, got, want)
		}
	}
	for _, a := range c.Accounts() {
		if want := map[string]*time.Location{"here": nil, "there": time.UTC}[a.Name]; a.ResetZone != want {
			t.Errorf("%s: the ledger is told %v", a.Name, a.ResetZone)
		}
	}
}

func TestAnswersThatAreNoneAreTemporary(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		header string
		body   string
		want   tasks.Error
		text   string
	}{
		"500 empty":       {500, "", "", tasks.Error{Code: tasks.Temporary}, "HTTP 500 with an empty body"},
		"503 retry after": {503, "30", "busy", tasks.Error{Code: tasks.Temporary, RetryAfter: 30 * time.Second}, "HTTP 503 with 4 bytes of text/plain"},
		"429 JSON":        {429, "7", "{}", tasks.Error{Code: tasks.Temporary, RetryAfter: 7 * time.Second}, "HTTP 429"},
		"retry for ever":  {503, "99999999999999999999", "x", tasks.Error{Code: tasks.Temporary}, "HTTP 503"},
		"retry long":      {503, "99999999", "x", tasks.Error{Code: tasks.Temporary, RetryAfter: time.Hour}, "HTTP 503"},
		"404 page":        {404, "", "<html>", tasks.Error{Code: tasks.Temporary}, "HTTP 404"},
		"412":             {412, "", "<html>", tasks.Error{Code: tasks.Defect, Errcode: 412}, "Content-Length"},
		"502 with JSON":   {502, "", `{"errcode":40005}`, tasks.Error{Code: tasks.Rejected, Errcode: 40005}, "not taken as this type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			_, err := upload(t, newClient(t, config(srv.URL, nil), account(), nil))
			wantCode(t, err, c.want.Code, c.want.Errcode)
			e := tasks.AsError(err)
			wantText(t, err, c.text)
			if e.RetryAfter != c.want.RetryAfter {
				t.Errorf("got RetryAfter %v, want %v", e.RetryAfter, c.want.RetryAfter)
			}
		})
	}
}

func TestEveryRowIsComplete(t *testing.T) {
	t.Parallel()
	type key struct {
		api     wechat.API
		errcode int
	}
	seen := map[key]bool{}
	got := map[tasks.Code]map[int]bool{}
	for i, r := range wechat.Rows() {
		k := key{r.API, r.Errcode}
		if seen[k] {
			t.Errorf("%v is there twice", k)
		}
		seen[k] = true
		if r.Meaning == "" || r.Advice == "" || !chinese(r.MeaningZH) || !chinese(r.AdviceZH) || chinese(r.Meaning+r.Advice) {
			t.Errorf("%v: a text is missing or in the wrong language", k)
		}
		if i > 0 && wechat.Rows()[i-1].Errcode > r.Errcode {
			t.Errorf("%v is out of order", k)
		}
		if r.API == wechat.APIUpload {
			if got[r.Code] == nil {
				got[r.Code] = map[int]bool{}
			}
			got[r.Code][r.Errcode] = true
		}
	}
	want := map[tasks.Code]map[int]bool{}
	for code, errcodes := range classes {
		for _, e := range errcodes {
			if code != tasks.Unknown {
				if want[code] == nil {
					want[code] = map[int]bool{}
				}
				want[code][e] = true
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func chinese(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Han, r) {
			return true
		}
	}
	return false
}

func TestExplain(t *testing.T) {
	t.Parallel()
	if r, ok := wechat.Explain(45009); !ok || r.Code != tasks.DailyLimit || r.API != wechat.APIUpload {
		t.Errorf("45009: got %+v, %v", r, ok)
	}
	if r, ok := wechat.Explain(40007); !ok || r.Code != tasks.NotFound {
		t.Errorf("40007: got %+v, %v", r, ok)
	}
	if r, ok := wechat.Explain(12345); ok {
		t.Errorf("an unknown errcode was guessed to be %+v", r)
	}
}
