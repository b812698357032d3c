package cli

import "github.com/spf13/cobra"

func (a *app) mediaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "media",
		Short: "Show and forget the live media_ids",
		Example: `  mediaferry media show photos/cover.jpg           the media_id this file would be answered with
  mediaferry media forget MEDIA_ID                 the next upload of its content calls WeChat`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.mediaShowCommand(), a.mediaForgetCommand())
	return cmd
}
