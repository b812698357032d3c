package cli

import (
	"context"
	"fmt"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/intake"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
	"github.com/mediaferry/mediaferry/worker/source"
)

// checked is what mediaferry check says of one file.
type checked struct {
	File     string          `json:"file"`
	Type     tasks.MediaType `json:"type,omitempty"`
	Format   string          `json:"format,omitempty"`
	Size     int64           `json:"size"`
	Width    int             `json:"width,omitzero"`
	Height   int             `json:"height,omitzero"`
	Seconds  float64         `json:"seconds,omitzero"`
	Verdict  string          `json:"verdict"` // ok or refused
	Code     tasks.Code      `json:"code,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Remedy   string          `json:"remedy,omitempty"`
	Notes    []string        `json:"notes,omitempty"`
	FixedBy  string          `json:"fixed,omitempty"`
	Params   tasks.Params    `json:"params,omitzero"`
	position int
}

func (a *app) checkCommand() *cobra.Command {
	var (
		format output.Format
		flags  uploadFlags
	)
	cmd := &cobra.Command{
		Use:   "check PATH|GLOB …",
		Short: "Check what WeChat would accept, without a call",
		Example: `  mediaferry check photos/
  mediaferry check --type thumb --output json covers/*.jpg`,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			if err := flags.checkValues(); err != nil {
				return err
			}
			if err := flags.From.Check(args); err != nil {
				return err
			}
			files, err := source.New(source.Config{Local: true})
			if err != nil {
				return err
			}
			g := &intake.Gatherer{Stack: &wire.Stack{Config: cfg}, Files: files, Local: true, Request: flags.Request, Limits: wire.Limits(cfg), In: a.In}
			return a.check(cmd.Context(), g, args, format)
		},
	}
	cmd.Flags().StringVarP(&flags.Kind, "type", "t", "auto", "media type: auto, image, voice, video or thumb")
	cmd.Flags().BoolVar(&flags.Fix, "fix", false, "say too what would be done to make a refused picture fit")
	flags.From.AddFilter(cmd.Flags(), a.words, a.Err)
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON, output.CSV)
	return cmd
}

// check looks at all files, some at once, and prints them in the order they were named.
func (a *app) check(ctx context.Context, g *intake.Gatherer, args []string, f output.Format) error {
	results := make(chan checked, 4*runtime.GOMAXPROCS(0))
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(2 * runtime.GOMAXPROCS(0))
	go func() {
		defer close(results)
		n := 0
		for row := range g.Named(ctx, args) {
			position := n
			n++
			workers.Go(func() error {
				c := checkFile(ctx, g, row)
				c.position = position
				results <- c
				return nil
			})
		}
		_ = workers.Wait() // every failure is a result
	}()
	p := output.NewRows(f, a.Out, checkedColumns(a.words))
	refused, total := 0, 0
	for c := range inOrder(results) {
		total++
		if c.Verdict != verdictOK {
			refused++
		}
		if err := p.Print(c); err != nil {
			return err
		}
	}
	if err := p.End(); err != nil {
		return err
	}
	if total == 0 {
		g.Request.From.SayNothing(a.words, a.Err)
		return exit.With(tasks.ExitNothing)
	}
	a.say("check.counts", "Count", total, "OK", total-refused, "Refused", refused)
	if refused > 0 {
		return exit.With(tasks.ExitFailed)
	}
	return nil
}

// inOrder yields results by position; few are held back, since the workers keep close together.
func inOrder(results <-chan checked) func(func(checked) bool) {
	return func(yield func(checked) bool) {
		early, next := map[int]checked{}, 0
		for c := range results {
			early[c.position] = c
			for ; ; next++ {
				ready, ok := early[next]
				if !ok {
					break
				}
				delete(early, next)
				if !yield(ready) {
					return
				}
			}
		}
	}
}

const (
	verdictOK      = "ok"
	verdictRefused = "refused"
)

func checkFile(ctx context.Context, g *intake.Gatherer, row manifest.Row) checked {
	j, err := g.Judge(ctx, row)
	c := checked{
		File: output.Source(row.Upload.Source), Size: j.Size, Verdict: verdictOK, Type: j.Type, Format: j.Format,
		Width: j.Width, Height: j.Height, Seconds: j.Duration.Seconds(), Notes: j.Notes, FixedBy: j.Did,
	}
	if err != nil {
		e := tasks.AsError(err)
		c.Verdict, c.Code, c.Reason, c.Remedy, c.Params = verdictRefused, e.Code, e.Error(), e.Advice(), e.Values()
	}
	return c
}

func checkedColumns(w *words.Words) output.Columns[checked] {
	return output.Columns[checked]{
		Headings: w.Headings("FILE", "KIND", "SIZE", "MEASURE", "VERDICT"),
		Cells: func(c checked) []string {
			return []string{c.File, w.Type(c.Type) + " " + c.Format, strconv.FormatInt(c.Size, 10), c.measure(w), c.verdict(w)}
		},
		CSVNames: []string{"file", "type", "format", "size", "width", "height", "seconds", "verdict", "code", "reason", "remedy"},
		CSVCells: func(c checked) []string {
			return []string{
				c.File, string(c.Type), c.Format, strconv.FormatInt(c.Size, 10), strconv.Itoa(c.Width), strconv.Itoa(c.Height),
				strconv.FormatFloat(c.Seconds, 'f', 3, 64), c.Verdict, string(c.Code), c.Reason, c.Remedy,
			}
		},
	}
}

func (c checked) measure(w *words.Words) string {
	switch {
	case c.Seconds > 0:
		return w.T("check.seconds", "Seconds", strconv.FormatFloat(c.Seconds, 'f', 2, 64))
	case c.Width > 0:
		return fmt.Sprintf("%d×%d", c.Width, c.Height)
	default:
		return ""
	}
}

func (c checked) verdict(w *words.Words) string {
	why := lang.Cause{Code: c.Code, Reason: c.Reason, Hint: c.Remedy, Params: c.Params}
	reason, remedy := w.Reason(why), w.Remedy(why)
	switch {
	case c.FixedBy != "":
		return w.T("check.with_fix", "Did", c.FixedBy)
	case c.Verdict == verdictOK:
		return w.T("check.ok")
	case remedy == "":
		return reason
	default:
		return reason + " → " + remedy
	}
}
