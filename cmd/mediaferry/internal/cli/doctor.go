package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/worker/source"
)

func (a *app) doctorCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check settings, data dir, ledger, Redis, storage, WeChat and clock",
		Long: `Checks everything that uploads need, and says what is wrong and what to do about it. It asks WeChat for each account's
token and quota, and changes nothing in the ledger. It exits with 3 if it finds something.`,
		Example: "  mediaferry doctor\n  mediaferry doctor --output json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &doctor{app: a}
			defer d.close()
			d.examine(cmd.Context())
			if err := d.print(format); err != nil {
				return err
			}
			if d.found {
				return exit.With(tasks.ExitFailed)
			}
			return nil
		},
	}
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}

// finding is what the doctor says of one thing.
type finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Says  string `json:"says"`
	Hint  string `json:"hint,omitempty"`

	own [3]string // check, says and hint in the reader's language
}

// advice is what to do about a finding, in English and in the reader's language. The zero advice leaves it to the error.
type advice struct{ english, own string }

func (d *doctor) advise(id string, args ...any) advice {
	var english *words.Words
	return advice{english.T(id, args...), d.t(id, args...)}
}

// adviseOf is what a code advises.
func (d *doctor) adviseOf(c tasks.Code) advice { return advice{c.Hint(), d.words.Hint(c)} }

// heldError says that an account is held.
type heldError struct{ hold *tasks.Hold }

func (e heldError) Error() string { return holdText(nil, e.hold) }

// In says it in the language of w.
func (e heldError) In(w *words.Words) string { return holdText(w, e.hold) }

// adviseHeld is what to do about a held account. Where the errcode is known it names what to mend.
func (d *doctor) adviseHeld(h tasks.Hold) advice {
	return advice{h.Code.Hint(), d.words.Remedy(lang.CauseOfHold(h))}
}

// doctor checks one thing after the other. It leaves out what an earlier finding makes impossible to check.
type doctor struct {
	*app
	stack    *wire.Stack
	findings []finding
	found    bool
}

func (d *doctor) close() {
	if d.stack != nil {
		d.stack.Close()
	}
}

// good says that a check found nothing. What it says is a text of package words.
func (d *doctor) good(check, id string, args ...any) {
	said := words.Fail(id, args...)
	d.findings = append(d.findings, finding{Check: check, OK: true, Says: said.Error(), own: [3]string{d.checkName(check), said.In(d.words)}})
}

func (d *doctor) bad(check string, err error, do advice) {
	if e := tasks.AsError(err); do == (advice{}) && e.Code != tasks.Internal {
		do = advice{e.Advice(), d.words.Advice(err)}
	}
	d.findings = append(d.findings, finding{Check: check, Says: err.Error(), Hint: do.english, own: [3]string{d.checkName(check), d.words.Error(err), do.own}})
	d.found = true
}

// checkName is the name of a check in the reader's language.
func (d *doctor) checkName(check string) string {
	if account, is := strings.CutPrefix(check, ofAccount); is {
		return d.t("doctor.check_account", "Account", account)
	}
	return d.t("doctor.check_" + strings.ReplaceAll(check, " ", "_"))
}

// ofAccount stands before the name of an account that is checked.
const ofAccount = "account "

func (d *doctor) examine(ctx context.Context) {
	cfg, err := d.settingsFor("upload")
	if err != nil {
		d.bad("settings", err, advice{})
		return
	}
	d.good("settings", "doctor.settings", "Accounts", words.Fail("doctor.accounts", "Count", len(cfg.Accounts)), "Producers", words.Fail("doctor.producers", "Count", len(cfg.Producers)))
	for _, w := range cfg.Warnings() {
		d.bad("settings", w, advice{})
	}
	d.stack = wire.New(cfg, d.logger(cfg, true))
	if d.dataDir(cfg) {
		d.ledger(ctx, cfg)
	}
	d.certificates(cfg)
	d.redis(ctx, cfg)
	if d.stack.Ledger != nil {
		d.tokenKey(ctx, cfg)
	}
	d.storage(ctx, cfg)
	d.wechat(ctx, cfg)
}

