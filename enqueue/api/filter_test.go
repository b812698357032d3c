package api_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestFilterBySourceAndMetadata(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	front := p.submit(shop, `{"type":"image","source":"a/7/front.jpg","metadata":{"order":"7","side":"front"}}`).ID
	p.submit(shop, `{"type":"image","source":"a/7/back.jpg","metadata":{"order":"7","side":"back"}}`)
	p.submit(shop, `{"type":"image","source":"a/8/front.jpg","metadata":{"order":"8","side":"front"}}`)
	for query, want := range map[string]int{
		"source=" + url.QueryEscape("a/7/*.jpg"):                2,
		"source=" + url.QueryEscape("**/front.jpg"):             2,
		"metadata=" + url.QueryEscape("order=7"):                2,
		"metadata=order%3D7,side%3Dfront":                       1,
		"metadata=order%3D9":                                    0,
		"metadata=order%3D7&source=" + url.QueryEscape("a/8/*"): 0,
	} {
		page := answered[api.OutcomePage](t, p.call(shop, "GET", "/v1/uploads?"+query, ""), http.StatusOK)
		if len(page.Uploads) != want {
			t.Errorf("%s: %d uploads, want %d", query, len(page.Uploads), want)
		}
	}
	p.refused(p.call(shop, "GET", "/v1/uploads?metadata=order", ""), 422, tasks.Invalid, "query.metadata: is not KEY=VALUE")

	p.working()
	_, at := p.begun(shop, "/v1/cancellations", `{"filter":{"metadata":{"order":"7","side":"front"}}}`)
	p.followed(shop, at, ended)
	got := answered[tasks.Outcome](t, p.call(shop, "GET", "/v1/uploads/"+front.String(), ""), http.StatusOK)
	if got.State != tasks.Canceled {
		t.Errorf("the one that matched is %s", got.State)
	}
}
