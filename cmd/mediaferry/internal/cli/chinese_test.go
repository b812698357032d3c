package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// The first minute of somebody who reads Chinese: a folder with files that WeChat refuses, a held account, and a retry.
// Everything is said in Chinese, but for names, codes and the words of others, and every table stands in columns.
func TestTheFirstMinuteInChinese(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Set("LANG", "zh_CN.UTF-8")
	for _, s := range mediatest.Broken() {
		if s.Name == "webp-named.jpg" || s.Name == "too-long.amr" || s.Name == "truncated.jpg" {
			g.Write("照片/"+s.Name, s.Bytes)
		}
	}
	g.Write("照片/门店正面.jpg", mediatest.Distinct(1, tasks.Image, 5000))
	makeOld(t, g.Media)
	said := func(r clitest.Result, code int, wanted ...string) {
		t.Helper()
		if r.Code != code {
			t.Errorf("exit code %d, want %d\n%s%s", r.Code, code, r.Out, r.Err)
		}
		t.Logf("\n%s%s", r.Out, r.Err)
		for _, text := range wanted {
			if !strings.Contains(r.Out+r.Err, text) {
				t.Errorf("%q is not said:\n%s%s", text, r.Out, r.Err)
			}
		}
		inColumns(t, r.Out)
	}
	said(g.Run("check", g.Media), tasks.ExitFailed, "文件是 WebP，微信的图片只支持 JPEG、PNG、GIF → 加 --fix 自动处理，或执行：convert ",
		"语音时长 63 秒，超过微信上限 60 秒 → ffmpeg -t 60 ", "文件不完整，末尾有缺失（JPEG 在第", "共 4 个文件：通过 1，不通过 3")
	said(g.Run("upload", "--quiet", g.Media), tasks.ExitFailed, "失败 too_long", "失败：语音时长 63 秒，超过微信上限 60 秒", "共 4 个文件：成功 1（复用 0），失败 3，取消 0，未完成 0")
	said(g.Run("upload", "--quiet", g.Media), tasks.ExitFailed, "其中 4 个沿用之前的结果，本次调用 0 次")
	g.Write("照片/新品.jpg", mediatest.Distinct(2, tasks.Image, 5000))
	makeOld(t, g.Media)
	g.Sandbox.Script(wechattest.Fault{Path: "media/upload", Errcode: 48001, Times: 1})
	said(g.Run("upload", "--quiet", g.Media+"/照片/新品.jpg"), tasks.ExitAccount, "账号 default 已暂停：接口未授权（微信返回 48001", "请确认账号已认证，并拥有该接口的权限", "mediaferry accounts resume default")
	said(g.Run("status"), tasks.ExitOK, "排队中", "待发送的回调", "受理 5 = 成功 1 + 失败 3", "暂停至", "接口未授权")
	said(g.Run("doctor"), tasks.ExitFailed, "有问题  账号 default", "→ 请确认账号已认证，并拥有该接口的权限", "数据目录")
	said(g.Run("accounts", "list"), tasks.ExitOK, "今日调用", "接口未授权")
	said(g.Run("accounts", "resume", "default"), tasks.ExitOK, "default 已恢复：微信接受该账号")
	said(g.Run("retry", "--state", "failed", "--yes", "--quiet"), tasks.ExitFailed, "符合条件 3 个：可重试 3 个", "今日剩余额度", "已重试 3 / 3")
	said(g.Run("list"), tasks.ExitOK, "提交时间", "成功", "秒")
	said(g.Run("list", "actions"), tasks.ExitOK, "重试", "已完成")
	said(g.Run("show", g.Media+"/照片/too-long.amr"), tasks.ExitOK, "原因", "语音时长 63 秒", "处理办法", "轮次")
	said(g.Run("media", "show", g.Media), tasks.ExitFailed, "没有：语音时长 63 秒")
	if r := g.Run("explain", "45009"); !strings.HasPrefix(r.Out, "45009  接口调用次数已达到当日上限") {
		t.Errorf("45009 is explained as\n%s", r.Out)
	}
	said(g.Run("print", "errcodes"), tasks.ExitOK, "错误码", "处理办法")
	said(g.Run("upload", "--wait", "-1s", g.Media), tasks.ExitUsage, "mediaferry: --wait 不能为负")
	said(g.Run("uplod"), tasks.ExitUsage, `mediaferry: 用法或设置有误："mediaferry" 没有子命令 "uplod"：是不是想用 upload?`)
	for _, r := range []clitest.Result{g.Run("check", "--output", "json", g.Media), g.Run("list", "--output", "json"), g.Run("list", "--output", "csv"), g.Run("status", "--output", "json"), g.Run("doctor", "--output", "json")} {
		for _, text := range []string{"语音时长", "失败", "超过", "数据目录", "接口未授权", "请"} {
			if strings.Contains(r.Out, text) {
				t.Errorf("what programs read says %q:\n%s", text, r.Out)
			}
		}
	}
}

// makeOld makes files an hour old: one that is cut off and new may still be written, and is tried again.
func makeOld(t *testing.T, dir string) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, long, long)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// cells measures as terminals do: a Chinese character takes two.
var cells = runewidth.Condition{StrictEmojiNeutral: true}

var columnGap = regexp.MustCompile(` {2,}`)

// inColumns looks whether the cells of each table begin where its headings do.
func inColumns(t *testing.T, out string) {
	t.Helper()
	for table := range strings.SplitSeq(out, "\n\n") {
		lines := strings.Split(strings.Trim(table, "\n"), "\n")
		var starts []int
		for _, gap := range columnGap.FindAllStringIndex(lines[0], -1) {
			starts = append(starts, cells.StringWidth(lines[0][:gap[1]]))
		}
		for _, line := range lines[1:] {
			if !columnGap.MatchString(line) { // a sentence under the table
				continue
			}
			for _, start := range starts {
				if !breaksAt(line, start) {
					t.Errorf("no column begins at cell %d of\n%s\nas under\n%s", start, line, lines[0])
				}
			}
		}
	}
}

// breaksAt reports whether a line is shorter than start cells, or has the space between two columns before that cell.
func breaksAt(line string, start int) bool {
	width := 0
	before := ""
	for _, r := range line {
		if width == start {
			return strings.HasSuffix(before, "  ")
		}
		width += cells.RuneWidth(r)
		before += string(r)
	}
	return width <= start
}