// dataDir reports whether the data dir can be used.
func (d *doctor) dataDir(cfg config.Config) bool {
	const check = "data dir"
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		d.bad(check, err, d.advise("doctor.set_data_dir"))
		return false
	}
	f, err := os.CreateTemp(cfg.DataDir, "doctor.*")
	if err != nil {
		d.bad(check, err, d.advise("doctor.let_write"))
		return false
	}
	f.Close()
	os.Remove(f.Name())
	info, err := os.Stat(cfg.DataDir)
	switch {
	case err != nil:
		d.bad(check, err, advice{})
	case info.Mode().Perm()&0o077 != 0:
		d.bad(check, words.Fail("doctor.open_to_others", "Dir", cfg.DataDir, "Mode", fmt.Sprintf("%04o", info.Mode().Perm())), d.advise("doctor.chmod", "Dir", cfg.DataDir))
	default:
		d.good(check, "doctor.plain", "Text", cfg.DataDir)
		d.disk(cfg.DataDir)
	}
	return err == nil
}

func (d *doctor) ledger(ctx context.Context, cfg config.Config) {
	const check = "ledger"
	if path, isFile := wire.LedgerFile(cfg); isFile {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			d.good(check, "doctor.not_made")
			return
		}
	}
	if err := d.stack.OpenLedger(ctx, ledger.Options{Log: d.stack.Log}); err != nil {
		d.bad(check, err, advice{})
		return
	}
	status, err := d.stack.Ledger.Status(ctx)
	if err != nil {
		d.bad(check, err, advice{})
		return
	}
	open := status.Counts[tasks.Queued] + status.Counts[tasks.Running] + status.Counts[tasks.Waiting]
	d.good(check, "doctor.ledger", "Open", open, "Deliveries", status.Deliveries)
	for _, acc := range status.Accounts {
		if acc.Hold != nil && acc.Hold.Ramp == 0 && acc.Hold.Code == tasks.AccountHeld {
			d.bad(ofAccount+acc.Name, heldError{acc.Hold}, d.adviseHeld(*acc.Hold))
		}
	}
	for _, u := range status.Unserved {
		d.bad(ofAccount+u.Account, unservedText(u), d.advise("status.unserved_do", "Account", u.Account))
	}
	d.fleet(ctx)
}

func (d *doctor) redis(ctx context.Context, cfg config.Config) {
	const check = "redis"
	options, err := cfg.Redis()
	if err != nil {
		d.bad(check, err, advice{})
		return
	}
	if options.Embedded {
		d.good(check, "doctor.embedded", "Owner", d.owner(cfg))
		return
	}
	warnings, err := d.stack.OpenBelt(ctx)
	if err != nil {
		d.bad(check, err, advice{})
		return
	}
	for _, w := range warnings {
		d.bad(check, w, advice{})
	}
	if len(warnings) == 0 {
		d.good(check, "doctor.redis")
	}
	d.workers(ctx)
	d.queues(ctx)
}

// pausedText says that nothing is taken out of queues.
func pausedText(queues []string) *words.FailureError {
	return words.Fail("doctor.paused", "Queues", strings.Join(queues, ", "))
}

// queues names those that are paused, and those with tasks that nobody takes out.
func (d *doctor) queues(ctx context.Context) {
	const check = "queues"
	paused, err := d.stack.Belt.Paused(ctx)
	if err != nil {
		d.bad(check, err, advice{})
		return
	}
	if len(paused) > 0 {
		d.bad(check, pausedText(paused), d.advise("doctor.plain", "Text", enqueue.Resume(paused)))
	}
	unserved, err := d.stack.Belt.Unserved(ctx)
	if err != nil {
		d.bad(check, err, advice{})
		return
	}
	for _, q := range unserved {
		do := d.advise("doctor.serve_queue")
		if strings.HasSuffix(q.Name, tasks.QueueInbox) {
			do = d.advise("doctor.serve_inbox")
		}
		d.bad(check, words.Fail("doctor.unserved_queue", "Queue", q.Name, "Count", q.Tasks), do)
	}
}

// workers counts the processes that take uploads off the shared Redis.
func (d *doctor) workers(ctx context.Context) {
	const check = "workers"
	switch n, err := d.stack.Workers(ctx); {
	case err != nil:
		d.bad(check, err, advice{})
	case n == 0:
		d.bad(check, words.Fail("doctor.no_worker"), d.advise("doctor.start_worker"))
	default:
		d.good(check, "doctor.workers", "N", n)
	}
}

