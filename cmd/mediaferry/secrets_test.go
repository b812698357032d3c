package main

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // reads the ledger's rows
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// evidence is everything that a run left where somebody may read it, by the name of the place.
type evidence map[string]string

func (e evidence) add(place, text string) { e[place] += text + "\n" }

// traces finds a secret as it is, percent-encoded, in base64 (wherever it begins within a group) and in hex.
func traces(secret string) *regexp.Regexp {
	forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	for offset, first := range []int{0, 2, 3} {
		b := append(make([]byte, offset), secret...)
		text := base64.RawStdEncoding.EncodeToString(b)
		if len(b)%3 != 0 {
			text = text[:len(text)-1]
		}
		forms = append(forms, text[first:], strings.NewReplacer("+", "-", "/", "_").Replace(text[first:]))
	}
	for i, f := range forms {
		forms[i] = regexp.QuoteMeta(f)
	}
	return regexp.MustCompile(strings.Join(forms, "|") + "|(?i:" + hex.EncodeToString([]byte(secret)) + ")")
}

// mirror is an upstream that sends back whatever it is told, in every encoding. Below /good it is a token server.
func mirror(t *testing.T, token string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/good") {
			fmt.Fprint(w, token)
			return
		}
		body, _ := io.ReadAll(r.Body)
		told := []string{r.URL.String(), string(body)}
		for _, name := range slices.Sorted(maps.Keys(r.Header)) { // Authorization comes first: what is shown is cut
			told = append(slices.Clone(r.Header[name]), told...)
		}
		slices.Reverse(told)
		if user, password, ok := r.BasicAuth(); ok {
			told = append([]string{user + password}, told...)
		}
		var all []string
		for _, s := range told {
			all = append(all, base64.StdEncoding.EncodeToString([]byte("a"+s)), hex.EncodeToString([]byte(s)), url.QueryEscape(s), s)
		}
		if r.Header.Get("X-Amz-Date") != "" {
			text := r.Header.Get("X-Amz-Security-Token") + " " + strings.Join(all, " ")
			http.Error(w, "<Error><Code>Odd</Code><Message>"+strings.NewReplacer("&", "+", "<", "(").Replace(text)+"</Message></Error>", http.StatusForbidden)
			return
		}
		text, err := json.Marshal(strings.Join(all, " | "))
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `{"errcode":40125,"errmsg":%s}`, text)
	}))
	t.Cleanup(s.Close)
	return s
}

// scenario is a run with known secrets.
type scenario struct {
	*clitest.Ground
	known map[string]string // by what it is
	seen  evidence
}

// of makes one more secret.
func (s *scenario) of(what string) string {
	n := len(s.known)
	s.known[what] = fmt.Sprintf("hush%02d-%d-%c", n, n*7919+10000003, 'A'+n%26)
	return s.known[what]
}

// key makes one of 32 bytes.
func (s *scenario) key(what string, b byte) string {
	s.known[what] = strings.Repeat(fmt.Sprintf("%02x", b), 16) + strings.Repeat(fmt.Sprintf("%02x", b+1), 16)
	return s.known[what]
}

// whsec makes one that signs webhooks.
func (s *scenario) whsec(what string) string {
	n := len(s.known)
	s.known[what] = "whsec_" + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "webhook secret no. %04d, %06d", n, n*7919))
	return s.known[what]
}

// does runs a command and keeps what it printed.
func (s *scenario) does(args ...string) clitest.Result {
	s.T.Helper()
	res := s.Run(args...)
	s.seen.add("mediaferry "+strings.Join(args, " "), res.Out+res.Err)
	return res
}

