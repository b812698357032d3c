package ledger

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

func TestPostgresIsStoppedAndStartedAgain(t *testing.T) {
	t.Parallel()
	server := ledgertest.StartPostgres(t)
	h := &harness{T: t, url: server.URL()}
	h.Ledger = h.another()
	c := h.running()
	away := func() {
		_, err := h.Accept(t.Context(), []tasks.Upload{h.upload()})
		wantCode(t, err, tasks.Unavailable)
		if e := tasks.AsError(err); err != nil && (!strings.Contains(err.Error(), "can't be reached") || e.Hint == "") {
			t.Errorf("%v does not say what is wrong, or has no hint (%q)", err, e.Hint)
		}
		_, err = claimOne(h.Ledger, c.ID, 2, "w")
		wantCode(t, err, tasks.Unavailable)
		_, err = h.Outcome(t.Context(), c.ID)
		wantCode(t, err, tasks.Unavailable)
		wantCode(t, h.Finish(t.Context(), c.Token, h.success("x")), tasks.Unavailable)
	}
	for range 2 {
		server.Stop()
		away()
		away()
		server.Start()
		h.submit(1)
		must(t, h.Ping(t.Context()))
	}
	must(t, h.Finish(t.Context(), c.Token, h.success("x")))
	if n := h.number("SELECT count(*) FROM uploads"); n != 3 {
		t.Errorf("%d uploads are there, 3 were acknowledged", n)
	}
	h.clean()
}

func TestWhatIsSubmittedWhilePostgresRestartsIsThereOnce(t *testing.T) {
	t.Parallel()
	server := ledgertest.StartPostgres(t)
	h := &harness{T: t, url: server.URL()}
	const producers, each = 4, 60
	var reached, restarted sync.WaitGroup // halfway, the server goes
	reached.Add(producers)
	restarted.Add(1)
	ledgers := [producers]*Ledger{h.another(), h.another(), h.another(), h.another()}
	together(producers+1, func(i int) {
		if i == producers {
			reached.Wait()
			server.Stop()
			server.Start()
			restarted.Done()
			return
		}
		for n := range each {
			if n == each/4 {
				reached.Done()
			}
			u := tasks.Upload{Producer: "crm", ExternalID: fmt.Sprint(i, "/", n), Account: "shop", Type: tasks.Image, Source: "a.jpg"}
			_, err := ledgers[i].Accept(t.Context(), []tasks.Upload{u})
			if err != nil { // it may be there all the same: the same name finds it
				if tasks.CodeOf(err) != tasks.Unavailable {
					t.Error(err)
				}
				restarted.Wait()
				if _, err := ledgers[i].Accept(t.Context(), []tasks.Upload{u}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	h.Ledger = ledgers[0]
	if n := h.number("SELECT count(*) FROM uploads"); n != producers*each {
		t.Errorf("%d uploads are there, %d were acknowledged", n, producers*each)
	}
	h.clean()
}
