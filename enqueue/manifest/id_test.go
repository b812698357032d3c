package manifest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestExternalID(t *testing.T) {
	t.Parallel()
	row := manifest.Row{Line: 7, Upload: tasks.Upload{Source: "a.jpg", Type: tasks.Image}, Size: 5, Modified: time.Unix(1, 5)}
	name := func(change func(*manifest.Row)) string {
		r := row
		change(&r)
		return manifest.ExternalID("shop", "api.weixin.qq.com", "wx1", r)
	}
	id := name(func(*manifest.Row) {})
	const pinned = "7819d5c1-4c9f-5110-b102-8da5f703d340"
	if id != pinned {
		t.Errorf("the name of the same row is now %s: every file would be submitted anew", id)
	}
	if u, err := uuid.Parse(id); err != nil || u.Version() != 5 {
		t.Errorf("%q is not a UUIDv5", id)
	}
	same := map[string]string{
		"line":     name(func(r *manifest.Row) { r.Line = 8 }),
		"zone":     name(func(r *manifest.Row) { r.Modified = r.Modified.UTC() }),
		"filename": name(func(r *manifest.Row) { r.Upload.Filename = "b.jpg" }),
		"metadata": name(func(r *manifest.Row) { r.Upload.Metadata = []byte("1") }),
	}
	for what, got := range same {
		if got != id {
			t.Errorf("another %s gives another name", what)
		}
	}
	tagged := func(at time.Time) string { return name(func(r *manifest.Row) { r.ETag, r.Modified = "x", at }) }
	if tagged(time.Unix(1, 0)) != tagged(time.Unix(2, 0)) {
		t.Error("an object is named by its time, which listings and objects tell differently, and not by its ETag")
	}
	seen := map[string]string{id: "the row itself"}
	for what, got := range map[string]string{
		"size":     name(func(r *manifest.Row) { r.Size = 6 }),
		"time":     name(func(r *manifest.Row) { r.Modified = time.Unix(1, 6) }),
		"no time":  name(func(r *manifest.Row) { r.Modified = time.Time{} }),
		"etag":     name(func(r *manifest.Row) { r.ETag = "x" }),
		"source":   name(func(r *manifest.Row) { r.Upload.Source = "b.jpg" }),
		"type":     name(func(r *manifest.Row) { r.Upload.Type = tasks.Thumb }),
		"producer": manifest.ExternalID("shop2", "api.weixin.qq.com", "wx1", row),
		"realm":    manifest.ExternalID("shop", "localhost", "wx1", row),
		"appid":    manifest.ExternalID("shop", "api.weixin.qq.com", "wx2", row),
		"shift":    manifest.ExternalID("shopapi", ".weixin.qq.com", "wx1", row),
	} {
		if other, twice := seen[got]; twice {
			t.Errorf("%s and %s give one name", what, other)
		}
		seen[got] = what
	}
}