// ask makes a request to the process that serves at address.
func (s *scenario) ask(address, method, path, body, key string) string {
	s.T.Helper()
	req, err := http.NewRequestWithContext(s.T.Context(), method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return string(b)
}

// A callback URL is kept, and shown to whom it belongs, whole: that is what it is for. Nothing else shows its parameters.
const callback = "the parameter of webhook.url"

var keepsCallbacks = regexp.MustCompile(`^(row of (uploads|batches|events|deliveries)|GET /v1/(batches|deliveries)|mediaferry webhook list --output json)$`)

// A whole scenario, with a secret of each kind there is: uploads that succeed and fail, upstreams that send back what
// they are told, refused settings, commands that print. No secret is found in any output, log, row of the ledger, key
// of Redis or file of the data dir, in plain, percent-encoded, base64 or hex.
func TestNoSecretIsFoundAnywhere(t *testing.T) {
	t.Parallel()
	s := &scenario{known: map[string]string{}, seen: evidence{}}
	goodToken := s.of("a token of a token server")
	s.Ground = clitest.New(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: "wx-good", Secret: s.of("appsecret")}, {AppID: "wx-url", Secret: "x", Token: goodToken},
	}})
	m := mirror(t, goodToken)
	withUser := func(base, user, password string) string {
		return strings.Replace(base, "//", "//"+user+":"+password+"@", 1)
	}
	redisPassword := s.of("redis password")
	r := redistest.Start(t, "--requirepass", redisPassword)
	ledgerURL := ledgertest.Postgres(t)
	s.Env = slices.DeleteFunc(s.Env, func(kv string) bool {
		return strings.HasPrefix(kv, "MEDIAFERRY_WECHAT_APPID") || strings.HasPrefix(kv, "MEDIAFERRY_WECHAT_SECRET")
	})
	for _, kv := range [][2]string{
		{"REDIS_URL", withUser(r.URL(), "default", redisPassword)},
		{"LEDGER_URL", ledgerURL + "&password=" + s.of("postgres password")},
		{"TOKEN_KEY", s.key("token_key", 0x3a)},
		{"TOKEN_KEY_OLD", s.key("token_key_old", 0x5c)},
		{"LOG__LEVEL", "debug"},
		{"ACCOUNTS__GOOD__APPID", "wx-good"},
		{"ACCOUNTS__GOOD__SECRET", s.known["appsecret"]},
		{"ACCOUNTS__URL__APPID", "wx-url"},
		{"ACCOUNTS__URL__TOKEN_URL", withUser(m.URL, "me", s.of("token_url password")) + "/good?key=" + s.of("token_url parameter")},
		{"ACCOUNTS__URL__TOKEN_HEADER", "X-Key: " + s.of("token_header")},
		{"ACCOUNTS__BADURL__APPID", "wx-badurl"},
		{"ACCOUNTS__BADURL__TOKEN_URL", withUser(m.URL, "me", s.of("token_url password of a mirror")) + "/bad?key=" + s.of("token_url parameter of a mirror")},
		{"ACCOUNTS__BADURL__TOKEN_HEADER", "X-Key: " + s.of("token_header of a mirror")},
		{"ACCOUNTS__COMMAND__APPID", "wx-command"},
		{"ACCOUNTS__COMMAND__TOKEN_COMMAND", "/bin/false," + s.of("token_command argument")},
		{"ACCOUNTS__STATIC__APPID", "wx-static"},
		{"ACCOUNTS__STATIC__ACCESS_TOKEN", s.of("access_token")},
		{"ACCOUNTS__WRONG__APPID", "wx-wrong"},
		{"ACCOUNTS__WRONG__SECRET", s.of("a wrong appsecret")},
		{"WEBHOOK__URL", m.URL + "/hook?token=" + s.of(callback)},
		{"WEBHOOK__SECRETS", s.whsec("webhook.secrets") + "," + s.whsec("webhook.secrets, second")},
		{"WEBHOOK__ALLOW", "127.0.0.1"},
		{"PRODUCERS__SHOP__KEY", s.of("a producer's key")},
		{"PRODUCERS__SHOP__WEBHOOK_SECRETS", s.whsec("a producer's webhook secret")},
		{"PRODUCERS__BOSS__KEY", s.of("an operator's key")},
		{"PRODUCERS__BOSS__ROLE", "operator"},
		{"S3__ENDPOINT", m.URL}, {"S3__REGION", "us-east-1"}, {"S3__STYLE", "path"}, {"S3__BUCKETS", "media"},
		{"S3__ACCESS_KEY", "access-key-id"},
		{"S3__SECRET_KEY", s.of("s3.secret_key")},
		{"S3__SESSION_TOKEN", s.of("s3.session_token")},
		{"WORKER__BACKOFF_BASE", "10ms"}, {"WORKER__ATTEMPTS", "2"},
	} {
		s.Set("MEDIAFERRY_"+kv[0], kv[1])
	}
	res := s.Run("keys", "add", "crm") // is meant to print one
	if s.known["a key of the ledger"] = strings.TrimSpace(res.Out); res.Code != tasks.ExitOK {
		t.Fatal(res.Code, res.Err)
	}
	s.upload()
	s.refuse()

	dumpLedger(t, ledgerURL, s.seen)
	dumpRedis(t, r.Addr(), redisPassword, s.seen)
	files, err := filepath.Glob(filepath.Join(s.Dir, "data", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			s.seen.add("the file "+filepath.Base(f), string(b))
		}
	}
	if len(s.known) < 30 {
		t.Errorf("%d secrets", len(s.known))
	}
	for place, text := range s.seen {
		for what, secret := range s.known {
			if what == callback && keepsCallbacks.MatchString(place) {
				continue
			}
			if found := traces(secret).FindStringIndex(text); found != nil {
				t.Errorf("%s: %s is found: …%.200q…", place, what, text[max(0, found[0]-80):])
			}
		}
	}
	t.Logf("%d secrets looked for in %d places", len(s.known), len(s.seen))
}

