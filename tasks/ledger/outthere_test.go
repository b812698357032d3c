package ledger

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// PostgreSQL as operators set it up: with defaults of the role that are not the server's, and with poolers.
func TestSeveralProcessesWorkOnPostgresAsItIsOutThere(t *testing.T) {
	t.Parallel()
	for name, through := range map[string]func(*testing.T, string) string{
		"repeatable read": func(t *testing.T, owner string) string {
			return ledgertest.Role(t, owner, "SET default_transaction_isolation = 'repeatable read'")
		},
		"statement_timeout": func(t *testing.T, owner string) string {
			url := ledgertest.Role(t, owner, "SET statement_timeout = '9s'", "SET idle_in_transaction_session_timeout = '9s'")
			l, err := Open(t.Context(), url, Options{}) // a migration is not tried again when its connection is idle for too long
			must(t, err)
			must(t, l.Close())
			ledgertest.Alter(t, owner, url, "SET idle_session_timeout = '300ms'")
			return url
		},
		"few connections": func(t *testing.T, owner string) string {
			return ledgertest.Role(t, owner, fmt.Sprint("CONNECTION LIMIT ", 4*processes))
		},
		"session pooler": func(t *testing.T, owner string) string {
			return ledgertest.Pooler(t, ledgertest.Role(t, owner), "session", 6*processes)
		},
		"transaction pooler": func(t *testing.T, owner string) string {
			return ledgertest.Pooler(t, ledgertest.Role(t, owner), "transaction", 3)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			owner := ledgertest.EmptyPostgres(t)
			fleet(t, through(t, owner))
		})
	}
}

const processes = 3

// fleet opens an empty database in several processes at once, which then work together: they accept, claim and finish, and
// read lists meanwhile.
func fleet(t *testing.T, url string) {
	t.Helper()
	var mine [processes]*harness
	together(processes, func(i int) {
		l, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = l.Close() }) // some are closed before
		mine[i] = &harness{T: t, Ledger: l, url: url, names: 1000 * i}
	})
	if t.Failed() {
		return
	}
	const each, rounds = 4, 6
	var ended sync.Map
	together(processes, func(i int) {
		for range rounds {
			if _, err := mine[i].Accept(t.Context(), uploads(mine[i], each)); err != nil {
				t.Error(err)
			}
			chunks, err := mine[i].Dispatch(t.Context(), wide)
			if err != nil {
				t.Error(err)
			}
			together(2, func(int) {
				if _, _, err := mine[i].List(t.Context(), tasks.Filter{Account: "shop"}); err != nil {
					t.Error(err)
				}
			})
			for _, d := range sentOf(chunks) {
				c, err := claimOne(mine[i].Ledger, d.ID, d.Generation, "w")
				if err == nil {
					err = mine[i].Finish(t.Context(), c.Token, mine[i].success(d.ID.String()))
				}
				if _, twice := ended.LoadOrStore(d.ID, true); err != nil || twice {
					t.Error(err, twice)
				}
			}
		}
	})
	h := mine[0]
	if n := h.number("SELECT count(*) FROM uploads WHERE media_id IS NOT NULL"); n != processes*each*rounds {
		t.Errorf("%d uploads succeeded, want %d", n, processes*each*rounds)
	}
	h.clean()
	must(t, mine[1].Close()) // few connections may be left
	if from, to, err := Migrate(t.Context(), url, Options{}); err != nil || from != to {
		t.Errorf("migrated from %d to %d, %v: want nothing to do", from, to, err)
	}
}

func uploads(h *harness, n int) []tasks.Upload {
	us := make([]tasks.Upload, n)
	for i := range us {
		us[i] = h.upload()
	}
	return us
}

// A role may be read-only for a while, as after a failover or by an operator: what connected then is not kept.
func TestAConnectionThatIsReadOnlyIsNotKept(t *testing.T) {
	t.Parallel()
	owner := ledgertest.EmptyPostgres(t)
	url := ledgertest.Role(t, owner)
	h := &harness{T: t, url: url}
	h.Ledger = h.another()
	h.submit(1)
	readOnly := func(is string) { ledgertest.Alter(t, owner, url, "SET default_transaction_read_only = "+is) }
	readOnly("on")
	ledgertest.Exec(t, owner, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+ledgertest.RoleOf(t, url)+"'")
	for range 2 {
		_, err := h.Accept(t.Context(), uploads(h, 1))
		wantCode(t, err, tasks.Unavailable)
		if !strings.Contains(fmt.Sprint(err), "the ledger is read-only") || tasks.AsError(err).Hint == "" {
			t.Errorf("%v does not say what is wrong", err)
		}
	}
	readOnly("off")
	h.submit(1)
	h.clean()
}

// Two servers change their roles, twice, as in a planned failover. The ledger's URL names both; one name that stands for the
// primary alone would change what it leads to.
func TestAStandbyBecomesThePrimary(t *testing.T) {
	taskstest.Full(t)
	t.Parallel()
	first := ledgertest.StartPostgres(t)
	h := &harness{T: t, url: first.URL()}
	second := first.Standby()
	h.url = first.Both(second)
	h.Ledger = h.another()
	h.submit(1)
	const rounds = 2
	for range rounds {
		first.SwitchOver(second)
		taskstest.Until(t, "the ledger is written to again", func() bool {
			_, err := h.Accept(t.Context(), uploads(h, 1))
			if err != nil && tasks.CodeOf(err) != tasks.Unavailable {
				t.Fatal(err)
			}
			return err == nil
		})
		must(t, h.another().Ping(t.Context())) // also a process that starts now
		_, err := Open(t.Context(), first.URL(), Options{})
		wantCode(t, err, tasks.Unavailable)
		if !strings.Contains(fmt.Sprint(err), "the ledger is read-only") {
			t.Errorf("through the standby alone: %v does not say so", err)
		}
		first, second = second, first
	}
	if n := h.number("SELECT count(*) FROM uploads"); n != 1+rounds {
		t.Errorf("%d uploads are there, %d were acknowledged", n, 1+rounds)
	}
	h.clean()
}

func TestARoleThatMayNotMakeTablesIsTold(t *testing.T) {
	t.Parallel()
	owner := ledgertest.EmptyPostgres(t)
	url := ledgertest.Role(t, owner)
	role, schema := ledgertest.RoleOf(t, url), parameter(t, owner, "search_path")
	ledgertest.Exec(t, owner, fmt.Sprintf("REVOKE CREATE ON SCHEMA %s FROM %s", schema, role))
	refused := func(step string) {
		_, err := Open(t.Context(), url, Options{})
		wantCode(t, err, tasks.Invalid)
		if e := tasks.AsError(err); err != nil && (!strings.Contains(err.Error(), "lacks a right") || !strings.Contains(e.Hint, "mediaferry print grants")) {
			t.Errorf("%s: %v (%s) does not say what to do", step, err, e.Hint)
		}
	}
	refused("it may not make tables")
	if _, _, err := Migrate(t.Context(), owner, Options{}); err != nil {
		t.Fatal(err)
	}
	refused("it may not read them")
	for _, grant := range Grants(role, schema) {
		ledgertest.Exec(t, owner, grant)
	}
	fleet(t, url)
}

func parameter(t *testing.T, ledger, name string) string {
	t.Helper()
	u, err := url.Parse(ledger)
	must(t, err)
	return u.Query().Get(name)
}
