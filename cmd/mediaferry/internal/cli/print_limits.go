package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
)

func (a *app) printLimitsCommand() *cobra.Command {
	var table output.Reference
	cmd := &cobra.Command{
		Use:     "limits",
		Short:   "Print the limits of files, by the settings",
		Example: "  mediaferry print limits",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			l := cfg.Limits
			voice, video := "MP3, AMR", "MP4"
			if l.AMRWB {
				voice += ", AMR-WB"
			}
			if l.QuickTime {
				video += ", QuickTime"
			}
			rows := [][]string{
				{"TYPE", "FORMATS", "SIZE", "OTHER"},
				{"image", "JPEG, PNG, GIF", fmt.Sprint(l.Image), a.sentence(table, "%d pixels", l.ImagePixels)},
				{"voice", voice, fmt.Sprint(l.Voice), a.sentence(table, "%v, tolerance %v", l.VoiceLength, l.VoiceTolerance)},
				{"video", video, fmt.Sprint(l.Video), ""},
				{"thumb", "JPEG", fmt.Sprint(l.Thumb), ""},
			}
			if forPeople(table) {
				rows[0] = a.words.Headings("TYPE", "FORMATS", "SIZE", "OTHER")
			}
			return table.Write(a.Out, rows, nil)
		},
	}
	referenceFlags(cmd, &table)
	return cmd
}