// upload runs uploads of every account in a process that logs all it can, and asks about them.
func (s *scenario) upload() {
	run := s.Start("run", "--verbose")
	served := regexp.MustCompile(`"?address"?[:=]"?([0-9.:]+)`)
	var at []string
	taskstest.Until(s.T, "the address is logged", func() bool { at = served.FindStringSubmatch(run.Log.String()); return at != nil })
	address := at[1]
	for i, account := range strings.Fields("good url badurl command static wrong") {
		s.Write(account+".jpg", mediatest.Distinct(i, tasks.Image, 3000+i))
		s.does("upload", "--detach", "--account", account, filepath.Join(s.Media, account+".jpg"))
	}
	s.does("upload", "--detach", "--account", "good", "s3://media/a.jpg")
	post := func(name, body, key string) {
		s.seen.add("POST /v1/uploads of "+name, s.ask(address, "POST", "/v1/uploads", body, key))
	}
	post("shop", `{"account":"good","type":"image","source":"good.jpg","external_id":"h1"}`, s.known["a producer's key"])
	post("shop", `{"account":"good","type":"image","source":"s3://media/a.jpg"}`, s.known["an operator's key"])
	post("crm", `{"account":"good","type":"image","source":"good.jpg"}`, s.known["a key of the ledger"])
	var token struct {
		Token string `json:"access_token"`
	}
	answer := s.ask(address, "GET", "/cgi-bin/token?grant_type=client_credential&appid=shop&secret="+url.QueryEscape(s.known["a producer's key"]), "", "")
	if err := json.Unmarshal([]byte(answer), &token); err != nil || token.Token == "" {
		s.T.Fatal(err, answer)
	}
	s.known["a drop-in token"] = token.Token
	s.seen.add("drop-in", s.ask(address, "POST", "/cgi-bin/media/upload?type=image&access_token="+token.Token, "", ""))

	l := s.Ledger()
	taskstest.Until(s.T, "the uploads of good accounts succeeded, and those of others met their trouble", func() bool {
		status, err := l.Status(s.T.Context())
		held := 0
		for _, a := range status.Accounts {
			if a.Hold != nil {
				held++
			}
		}
		return err == nil && status.Counts[tasks.Succeeded] >= 4 && status.Counts[tasks.Failed] >= 1 && held >= 3
	})
	for path := range strings.FieldsSeq("/v1/uploads /v1/accounts /v1/deliveries /v1/batches /metrics /readyz /openapi.json") {
		s.seen.add("GET "+path, s.ask(address, "GET", path, "", s.known["an operator's key"]))
	}
	for _, args := range [][]string{
		{"status"}, {"list"}, {"list", "--output", "json"}, {"list", "--output", "csv"}, {"doctor"}, {"doctor", "--output", "json"}, {"print", "config"}, {"print", "keys"},
		{"accounts", "list"}, {"accounts", "probe", "badurl"}, {"accounts", "probe", "wrong"}, {"accounts", "probe", "command"}, {"webhook", "list"}, {"webhook", "list", "--output", "json"},
		{"keys", "list"}, {"verify"}, {"check", filepath.Join(s.Media, "good.jpg")}, {"show", "h1"}, {"webhook", "secret"}, {"webhook", "rotate"},
	} {
		s.does(args...)
	}
	run.Signal(syscall.SIGTERM)
	<-run.Done
	s.seen.add("the log of run", run.Log.String())
	if !strings.Contains(s.seen["the log of run"], "***") {
		s.T.Error("no upstream sent back a secret: nothing was hidden")
	}
}

