package wechat_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/worker/wechat"
)

var update = flag.Bool("update", false, "write ERRCODES.md anew")

// ERRCODES.md is the table for people, in both languages.
func TestErrcodesDocumentIsTheTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`# Errcodes of WeChat · 微信错误码

What mediaferry makes of each errcode. The code decides what happens: "mediaferry explain CODE" says more. This file is written by
"go test ./worker/wechat -run ErrcodesDocument -update".

各错误码的含义，以及应该怎么做。“code” 是 mediaferry 的分类，决定后续处理，详见 “mediaferry explain CODE”。

| errcode | call | code | meaning | what to do | 含义 | 处理办法 |
|---|---|---|---|---|---|---|
`)
	for _, r := range wechat.Rows() {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s |\n", r.Errcode, r.API, r.Code, r.Meaning, r.Advice, r.MeaningZH, r.AdviceZH)
	}
	const file = "ERRCODES.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b.String(), string(got)); d != "" {
		t.Errorf("%s is not the table: run the test with -update\n%s", file, d)
	}
}