// tokenKey says whether the secrets can be read, and when token_key_old may go.
func (d *doctor) tokenKey(ctx context.Context, cfg config.Config) {
	const check = "token key"
	there, err := d.stack.LookForKeys(ctx)
	if err != nil {
		d.bad(check, err, advice{})
		return
	}
	if !there {
		d.good(check, "doctor.not_made")
		return
	}
	use, err := d.stack.KeyUse(ctx)
	switch {
	case err != nil:
		d.bad(check, err, advice{})
	case use.Lost > 0:
		d.bad(check, words.Fail("doctor.secrets_lost", "Count", use.Lost), d.advise("doctor.set_old_key"))
	case use.Old > 0:
		d.good(check, "doctor.old_key_needed", "Count", use.Old)
	case cfg.TokenKeyOld != "":
		d.good(check, "doctor.old_key_may_go")
	default:
		d.good(check, "doctor.key", "Where", d.stack.WhereKey())
	}
}

// fleet names the settings that living processes were told differently.
func (d *doctor) fleet(ctx context.Context) {
	const check = "fleet"
	ps, err := d.stack.Ledger.Processes(ctx)
	if err != nil {
		d.bad(check, err, advice{})
		return
	}
	differ := tasks.Disagreements(ps)
	for _, x := range differ {
		d.bad(check, errors.New(x.String()), d.advise("doctor.same_settings"))
	}
	for _, p := range ps {
		for _, r := range p.Refused {
			d.bad(check, words.Fail("doctor.refused", "Process", p.Name, "Address", r.Address, "Reason", r.Reason), d.adviseOf(tasks.Egress))
		}
		for _, u := range p.Unreachable {
			d.bad(check, words.Fail("doctor.unreachable", "Process", p.Name, "Realm", u.Realm, "Reason", u.Reason), d.adviseOf(tasks.Unreachable))
		}
	}
	if len(differ) == 0 {
		d.good(check, "doctor.fleet", "Count", len(ps))
	}
	d.inboxes(ps)
}

func (d *doctor) owner(cfg config.Config) *words.FailureError {
	who, owned, err := wire.Holder(cfg.DataDir)
	switch {
	case err != nil:
		return words.Fail("doctor.plain", "Text", err.Error())
	case owned:
		return words.Fail("doctor.owner", "Who", who)
	default:
		return words.Fail("doctor.no_owner")
	}
}

func (d *doctor) storage(ctx context.Context, cfg config.Config) {
	const check = "storage"
	files, err := source.New(d.stack.SourceConfig())
	if err == nil {
		err = files.Ready(ctx)
	}
	switch {
	case err != nil:
		d.bad(check, err, advice{})
	case cfg.StorageRoot == "" && len(cfg.S3.Buckets) == 0:
		d.good(check, "doctor.no_storage")
	default:
		d.good(check, "doctor.plain", "Text", describeStorage(cfg))
	}
}

func describeStorage(cfg config.Config) *words.FailureError {
	switch {
	case len(cfg.S3.Buckets) == 0:
		return words.Fail("doctor.plain", "Text", cfg.StorageRoot)
	case cfg.StorageRoot == "":
		return words.Fail("doctor.buckets", "Buckets", fmt.Sprint(cfg.S3.Buckets))
	}
	return words.Fail("doctor.root_and_buckets", "Root", cfg.StorageRoot, "Buckets", fmt.Sprint(cfg.S3.Buckets))
}

// wechat asks for each account's token and quota. It waits a minute at most.
func (d *doctor) wechat(ctx context.Context, cfg config.Config) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := wire.NewWeChat(cfg, d.stack.TokenStore(), d.stack.Log)
	if err != nil {
		d.bad("wechat", err, advice{})
		return
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Accounts)) {
		check := ofAccount + name
		if err := client.Probe(ctx, name); err != nil {
			d.bad(check, err, advice{})
			continue
		}
		quota, err := client.Quota(ctx, name)
		if err != nil {
			d.bad(check, err, advice{})
			continue
		}
		d.good(check, "doctor.quota", "Used", quota.Used, "Limit", quota.DailyLimit)
	}
	d.clock(ctx, cfg)
}

func (d *doctor) print(f output.Format) error {
	if f == output.JSON {
		return output.JSONLines(d.Out, d.findings)
	}
	grid := output.NewGrid(d.Out)
	for _, x := range d.findings {
		mark := d.t("doctor.ok")
		if !x.OK {
			mark = d.t("doctor.found")
		}
		grid.Row(mark, x.own[0], x.own[1])
		if do := x.own[2]; do != "" {
			grid.Row("", "", "→ "+do)
		}
	}
	return grid.Flush()
}
