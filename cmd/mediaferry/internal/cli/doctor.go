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
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
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
		Args:    cobra.NoArgs,
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

func (d *doctor) good(check, format string, args ...any) {
	d.findings = append(d.findings, finding{Check: check, OK: true, Says: fmt.Sprintf(format, args...)})
}

func (d *doctor) bad(check string, err error, hint string) {
	if e := tasks.AsError(err); hint == "" && e.Code != tasks.Internal {
		hint = e.Advice()
	}
	d.findings = append(d.findings, finding{Check: check, Says: err.Error(), Hint: hint})
	d.found = true
}

func (d *doctor) examine(ctx context.Context) {
	cfg, err := d.settingsFor("upload")
	if err != nil {
		d.bad("settings", err, "")
		return
	}
	d.good("settings", "%s, %s", output.Count(len(cfg.Accounts), "account", "accounts"), output.Count(len(cfg.Producers), "producer", "producers"))
	for _, w := range cfg.Warnings() {
		d.bad("settings", fmt.Errorf("%s", w), "")
	}
	d.stack = wire.New(cfg, d.logger(cfg, true))
	if d.dataDir(cfg) {
		d.ledger(ctx, cfg)
	}
	d.certificate(cfg)
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
		d.bad(check, err, "set data_dir to a folder that this user may write")
		return false
	}
	f, err := os.CreateTemp(cfg.DataDir, "doctor.*")
	if err != nil {
		d.bad(check, err, "let this user write there, or set data_dir to another folder")
		return false
	}
	f.Close()
	os.Remove(f.Name())
	info, err := os.Stat(cfg.DataDir)
	switch {
	case err != nil:
		d.bad(check, err, "")
	case info.Mode().Perm()&0o077 != 0:
		d.bad(check, fmt.Errorf("%s is open to others (mode %04o): it holds keys and the ledger", cfg.DataDir, info.Mode().Perm()), "chmod 700 "+cfg.DataDir)
	default:
		d.good(check, "%s", cfg.DataDir)
		d.disk(cfg.DataDir)
	}
	return err == nil
}

func (d *doctor) ledger(ctx context.Context, cfg config.Config) {
	const check = "ledger"
	if path, isFile := wire.LedgerFile(cfg); isFile {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			d.good(check, "not made yet: the first upload makes it")
			return
		}
	}
	if err := d.stack.OpenLedger(ctx, ledger.Options{Log: d.stack.Log}); err != nil {
		d.bad(check, err, "")
		return
	}
	status, err := d.stack.Ledger.Status(ctx)
	if err != nil {
		d.bad(check, err, "")
		return
	}
	open := status.Counts[tasks.Queued] + status.Counts[tasks.Running] + status.Counts[tasks.Waiting]
	d.good(check, "%d uploads open, %d webhooks to deliver", open, status.Deliveries)
	for _, acc := range status.Accounts {
		if acc.Hold != nil && acc.Hold.Ramp == 0 && acc.Hold.Code == tasks.AccountHeld {
			d.bad("account "+acc.Name, fmt.Errorf("%s", holdText(acc.Hold)), tasks.AccountHeld.Hint())
		}
	}
	for _, u := range status.Unserved {
		d.bad("account "+u.Account, errors.New(unservedText(u)), "add it to the settings of a worker, or cancel them: mediaferry cancel --account "+u.Account)
	}
	d.fleet(ctx)
}

func (d *doctor) redis(ctx context.Context, cfg config.Config) {
	const check = "redis"
	options, err := cfg.Redis()
	if err != nil {
		d.bad(check, err, "")
		return
	}
	if options.Embedded {
		d.good(check, "embedded: %s", d.owner(cfg))
		return
	}
	warnings, err := d.stack.OpenBelt(ctx)
	if err != nil {
		d.bad(check, err, "")
		return
	}
	for _, w := range warnings {
		d.bad(check, fmt.Errorf("%s", w), "")
	}
	if len(warnings) == 0 {
		d.good(check, "answers, and keeps what it is given")
	}
	d.workers(ctx)
	d.queues(ctx)
}

// pausedText says that nothing is taken out of queues.
func pausedText(queues []string) string {
	return fmt.Sprintf("somebody paused %s in Redis: what is in there waits", strings.Join(queues, ", "))
}

// queues names those that are paused, and those with tasks that nobody takes out.
func (d *doctor) queues(ctx context.Context) {
	const check = "queues"
	paused, err := d.stack.Belt.Paused(ctx)
	if err != nil {
		d.bad(check, err, "")
		return
	}
	if len(paused) > 0 {
		d.bad(check, errors.New(pausedText(paused)), enqueue.Resume(paused))
	}
	unserved, err := d.stack.Belt.Unserved(ctx)
	if err != nil {
		d.bad(check, err, "")
		return
	}
	for _, q := range unserved {
		hint := "start a worker with the queue_prefix of this queue, or send to the queues of the running ones"
		if strings.HasSuffix(q.Name, tasks.QueueInbox) {
			hint = "set inbox.producer to whom its tasks belong, in a worker with this queue's prefix"
		}
		d.bad(check, fmt.Errorf("nobody serves %s: %s in it", q.Name, output.Count(q.Tasks, "task lies", "tasks lie")), hint)
	}
}