// refuse gives settings that are refused, each with a password that nothing else knows.
func (s *scenario) refuse() {
	for variable, value := range map[string]string{
		"WECHAT_BASE_URL": "https://me:%s@wechat.example", "WEBHOOK__URL": "https://me:%s@hook.example", "S3__ENDPOINT": "https://me:%s@s3.example",
		"REDIS_URL": "redis://me:%s/x@h", "LEDGER_URL": "mysql://me:%s@h/db", "WECHAT_PROXY": "gopher://me:%s@proxy", "TOKEN_KEY": "%s",
		"PRODUCERS__SHOP__CALLBACK_URL": "https://me:%s@hook.example", "S3__SECRET_KEY": "%s with spaces", "ACCOUNTS__URL__TOKEN_URL": "ftp://me:%s@h",
	} {
		before := slices.Clone(s.Env)
		s.Set("MEDIAFERRY_"+variable, fmt.Sprintf(value, s.of("a refused "+variable)))
		if res := s.does("print", "config"); res.Code != tasks.ExitUsage {
			s.T.Errorf("%s: exit code %d", variable, res.Code)
		}
		s.Env = before
	}
}

// dumpLedger adds every row of every table, as text.
func dumpLedger(t *testing.T, url string, seen evidence) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names := column(t, db, "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
	if len(names) < 10 {
		t.Fatalf("tables: %v", names)
	}
	for _, name := range names {
		for _, row := range column(t, db, "SELECT CAST(x.* AS text) FROM "+name+" x") {
			seen.add("row of "+name, row)
		}
	}
}

func column(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(query, err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// dumpRedis adds every key with its value.
func dumpRedis(t *testing.T, addr, password string, seen evidence) {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: addr, Password: password})
	defer func() { _ = rdb.Close() }()
	keys, err := rdb.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatal(keys, err)
	}
	for _, k := range keys {
		var value any
		switch kind := rdb.Type(t.Context(), k).Val(); kind {
		case "string":
			value = rdb.Get(t.Context(), k).Val()
		case "hash":
			value = rdb.HGetAll(t.Context(), k).Val()
		case "list":
			value = rdb.LRange(t.Context(), k, 0, -1).Val()
		case "set":
			value = rdb.SMembers(t.Context(), k).Val()
		case "zset":
			value = rdb.ZRange(t.Context(), k, 0, -1).Val()
		case "stream":
			value = rdb.XRange(t.Context(), k, "-", "+").Val()
		case "none": // it ended meanwhile
		default:
			t.Errorf("%s is a %s, which this test can't read", k, kind)
		}
		seen.add("the key "+k, fmt.Sprint(value))
	}
}
