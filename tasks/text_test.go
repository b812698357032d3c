package tasks_test

import (
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
)

// A sentence is what fmt makes of it, and has its values as they stand there, also after it was kept.
func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    *tasks.Text
		english string
		format  string
		said    string
	}{
		{tasks.Textf("there is no such batch"), "there is no such batch", "没有这个批次", "没有这个批次"},
		{tasks.Textf("%q has %d bytes", "a\nb", 12), `"a\nb" has 12 bytes`, "%[2]d 字节：%[1]q", `12 字节："a\nb"`},
		{tasks.Textf("100%% of %s", "it"), "100% of it", "%s 的 100%%", "it 的 100%"},
		{tasks.Textf("at %.1f, up to %05d", 1.25, 7), "at 1.2, up to 00007", "%s 到 %s", "1.2 到 00007"},
		{tasks.Textf("%[2]s before %[1]s", "a", "b"), "b before a", "%s 先于 %s", "b 先于 a"},
		{tasks.Textf("read it: %w", io.ErrUnexpectedEOF), "read it: unexpected EOF", "读取：%w", "读取：unexpected EOF"},
	} {
		b, err := json.Marshal(c.text)
		if err != nil {
			t.Fatal(err)
		}
		kept := new(tasks.Text)
		if err := json.Unmarshal(b, kept); err != nil {
			t.Fatal(err)
		}
		for _, text := range []*tasks.Text{c.text, kept} {
			if got := text.Fill(c.format); got != c.said {
				t.Errorf("%s is said %q, want %q", b, got, c.said)
			}
		}
		if c.text.Error() != c.english {
			t.Errorf("%s is %q in English, want %q", b, c.text.Error(), c.english)
		}
	}
	if err := tasks.Textf("read it: %w", io.EOF); !errors.Is(err, io.EOF) {
		t.Error("the cause is lost")
	}
}

// The sentence that an error was made from is among its values, and its advice is its hint.
func TestErrorValues(t *testing.T) {
	t.Parallel()
	e := (&tasks.Error{Code: tasks.NotFound, Op: "look up", Err: tasks.Textf("there is no producer %q", "shop")}).Advise("mediaferry keys add %s", "shop")
	if e.Advice() != "mediaferry keys add shop" {
		t.Errorf("advice %q", e.Advice())
	}
	got, err := json.Marshal(e.Values())
	want := `{"text":{"format":"there is no producer %q","values":["\"shop\""]},"advice":{"format":"mediaferry keys add %s","values":["shop"]}}`
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	rule := tasks.Error{Code: tasks.TooLong, Err: tasks.Textf("it is long"), Params: tasks.Params{Rule: tasks.RuleSeconds}}
	if rule.Values().Text != nil {
		t.Error("a rule says it, and a sentence says it again")
	}
}
