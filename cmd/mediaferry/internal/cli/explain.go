package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

func (a *app) explainCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:   "explain ERRCODE|CODE",
		Short: "Explain an errcode of WeChat or a code of mediaferry, and what to do",
		Example: `  mediaferry explain 45009
  mediaferry explain -1
  mediaferry explain too_long`,
		Args:              oneArg,
		ValidArgsFunction: completeExplained,
		RunE: func(_ *cobra.Command, args []string) error {
			code, err := strconv.Atoi(args[0])
			if err != nil {
				return a.explainCode(tasks.Code(args[0]), format)
			}
			row, ok := wechat.Explain(code)
			if !ok {
				return exit.Usage(words.Fail("explain.unknown", "Errcode", strconv.Itoa(code)))
			}
			if format == output.JSON {
				return json.NewEncoder(a.Out).Encode(row)
			}
			if a.words.English() {
				fmt.Fprintf(a.Out, "%d  %s (%s)\n  %s\n  %s\n  %s\n", row.Errcode, row.Meaning, row.Code, row.Advice, row.MeaningZH, row.AdviceZH)
				return nil
			}
			fmt.Fprintf(a.Out, "%d  %s (%s)\n  %s\n  %s\n  %s\n", row.Errcode, row.MeaningZH, row.Code, row.AdviceZH, row.Meaning, row.Advice)
			return nil
		},
	}
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}

// explained is what a code of ours means.
type explained struct {
	Code      tasks.Code `json:"code"`
	Meaning   string     `json:"meaning"`
	Advice    string     `json:"advice,omitempty"`
	Retryable bool       `json:"retryable"`          // a new try without any change may succeed
	Errcodes  []int      `json:"errcodes,omitempty"` // of WeChat, that have this code
}

func (a *app) explainCode(c tasks.Code, format output.Format) error {
	if !slices.Contains(tasks.Codes(), c) {
		return exit.Usage(words.Fail("explain.neither", "Name", strconv.Quote(string(c))))
	}
	x := explained{Code: c, Meaning: c.Meaning(), Advice: c.Hint(), Retryable: c.Retryable()}
	for _, row := range wechat.Rows() {
		if row.Code == c && !slices.Contains(x.Errcodes, row.Errcode) {
			x.Errcodes = append(x.Errcodes, row.Errcode)
		}
	}
	if format == output.JSON {
		return json.NewEncoder(a.Out).Encode(x)
	}
	fmt.Fprintf(a.Out, "%s  %s\n", x.Code, a.words.Meaning(c, 0))
	if x.Advice != "" {
		fmt.Fprintf(a.Out, "  %s\n", a.words.Hint(c))
	}
	if len(x.Errcodes) > 0 {
		fmt.Fprintln(a.Out, "  "+a.t("explain.errcodes", "Errcodes", strings.Trim(fmt.Sprint(x.Errcodes), "[]")))
	}
	return nil
}
