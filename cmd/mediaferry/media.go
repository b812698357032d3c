package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) mediaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "media",
		Short: "The live media_ids that are known, and how to forget one",
		Example: `  mediaferry media show photos/cover.jpg           the media_id this file would be answered with
  mediaferry media forget MEDIA_ID                 the next upload of its content calls WeChat`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.mediaShowCommand(), a.mediaForgetCommand())
	return cmd
}

// known is the media that a file would be answered with.
type knownMedia struct {
	Source  string          `json:"source"`
	Type    tasks.MediaType `json:"type"`
	Account string          `json:"account"`
	SHA256  string          `json:"sha256,omitempty"`
	MediaID string          `json:"media_id,omitempty"`
	Issued  string          `json:"issued_at,omitempty"`
	Expires string          `json:"expires_at,omitempty"`
	Reason  string          `json:"reason,omitempty"` // why it has none
}

func (a *app) mediaShowCommand() *cobra.Command {
	f := uploadFlags{}
	cmd := &cobra.Command{
		Use:   "show PATH|GLOB|s3://BUCKET/PREFIX …",
		Short: "Show the live media_id that each file would be answered with",
		Long: `Looks the files' contents up in the record, without a call. It ends with 3 where a file has no live media_id, or can't
have one.`,
		Example: "  mediaferry media show photos/\n  mediaferry media show --type thumb --output json covers/*.jpg",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settingsFor("upload")
			if err != nil {
				return err
			}
			if err := f.check(cfg, args); err != nil {
				return err
			}
			s, err := a.open(cmd.Context(), cfg, a.logger(cfg, true), false)
			if err != nil {
				return err
			}
			defer s.close()
			g := &gatherer{stack: s, flags: f, limits: newChecker(cfg).limits, accounts: ledgerAccounts(cfg, s.wechat), in: a.In}
			return a.showMedia(cmd, g, args)
		},
	}
	cmd.Flags().StringVarP(&f.kind, "type", "t", autoKind, "media type: auto, image, voice, video or thumb")
	cmd.Flags().StringVar(&f.account, "account", enqueue.DefaultAccount, "the official account they belong to")
	f.rows.addFilter(cmd.Flags())
	f.output = outputFlagNoCSV(cmd)
	return cmd
}

func (a *app) showMedia(cmd *cobra.Command, g *gatherer, args []string) error {
	account, err := g.account(g.flags.account)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	if *g.flags.output != asJSON {
		fmt.Fprintln(w, "FILE\tTYPE\tMEDIA_ID\tEXPIRES")
	}
	total, without := 0, 0
	for row := range g.named(cmd.Context(), args) {
		k := knownMedia{Source: row.Upload.Source, Account: account.Name}
		j, err := g.judge(cmd.Context(), row)
		k.Type = j.Type
		if err == nil {
			hash := tasks.HashOf(j.bytes)
			k.SHA256 = hash.String()
			var m tasks.Media
			m, err = g.stack.ledger.Media(cmd.Context(), tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: j.Type, Hash: hash}, g.stack.cfg.Worker.FreshMargin)
			k.MediaID, k.Issued, k.Expires = m.ID, when(m.IssuedAt), when(m.ExpiresAt)
		}
		total++
		if err != nil {
			without++
			k.Reason = err.Error()
		}
		if err := printKnown(a, w, *g.flags.output, k); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	switch {
	case total == 0:
		a.nothingFound(g.flags)
		return exitCode(tasks.ExitNothing)
	case without > 0:
		return exitCode(tasks.ExitFailed)
	}
	return nil
}

func printKnown(a *app, w *tabwriter.Writer, f format, k knownMedia) error {
	if f == asJSON {
		return json.NewEncoder(a.Out).Encode(k)
	}
	shown := k.MediaID
	if shown == "" {
		shown = "none: " + k.Reason
	}
	_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", showSource(k.Source), k.Type, shown, k.Expires)
	return err
}

func (a *app) mediaForgetCommand() *cobra.Command {
	var accounts []string
	cmd := &cobra.Command{
		Use:   "forget MEDIA_ID …",
		Short: "Answer no upload with these any more: the next one of their content calls WeChat",
		Example: `  mediaferry media forget qH7K0fciR6h7XSp0oT4aqccUmD_faWedJaCSjExplChTPHfYZH5p7kqykKETNF3c
  mediaferry media forget -- -media_id-that-begins-with-a-dash`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			for _, id := range args {
				if err := s.ledger.Forget(cmd.Context(), id, accounts); err != nil {
					return fmt.Errorf("%s: %w", id, err)
				}
				fmt.Fprintf(a.Err, "%s is forgotten\n", id)
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&accounts, "account", nil, "only if it belongs to one of these accounts")
	return cmd
}
