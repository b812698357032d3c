package cli

import "github.com/spf13/cobra"

func (a *app) mediaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "media",
		Short: "Ask for live media_ids, list, renew, verify and forget them",
		Example: `  mediaferry media get photos/cover.jpg            a media_id that is live now, uploaded if it must be
  mediaferry media show photos/cover.jpg           the media_id this file would be answered with
  mediaferry media forget MEDIA_ID                 the next upload of its content calls WeChat`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.mediaGetCommand(), a.mediaListCommand(), a.mediaShowCommand(), a.mediaRenewCommand(), a.mediaForgetCommand(), a.mediaInvalidCommand(), a.mediaVerifyCommand())
	return cmd
}
