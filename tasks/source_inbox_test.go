package tasks_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestInboxSource(t *testing.T) {
	t.Parallel()
	want := tasks.Source{Inbox: "6f0c", Path: "shop/9a7e/a b#%照片.jpg"}
	const text = "inbox:6f0c/shop/9a7e/a%20b%23%25照片.jpg"
	if got := want.String(); got != text {
		t.Errorf("it is written %s", got)
	}
	got, err := tasks.ParseSource(text)
	if diff := cmp.Diff(want, got); diff != "" || err != nil || got.Owner() != "shop" || got.Local() {
		t.Errorf("%v %s", err, diff)
	}
	for _, s := range []string{
		"inbox:", "inbox:a", "inbox:a/b/c", "inbox:a/b/c/d/e", "inbox:a/b/c/", "inbox:/b/c/d", "inbox:a//c/d", "inbox:../b/c/d", "inbox:a/../c/d",
		"inbox:a/b/../d", "inbox:a/b/c/..", "inbox:a/b/c/.", "inbox:a/b/c%2Fd/e", "inbox:a/b/%2E%2E/d", "inbox:a/b c/d/e", "inbox:a b/c/d/e",
		"inbox:a/b/c/d%00", "inbox:a/b/c/%zz", "Inbox:a/b/c/d",
	} {
		if got, err := tasks.ParseSource(s); tasks.CodeOf(err) != tasks.Invalid {
			t.Errorf("%q is %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"a.jpg", "s3://media/a.jpg", "file:///a#b", "file:a"} {
		if src, err := tasks.ParseSource(s); err != nil || src.Owner() != "" {
			t.Errorf("%s belongs to %q, %v", s, src.Owner(), err)
		}
	}
}
