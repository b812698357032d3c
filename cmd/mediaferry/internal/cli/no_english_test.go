package cli_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// inEnglish is what may stand in a line without a Chinese word.
var inEnglish = []*regexp.Regexp{
	regexp.MustCompile(`^ *(\$ )?mediaferry( |$)`),                                // a command to type
	regexp.MustCompile(`^ *\S+\.(go|md|html)\b`),                                  // the name of a document
	regexp.MustCompile(`^ *"?(https?|whsec_|sha256:|mf_)\S*$`),                    // an address, or a key that was made
	regexp.MustCompile(`^[A-Za-z0-9_.-]+ +[a-z_]+ *$`),                            // a name and a word that programs read
	regexp.MustCompile(`^(image|voice|video|thumb) +(JPEG|MP4) +[0-9]+[KM]iB *$`), // the limits of a type
	regexp.MustCompile(`^mediaferry \S+ \(.*\)$`),                                 // the version
}

// Nothing that a person reads in Chinese is a line of English words: neither where a command does its work nor where it
// fails. What WeChat and libraries say stands behind Chinese words.
func TestNothingIsSaidInEnglish(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Set("LANG", "zh_CN.UTF-8")
	for _, s := range mediatest.Broken() {
		g.Write("broken/"+s.Name, s.Bytes)
	}
	g.Write("good/a.jpg", mediatest.Distinct(1, tasks.Image, 5000))
	g.Write("good/empty.jpg", nil)
	g.Write("bad.csv", []byte("path,colour\na.jpg,red\n"))
	g.Write("bad.jsonl", []byte("{\"path\":\"good/a.jpg\",\"type\":\"film\"}\n{\"path\":\"/etc/passwd\"}\nnonsense\n"))
	g.Write("bad.yaml", []byte("retention: soon\nlisten: here\nworkers: 3\nworker:\n  concurrency: 0\nredis_url: redis://\naccounts:\n  a: {token: static}\n  'b c': {}\n"))
	makeOld(t, g.Media)
	at := func(name string) string { return filepath.Join(g.Media, name) }
	for _, line := range [][]string{
		{"check", g.Media},
		{"upload", "--dry-run", g.Media},
		{"upload", "--quiet", at("good")},
		{"upload", "--quiet", "--manifest", at("bad.csv")},
		{"upload", "--quiet", "--manifest", at("bad.jsonl")},
		{"upload", "--quiet", at("nothing-here")},
		{"upload"},
		{"upload", "--type", "film", g.Media},
		{"status"}, {"doctor"}, {"list"}, {"list", "actions"}, {"show", at("good/a.jpg")}, {"accounts", "list"},
		{"accounts", "probe", "default"}, {"accounts", "resume", "default"}, {"accounts", "probe", "nobody"},
		{"media", "show", at("good/a.jpg")}, {"media", "list"}, {"media", "get", at("good/a.jpg")}, {"media", "renew", "nonsense"}, {"media", "forget", "nonsense"},
		{"retry", "--state", "failed", "--yes", "--quiet"}, {"retry"}, {"retry", "nonsense"}, {"cancel", "--state", "queued", "--yes"}, {"cancel", at("good/a.jpg")},
		{"webhook", "list"}, {"webhook", "secret"}, {"webhook", "rotate"}, {"webhook", "rotate", "--finish"}, {"webhook", "rotate", "--finish"}, {"webhook", "show", "7"}, {"webhook", "replay"}, {"webhook", "verify", at("bad.csv")},
		{"keys", "list"}, {"keys", "add", "shop"}, {"keys", "add", "a b"}, {"keys", "add", "x", "--role", "king"}, {"keys", "revoke", "shop"}, {"keys", "revoke", "nobody"},
		{"verify"}, {"backup", at("copy.db")}, {"backup", at("copy.db")}, {"restore", at("copy.db")}, {"restore", at("bad.csv")}, {"migrate"}, {"health"},
		{"explain", "7654321"}, {"explain", "nonsense"}, // others are explained in both languages
		{"print", "keys"}, {"print", "limits"}, {"print", "errcodes"},
		{"list", "--since", "some day"}, {"list", "--state", "odd"}, {"list", "--limit", "x"}, {"list", "--bogus"}, {"list", "--type"}, {"list", "too", "many"}, {"show"}, {"show", "no such thing"},
		{"uplod"}, {"accounts", "reusme", "x"}, {"serve", "extra"}, {"webhook", "listen", "--listen", "nowhere"}, {"sandbox", "--listen", "nowhere"},
		{"status", "--config", at("bad.yaml")}, {"status", "--config", at("none.yaml")},
	} {
		r := g.Run(line...)
		for said := range strings.Lines(r.Out + r.Err) {
			if english(strings.TrimRight(said, "\n")) {
				t.Errorf("%s says in English: %s", strings.Join(line, " "), said)
			}
		}
		if len(line) < 2 || line[0] != "keys" { // columns of words beside each other
			inColumns(t, r.Out)
		}
	}
}

// english reports whether a line has English words and no Chinese one.
func english(line string) bool {
	if strings.ContainsFunc(line, func(r rune) bool { return unicode.Is(unicode.Han, r) }) || !twoWords.MatchString(line) {
		return false
	}
	for _, allowed := range inEnglish {
		if allowed.MatchString(line) {
			return false
		}
	}
	return true
}

// twoWords are two words of letters, one after the other.
var twoWords = regexp.MustCompile(`(?i)\b[a-z]{2,}[,:;]? +[a-z]{2,}\b`)
