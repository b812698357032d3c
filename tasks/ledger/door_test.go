package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// doorContract is what the HTTP door asks of both databases.
var doorContract = []testCase{
	{"keys are kept as hashes with their rights, and end", func(h *harness) {
		ctx := h.Context()
		shop := tasks.Key{Name: "shop", Role: tasks.RoleProducer, Hash: tasks.KeyHash("k1"), Rights: tasks.Rights{
			Accounts: []string{"a"}, Sources: []string{"in/"}, CallbackHosts: []string{"h"}, RatePerMinute: 1, DailyBudget: 2, BulkOnly: true,
		}}
		second := tasks.Key{Name: "shop", Role: tasks.RoleProducer, Hash: tasks.KeyHash("k2")}
		boss := tasks.Key{Name: "boss", Role: tasks.RoleOperator, Hash: tasks.KeyHash("k3")}
		for _, k := range []tasks.Key{shop, second, boss} {
			must(h, h.AddKey(ctx, k))
		}
		wantCode(h, h.AddKey(ctx, shop), tasks.Conflict)
		for _, bad := range []tasks.Key{{Name: "x", Role: "admin", Hash: shop.Hash}, {Name: "", Role: boss.Role, Hash: shop.Hash}, {Name: "x", Role: boss.Role}} {
			wantCode(h, h.AddKey(ctx, bad), tasks.Invalid)
		}
		shop.ID, second.ID, boss.ID = shop.Hash.String()[:8], second.Hash.String()[:8], boss.Hash.String()[:8]
		keys, err := h.Keys(ctx)
		must(h, err)
		byTime := cmpopts.IgnoreFields(tasks.Key{}, "Created", "Revoked")
		sorted := func(ks []tasks.Key) []tasks.Key {
			slices.SortFunc(ks, func(a, b tasks.Key) int { return slices.Compare(a.Hash[:], b.Hash[:]) })
			return ks
		}
		same(h, "keys", sorted(keys), sorted([]tasks.Key{shop, second, boss}), byTime)
		if n := value(h, h.RevokeKeys)(ctx, boss.ID); n != 1 {
			h.Errorf("%d keys were revoked by an id", n)
		}
		if n := value(h, h.RevokeKeys)(ctx, "shop"); n != 2 {
			h.Errorf("%d keys were revoked by a name", n)
		}
		_, err = h.RevokeKeys(ctx, "shop")
		wantCode(h, err, tasks.NotFound)
		keys, err = h.Keys(ctx)
		must(h, err)
		for _, k := range keys {
			if k.Revoked.IsZero() || k.Created.IsZero() {
				h.Errorf("%+v", k)
			}
		}
	}},
	{"a named request is accepted once in its life, and its name is kept only with it", func(h *harness) {
		ask := func(producer, name, source string) tasks.Receipt {
			h.Helper()
			u := h.upload(func(u *tasks.Upload) { u.Producer, u.ExternalID, u.Source = producer, "", source })
			a, err := h.Submit(h.Context(), tasks.Submission{Producer: producer, Rows: []tasks.SubmittedRow{{Upload: u}}, DailyBudget: 12,
				Request: tasks.Request{Name: name, Digest: []byte(source), Life: 24 * time.Hour}})
			if err != nil {
				return tasks.Receipt{Err: tasks.AsError(err)}
			}
			return a.Receipts[0]
		}
		first, again := ask("crm", "k", "a.jpg"), ask("crm", "k", "a.jpg")
		if !first.Created || again.Created || again.ID != first.ID || first.ID.Version() != 7 {
			h.Errorf("%+v, then %+v", first, again)
		}
		wantCode(h, ask("crm", "k", "b.jpg").Err, tasks.Conflict)
		if other := ask("erp", "k", "b.jpg"); other.Err != nil || other.ID == first.ID {
			h.Errorf("another producer has %+v", other)
		}
		rs := make([]tasks.Receipt, 8)
		together(len(rs), func(i int) { rs[i] = ask("crm", "at once", "c.jpg") })
		created := 0
		for _, r := range rs {
			if r.Created {
				created++
			}
			if r.ID != rs[0].ID || r.Err != nil {
				h.Errorf("at once it has %+v", rs)
			}
		}
		if created != 1 {
			h.Errorf("%d uploads were made at once", created)
		}
		h.sql("UPDATE requests SET at = at - ?", (24 * time.Hour).Microseconds())
		if later := ask("crm", "k", "b.jpg"); later.Err != nil || later.ID == first.ID {
			h.Errorf("a day later it has %+v", later)
		}
		for i := range 20 {
			ask("crm", fmt.Sprint("n", i), fmt.Sprint(i, ".jpg"))
		}
		wantCode(h, ask("crm", "n", "over.jpg").Err, tasks.TooMany)
		if kept, made := h.number("SELECT COUNT(*) FROM requests WHERE producer = 'crm'"), h.number("SELECT COUNT(*) FROM uploads WHERE producer = 'crm'"); made != 12 || kept > made {
			h.Errorf("a budget of 12 made %d uploads and %d names", made, kept)
		}
	}},
	{"a budget is spent by what is new and by refused rows, and then ends the batch", func(h *harness) {
		b := h.batch(tasks.Batch{})
		names := make([]tasks.Upload, 8)
		for i := range names {
			names[i] = h.upload(in(b.ID))
		}
		submit := func(rows ...tasks.SubmittedRow) tasks.Accepted {
			h.Helper()
			for i := range rows {
				rows[i].Line = i + 1
			}
			return value(h, h.Submit)(h.Context(), tasks.Submission{Producer: "crm", Batch: b.ID, Rows: rows, DailyBudget: 6, Prepaid: 1})
		}
		row := func(i int) tasks.SubmittedRow { return tasks.SubmittedRow{Upload: names[i]} }
		bad := tasks.SubmittedRow{Err: &tasks.Error{Code: tasks.Invalid, Op: "read row"}}
		if a := submit(row(0), row(1), bad); a.Ended != nil || !a.Receipts[1].Created {
			h.Errorf("%+v", a)
		}
		if spent := h.number("SELECT uploads FROM budgets"); spent != 2 { // one was paid before
			h.Errorf("%d were spent", spent)
		}
		a := submit(row(0), row(1), bad, row(2), row(3), row(4), row(5), row(6), row(7), bad)
		wantCode(h, a.Receipts[8].Err, tasks.TooMany)
		wantCode(h, a.Ended, tasks.TooMany)
		if a.Receipts[0].Err != nil || a.Receipts[0].Created || !a.Receipts[7].Created {
			h.Errorf("%+v", a)
		}
		got, err := h.Batch(h.Context(), b.ID)
		must(h, err)
		if got.State != tasks.BatchSealed || !got.Truncated || got.Ended != tasks.EndBudget || got.Counts.Total != 7 || got.Counts.Refused != 1 {
			h.Errorf("%+v", got)
		}
	}},
	{"a batch with too many refused rows ends, and records no more of them", func(h *harness) {
		b := h.batch(tasks.Batch{})
		line := 0
		refuse := func(n int) tasks.Accepted {
			h.Helper()
			rows := make([]tasks.SubmittedRow, n)
			for i := range rows {
				line++
				rows[i] = tasks.SubmittedRow{Line: line, Err: &tasks.Error{Code: tasks.Invalid, Op: "read row"}}
			}
			return value(h, h.Submit)(h.Context(), tasks.Submission{Producer: "crm", Batch: b.ID, Rows: rows})
		}
		for line < tasks.MaxRefusals {
			if a := refuse(min(1000, tasks.MaxRefusals-line)); a.Ended != nil {
				h.Fatalf("ended at line %d: %v", line, a.Ended)
			}
		}
		wantCode(h, refuse(1).Ended, tasks.Invalid)
		got, err := h.Batch(h.Context(), b.ID)
		must(h, err)
		if got.State != tasks.BatchComplete || got.Ended != tasks.EndRefused || got.Counts.Refused != tasks.MaxRefusals || h.number("SELECT COUNT(*) FROM refusals") != tasks.MaxRefusals {
			h.Errorf("%+v", got)
		}
	}},
	{"a budget is a day's, and what is not used goes back", func(h *harness) {
		ctx := h.Context()
		spend := func(n, want int) {
			h.Helper()
			if got, err := h.SpendBudget(ctx, "crm", n, 10); got != want || err != nil {
				h.Errorf("of %d there were %d, %v", n, got, err)
			}
		}
		spend(4, 4)
		spend(7, 6)
		_, err := h.SpendBudget(ctx, "crm", 1, 10)
		wantCode(h, err, tasks.TooMany)
		if e := tasks.AsError(err); e.RetryAfter <= 0 || e.RetryAfter > 24*time.Hour {
			h.Errorf("wait for %v", e.RetryAfter)
		}
		spend(-3, -3)
		spend(5, 3)
		spend(-100, -10)
		spend(10, 10)
		if got, err := h.SpendBudget(ctx, "erp", 1, 10); got != 1 || err != nil {
			h.Errorf("another producer has %d, %v", got, err)
		}
		h.sql("UPDATE budgets SET day = day - 1")
		spend(1, 1)
		if n := h.number("SELECT COUNT(*) FROM budgets WHERE producer = 'crm'"); n != 1 {
			h.Errorf("%d days are kept", n)
		}
	}},
	{"a media of one producer is neither reused nor forgotten by another", func(h *harness) {
		ctx, shared := h.Context(), key("a")
		mine, theirs := shared, shared
		mine.Producer, theirs.Producer = "crm", "erp"
		must(h, h.KeepMedia(ctx, shared, h.media("S")))
		must(h, h.KeepMedia(ctx, mine, h.media("M")))
		_, err := h.Media(ctx, theirs, 0)
		wantCode(h, err, tasks.NotFound)
		if m, err := h.Media(ctx, mine, 0); err != nil || m.ID != "M" {
			h.Errorf("%+v, %v", m, err)
		}
		wantCode(h, h.Forget(ctx, "M", nil, "erp"), tasks.NotFound)
		must(h, h.Forget(ctx, "S", nil, "erp"))
		must(h, h.Forget(ctx, "M", nil, "crm"))
		c := h.running(func(u *tasks.Upload) { u.Producer = "erp" })
		if a, err := h.Admit(ctx, c.Token, theirs, tasks.AdmitOptions{}); err != nil || a.Verdict != tasks.Proceed {
			h.Fatal(a, err)
		}
		r := h.success("a")
		r.Key.Producer = "erp"
		must(h, h.Finish(ctx, c.Token, r))
		if o := h.outcome(c.ID); o.SHA256 != shared.Hash.String() {
			h.Errorf("the outcome names %s, want the hash of the content", o.SHA256)
		}
		wantCode(h, h.Forget(ctx, r.Media.ID, nil, "crm"), tasks.NotFound)
		must(h, h.Forget(ctx, r.Media.ID, nil, ""))
	}},
	{"a media is known for the accounts that have it, to those who may reuse it", func(h *harness) {
		ctx, shared := h.Context(), key("a")
		mine := key("b")
		mine.Producer = "crm"
		must(h, h.KeepMedia(ctx, shared, h.media("S")))
		must(h, h.KeepMedia(ctx, mine, h.media("M")))
		must(h, h.Join(ctx, tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{account, {Name: "other", Realm: account.Realm, AppID: "wx2", Fingerprint: "f"}}))
		for _, tt := range []struct {
			id       string
			accounts []string
			producer string
			known    bool
		}{
			{"S", nil, "crm", true}, {"S", nil, "erp", true}, {"M", nil, "crm", true}, {"M", nil, "", true}, {"S", []string{"other", account.Name}, "crm", true},
			{"M", nil, "erp", false}, {"S", []string{"other"}, "crm", false}, {"N", nil, "", false},
		} {
			got, err := h.MediaAccount(ctx, tt.id, tt.accounts, tt.producer)
			if tt.known && (err != nil || got != account.Name) || !tt.known && tasks.CodeOf(err) != tasks.NotFound {
				h.Errorf("%+v: %q, %v", tt, got, err)
			}
		}
	}},
	{"a forgotten media is no answer, and a claim that holds its content goes on", func(h *harness) {
		ctx := h.Context()
		must(h, h.Join(ctx, tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{account, {Name: "other", Realm: account.Realm, AppID: "wx2", Fingerprint: "f"}}))
		must(h, h.KeepMedia(ctx, key("a"), h.media("M")))
		wantCode(h, h.Forget(ctx, "M", []string{"other"}, ""), tasks.NotFound)
		wantCode(h, h.Forget(ctx, "N", nil, ""), tasks.NotFound)
		c := h.running(func(u *tasks.Upload) { u.NoReuse = true })
		if a, err := h.Admit(ctx, c.Token, key("a"), tasks.AdmitOptions{NoReuse: true}); err != nil || a.Verdict != tasks.Proceed {
			h.Fatal(a, err)
		}
		must(h, h.Forget(ctx, "M", []string{"other", account.Name}, "crm"))
		_, err := h.Media(ctx, key("a"), 0)
		wantCode(h, err, tasks.NotFound)
		must(h, h.Finish(ctx, c.Token, h.success("a")))
		if m, err := h.Media(ctx, key("a"), 0); err != nil || m.ID != "media-a" {
			h.Errorf("%+v, %v", m, err)
		}
	}},
	{"a batch's rows come in their order, page by page", func(h *harness) {
		ctx := h.Context()
		b := h.batch(tasks.Batch{})
		want := h.submit(5, in(b.ID))
		h.submit(2)
		var got []uuid.UUID
		cursor := ""
		for pages := 0; pages == 0 || cursor != ""; pages++ {
			page, next, err := h.Rows(ctx, b.ID, cursor, 2)
			must(h, err)
			for _, o := range page {
				got = append(got, o.ID)
			}
			if cursor = next; pages > 3 {
				h.Fatal("no end")
			}
		}
		same(h, "rows", got, want)
		_, _, err := h.Rows(ctx, b.ID, "x", 2)
		wantCode(h, err, tasks.Invalid)
	}},
	{"one delivery, the newest event and the uses of a file are looked up", func(h *harness) {
		ctx := h.Context()
		_, err := h.Delivery(ctx, uuid.New())
		wantCode(h, err, tasks.NotFound)
		if seq, err := h.NewestEvent(ctx); seq != 0 || err != nil {
			h.Errorf("newest event %d, %v", seq, err)
		}
		d := h.delivery()
		if got, err := h.Delivery(ctx, d.ID); err != nil || got.ID != d.ID || got.Event.Producer != "crm" {
			h.Errorf("%+v, %v", got, err)
		}
		es := h.events()
		if seq, err := h.NewestEvent(ctx); seq != es[len(es)-1].Seq || err != nil {
			h.Errorf("newest event %d, %v", seq, err)
		}
		const file = "inbox:i/crm/f/a.jpg"
		from := func(u *tasks.Upload) { u.Source = file }
		use := func(uploads, open, failed int) {
			h.Helper()
			got, err := h.InboxUse(ctx, file)
			must(h, err)
			same(h, "uses", got, tasks.SourceUse{Uploads: uploads, Open: open, Failed: failed}, cmpopts.IgnoreFields(tasks.SourceUse{}, "Finished"))
			if got.Finished.IsZero() != (uploads == open) {
				h.Errorf("the last ended at %v", got.Finished)
			}
		}
		use(0, 0, 0)
		cs := h.runningN(2, from)
		use(2, 2, 0)
		must(h, h.Finish(ctx, cs[0].Token, failure(tasks.Corrupt)))
		use(2, 1, 1)
		must(h, h.Finish(ctx, cs[1].Token, h.success("a")))
		use(2, 0, 1)
	}},
}

func TestDoor(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) *harness{"sqlite": openSQLiteHarness, "postgres": openPostgresHarness} {
		for _, c := range doorContract {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(open(t))
			})
		}
	}
}

// Looking after a file in the inbox reads its uploads alone, however many there are.
func TestInboxUsePlan(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	var plan string
	must(h, h.engine.Snapshot(h.Context(), "test", func(tx *db.Tx) error {
		return tx.Each("EXPLAIN QUERY PLAN SELECT COUNT(*) FROM uploads WHERE source = ? AND substr(source, 1, 6) = 'inbox:'", db.Args{"x"}, func(s db.Scanner) error {
			var a, b, c int
			return s.Scan(&a, &b, &c, &plan)
		})
	}))
	if plan != "SEARCH uploads USING COVERING INDEX uploads_inbox (source=?)" {
		t.Error(plan)
	}
}
