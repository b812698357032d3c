package lang_test

import (
	"testing"

	"github.com/mediaferry/mediaferry/tasks/lang"
)

func TestOfEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want lang.Language
		env  []string
	}{
		{lang.English, nil},
		{lang.Chinese, []string{"LANG=zh_CN.UTF-8"}},
		{lang.Chinese, []string{"LANG=zh"}},
		{lang.Chinese, []string{"LANG=zh_TW.Big5@radical"}},
		{lang.English, []string{"LANG=C"}},
		{lang.English, []string{"LANG=C.UTF-8"}},
		{lang.English, []string{"LANG=fr_FR.UTF-8"}},
		{lang.English, []string{"LANG=zhx"}},
		{lang.English, []string{"LANG=zh_CN.UTF-8", "LC_MESSAGES=en_US.UTF-8"}},
		{lang.Chinese, []string{"LANG=C", "LC_MESSAGES=en_US.UTF-8", "LC_ALL=zh_CN.UTF-8"}},
		{lang.English, []string{"LC_ALL=zh_CN.UTF-8", "MEDIAFERRY_LANG=en"}},
		{lang.Chinese, []string{"MEDIAFERRY_LANG=zh", "LC_ALL=C"}},
		{lang.Chinese, []string{"MEDIAFERRY_LANG=", "LC_ALL=", "LANG=zh_CN"}},
		{lang.English, []string{"LANG=zh_CN", "LANG=C"}}, // as of a test that sets it anew
	} {
		if got := lang.OfEnvironment(c.env); got != c.want {
			t.Errorf("%q is %s, want %s", c.env, got, c.want)
		}
	}
}

func TestOfHeader(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]lang.Language{
		"": lang.English, "zh": lang.Chinese, "zh-CN,zh;q=0.9,en;q=0.8": lang.Chinese, "en-GB,zh;q=0.5": lang.English, "fr": lang.English, "*": lang.English, ";;": lang.English,
	} {
		if got := lang.OfHeader(header); got != want {
			t.Errorf("%q is %s, want %s", header, got, want)
		}
	}
}