// workers counts the processes that take uploads off the shared Redis.
func (d *doctor) workers(ctx context.Context) {
	const check = "workers"
	switch n, err := d.stack.Workers(ctx); {
	case err != nil:
		d.bad(check, err, "")
	case n == 0:
		d.bad(check, errors.New("none is alive on this Redis and queue_prefix: what is submitted waits"), "start mediaferry worker, or mediaferry run")
	default:
		d.good(check, "%d at work", n)
	}
}

// tokenKey says whether the secrets can be read, and when token_key_old may go.
func (d *doctor) tokenKey(ctx context.Context, cfg config.Config) {
	const check = "token key"
	there, err := d.stack.LookForKeys(ctx)
	if err != nil {
		d.bad(check, err, "")
		return
	}
	if !there {
		d.good(check, "not made yet: the first upload makes it")
		return
	}
	use, err := d.stack.KeyUse(ctx)
	switch {
	case err != nil:
		d.bad(check, err, "")
	case use.Lost > 0:
		d.bad(check, fmt.Errorf("%s can't be read: another key encrypted them", output.Count(use.Lost, "secret", "secrets")),
			"set that key as token_key_old; if it is lost, mediaferry webhook rotate --producer NAME makes a new secret. Access tokens are fetched again by themselves")
	case use.Old > 0:
		d.good(check, "token_key_old is still needed: it encrypts %s; restart every process with the new token_key", output.Count(use.Old, "secret", "secrets"))
	case cfg.TokenKeyOld != "":
		d.good(check, "token_key_old may go once every process has the new token_key: it encrypts nothing any more")
	default:
		d.good(check, "reads all secrets: %s", d.stack.WhereKey())
	}
}

// fleet names the settings that living processes were told differently.
func (d *doctor) fleet(ctx context.Context) {
	const check = "fleet"
	ps, err := d.stack.Ledger.Processes(ctx)
	if err != nil {
		d.bad(check, err, "")
		return
	}
	differ := tasks.Disagreements(ps)
	for _, x := range differ {
		d.bad(check, errors.New(x.String()), "give all processes the same settings; until then the strictest limit counts")
	}
	for _, p := range ps {
		for _, r := range p.Refused {
			d.bad(check, fmt.Errorf("%s is refused by an account from its address %s (%s)", p.Name, r.Address, r.Reason), tasks.Egress.Hint())
		}
		for _, u := range p.Unreachable {
			d.bad(check, fmt.Errorf("%s can't connect to %s (%s)", p.Name, u.Realm, u.Reason), tasks.Unreachable.Hint())
		}
	}
	if len(differ) == 0 {
		d.good(check, "%s known, with the same limits", output.Count(len(ps), "process", "processes"))
	}
	d.inboxes(ps)
}

func (d *doctor) owner(cfg config.Config) string {
	who, owned, err := wire.Holder(cfg.DataDir)
	switch {
	case err != nil:
		return err.Error()
	case owned:
		return who + " works"
	default:
		return "nobody works on this data dir now"
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
		d.bad(check, err, "")
	case cfg.StorageRoot == "" && len(cfg.S3.Buckets) == 0:
		d.good(check, "no storage root and no bucket: only paths of the command line can be uploaded")
	default:
		d.good(check, "%s", describeStorage(cfg))
	}
}

func describeStorage(cfg config.Config) string {
	switch {
	case len(cfg.S3.Buckets) == 0:
		return cfg.StorageRoot
	case cfg.StorageRoot == "":
		return fmt.Sprintf("buckets %v", cfg.S3.Buckets)
	}
	return fmt.Sprintf("%s and buckets %v", cfg.StorageRoot, cfg.S3.Buckets)
}

// wechat asks for each account's token and quota. It waits a minute at most.
func (d *doctor) wechat(ctx context.Context, cfg config.Config) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := wire.NewWeChat(cfg, d.stack.TokenStore(), d.stack.Log)
	if err != nil {
		d.bad("wechat", err, "")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Accounts)) {
		check := "account " + name
		if err := client.Probe(ctx, name); err != nil {
			d.bad(check, err, "")
			continue
		}
		quota, err := client.Quota(ctx, name)
		if err != nil {
			d.bad(check, err, "")
			continue
		}
		d.good(check, "%d of %d upload calls used today", quota.Used, quota.DailyLimit)
	}
	d.clock(ctx, cfg)
}

func (d *doctor) print(f output.Format) error {
	if f == output.JSON {
		return output.JSONLines(d.Out, d.findings)
	}
	grid := output.NewGrid(d.Out)
	for _, x := range d.findings {
		mark := "ok"
		if !x.OK {
			mark = "FOUND"
		}
		grid.Row(mark, x.Check, x.Says)
		if x.Hint != "" {
			grid.Row("", "", "→ "+x.Hint)
		}
	}
	return grid.Flush()
}
