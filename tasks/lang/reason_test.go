package lang

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

// Every code, rule, remedy, type and state has its text in Chinese, and no text is of anything else.
func TestCatalogs(t *testing.T) {
	t.Parallel()
	catalogs, err := Catalogs(messages, "messages")
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{"parts.detail": true, "parts.errcode": true, "parts.wechat": true, "parts.fix": true, "parts.submit_as": true, "parts.submit_after": true}
	for _, c := range tasks.Codes() {
		wanted["codes."+string(c)] = true
		if c.Hint() != "" {
			wanted["codes."+string(c)+"_hint"] = true
		}
	}
	for _, r := range tasks.Rules {
		wanted["rules."+string(r)] = true
	}
	for _, r := range tasks.Remedies {
		wanted["remedies."+string(r)] = true
	}
	for _, x := range tasks.MediaTypes {
		wanted["types."+string(x)] = true
	}
	for _, s := range tasks.States {
		wanted["states."+string(s)] = true
	}
	there := map[string]bool{}
	for file, c := range catalogs {
		for key, texts := range c {
			id := file + "." + key
			there[id] = true
			if !wanted[id] {
				t.Errorf("%s in tasks/lang/messages/%s.yaml is used by nobody", id, file)
			}
			if texts[Chinese] == "" {
				t.Errorf("%s has no Chinese text: add it to tasks/lang/messages/%s.yaml", id, file)
			}
		}
	}
	for id := range wanted {
		if !there[id] {
			t.Errorf("%s is missing: add it to tasks/lang/messages", id)
		}
	}
}

// explained is what a test's WeChat means.
func explained(l Language, code tasks.Code, errcode int) (meaning, remedy string, ok bool) {
	if errcode != 40001 || l != Chinese {
		return "", "", false
	}
	if code == tasks.AccountHeld {
		return "AppSecret 错误", "请设置当前的 AppSecret", true
	}
	return "access_token 无效", "无需处理", true
}

func TestReason(t *testing.T) {
	t.Parallel()
	r, err := NewReasons(explained)
	if err != nil {
		t.Fatal(err)
	}
	webp := tasks.Params{Rule: tasks.RuleKind, Format: "WebP", Accepts: "JPEG, PNG, GIF", Type: tasks.Image, Fix: true, Command: "convert INPUT OUTPUT.jpg"}
	for name, c := range map[string]struct {
		cause          Cause
		reason, remedy string
	}{
		"a rule": {
			Cause{Code: tasks.Unsupported, Reason: "check image: this is WebP, WeChat takes JPEG, PNG and GIF as image", Params: webp},
			"文件是 WebP，微信的图片只支持 JPEG、PNG、GIF", "加 --fix 自动处理，或执行：convert INPUT OUTPUT.jpg",
		},
		"seconds": {
			Cause{Code: tasks.TooLong, Params: tasks.Params{Rule: tasks.RuleSeconds, Measured: 61.244, Limit: 60, Command: "ffmpeg -t 60"}},
			"语音时长 61.2 秒，超过微信上限 60 秒", "ffmpeg -t 60",
		},
		"bytes": {
			Cause{Code: tasks.TooLarge, Params: tasks.Params{Rule: tasks.RuleBytes, Measured: 12 << 20, Limit: 10 << 20}},
			"文件大小 12 MiB，超过微信上限 10 MiB", "请缩小文件",
		},
		"pixels": {
			Cause{Code: tasks.TooLarge, Params: tasks.Params{Rule: tasks.RulePixels, Measured: 3.6e9, Limit: 128e6}},
			"图片共 36 亿像素，超过上限 1.28 亿像素", "请缩小文件",
		},
		"another type": {
			Cause{Code: tasks.Unsupported, Params: tasks.Params{Rule: tasks.RuleKind, Format: "MP3", Accepts: "MP4", Type: tasks.Video, SubmitAs: tasks.Voice}},
			"文件是 MP3，微信的视频只支持 MP4", "请按语音提交（--type voice）",
		},
		"damage": {
			Cause{Code: tasks.Corrupt, Params: tasks.Params{Rule: tasks.RuleWhole, Detail: "JPEG ends at byte 7"}},
			"文件不完整，末尾有缺失（JPEG ends at byte 7）", "请重新导出文件",
		},
		"WeChat's words": {
			Cause{Code: tasks.AccountHeld, Errcode: 40001, Params: tasks.Params{Detail: "invalid credential"}},
			"AppSecret 错误（微信返回 40001：invalid credential）", "请设置当前的 AppSecret",
		},
		"the same errcode from another call": {
			Cause{Code: tasks.TokenRefused, Errcode: 40001},
			"access_token 无效（微信错误码 40001）", "无需处理",
		},
		"an old row": {
			Cause{Code: tasks.AccountHeld, Errcode: 40001, Reason: "fetch token: WeChat says: invalid credential (errcode 40001)"},
			"AppSecret 错误（微信返回 40001：invalid credential）", "请设置当前的 AppSecret",
		},
		"an old row of ours": {
			Cause{Code: tasks.Missing, Reason: "open source: a.jpg: no such file or directory", Hint: tasks.Missing.Hint()},
			"文件不存在（open source: a.jpg: no such file or directory）", "请检查路径后重试",
		},
		"nothing to add": {
			Cause{Code: tasks.Stopped, Reason: "cancel upload: it was canceled"}, "已被取消", "",
		},
		"a hint of its own": {
			Cause{Code: tasks.Unavailable, Reason: "the disk is full", Hint: "free some space"},
			"所需的服务暂时不可用（the disk is full）", "free some space",
		},
	} {
		if got := r.Reason(Chinese, c.cause); got != c.reason {
			t.Errorf("%s: the reason is %q, want %q", name, got, c.reason)
		}
		if got := r.Remedy(Chinese, c.cause); got != c.remedy {
			t.Errorf("%s: the remedy is %q, want %q", name, got, c.remedy)
		}
		if got := r.Reason(English, c.cause); got != c.cause.Reason {
			t.Errorf("%s: in English it is %q", name, got)
		}
	}
	e := tasks.Error{Code: tasks.Denied, Op: "read", Err: errors.New("no")}
	if got := r.Reason(Chinese, CauseOfError(tasks.AsError(fmt.Errorf("x: %w", &e)))); got != "无法从这里读取该文件（no）" {
		t.Errorf("an error is %q", got)
	}
}
