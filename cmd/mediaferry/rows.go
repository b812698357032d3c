package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
)

// stdin as a path stands for a list of paths, and as a manifest for the manifest itself.
const stdin = "-"

// rowFlags say where rows come from and which files of a folder are meant.
type rowFlags struct {
	manifest string
	format   string
	gbk, nul bool
	filter   manifest.Filter
}

func (f *rowFlags) addFilter(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.filter.Include, "include", nil, "of a folder take only files that match this `GLOB`, as **/*.jpg (repeatable)")
	flags.StringArrayVar(&f.filter.Exclude, "exclude", nil, "of a folder leave out what matches this `GLOB` (repeatable)")
	flags.BoolVar(&f.filter.Hidden, "hidden", false, "take hidden files of a folder too")
	flags.BoolVarP(&f.nul, "null", "0", false, "paths on stdin (-) end with NUL bytes, as find -print0 writes them")
	flags.BoolVar(&f.gbk, "gbk", false, "the manifest, or the list of paths on stdin, is GBK (GB 18030) and not UTF-8")
}

func (f *rowFlags) addManifest(flags *pflag.FlagSet) {
	flags.StringVarP(&f.manifest, "manifest", "m", "", "upload the rows of this `FILE` (CSV with a header row, or JSON lines); - for stdin")
	flags.StringVar(&f.format, "manifest-format", "", "csv or jsonl (default by the extension of FILE)")
}

// check refuses flags that contradict each other or the paths.
func (f *rowFlags) check(args []string) error {
	listed := 0
	for _, a := range args {
		if a == stdin {
			listed++
		}
	}
	switch {
	case f.manifest == "" && len(args) == 0:
		return usagef("nothing to upload is named: give files, folders, globs, s3://bucket/prefix, - for a list on stdin, or --manifest FILE")
	case f.manifest != "" && len(args) > 0:
		return usagef("give paths or --manifest, not both")
	case f.manifest == "" && f.format != "":
		return usagef("--manifest-format needs --manifest FILE")
	case listed > 1:
		return usagef("- stands for stdin and can be given once")
	case f.nul && listed == 0:
		return usagef("--null needs - among the paths: it says how the list on stdin is separated")
	case f.gbk && listed == 0 && f.manifest == "":
		return usagef("--gbk needs --manifest FILE, or - among the paths")
	}
	if f.manifest != "" {
		if _, err := f.reader(); err != nil {
			return err
		}
	}
	return f.checkFilter()
}

func (f *rowFlags) checkFilter() error {
	for row := range manifest.Walk(context.Background(), nil, nil, f.filter) {
		return usage(row.Err) // without paths, all it can say is what is wrong with the filter
	}
	return nil
}

// reader chooses how the manifest is read.
func (f *rowFlags) reader() (func(io.Reader, manifest.Options) iter.Seq[manifest.Row], error) {
	format := f.format
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(f.manifest)), ".")
	}
	switch format {
	case "csv", "tsv":
		return manifest.ReadCSV, nil
	case "jsonl", "ndjson":
		return manifest.ReadJSONL, nil
	}
	if f.format != "" {
		return nil, usagef("--manifest-format: %q is not one of csv, jsonl", f.format)
	}
	return nil, usagef("--manifest: %q does not say by its extension what it is: add --manifest-format csv or --manifest-format jsonl", f.manifest)
}

// rows are the rows of the manifest, or of everything that args name. It returns an error where none of the manifest can
// be read. close must be called when they are no longer needed.
func (g *gatherer) rows(ctx context.Context, args []string) (rows iter.Seq[manifest.Row], closeRows func(), err error) {
	f := g.flags.rows
	if f.manifest == "" {
		return g.named(ctx, args), func() {}, nil
	}
	read, err := f.reader()
	if err != nil {
		return nil, nil, err
	}
	from, closeFile := g.in, func() {}
	if f.manifest != stdin {
		file, err := os.Open(f.manifest)
		if err != nil {
			return nil, nil, usagef("--manifest: %w", err)
		}
		from, closeFile = file, func() { file.Close() }
	}
	rows, stop, err := begun(read(from, manifest.Options{GBK: f.gbk}))
	if err != nil {
		closeFile()
		return nil, nil, fmt.Errorf("--manifest: %w", err)
	}
	return rows, func() { stop(); closeFile() }, nil
}

// begun reads the first row ahead, and returns its error where it is that of the whole manifest. The rows can be ranged
// over once.
func begun(all iter.Seq[manifest.Row]) (rows iter.Seq[manifest.Row], stop func(), err error) {
	next, stop := iter.Pull(all)
	first, found := next()
	if first.Whole {
		stop()
		return nil, nil, first.Err
	}
	return func(yield func(manifest.Row) bool) {
		for row, more := first, found; more && yield(row); row, more = next() {
		}
	}, stop, nil
}

// named finds what the arguments name, numbered through.
func (g *gatherer) named(ctx context.Context, args []string) iter.Seq[manifest.Row] {
	return func(yield func(manifest.Row) bool) {
		n := 0
		for _, arg := range args {
			before := n
			for row := range g.argument(ctx, arg) {
				n++
				row.Line = n
				if row.Err != nil && row.Upload.Source == "" && arg != stdin {
					row.Upload.Source, row.Upload.Filename = g.absent(arg), filepath.Base(arg)
				}
				if !yield(row) {
					return
				}
			}
			if n == before && namesObject(arg) {
				n++
				if !yield(manifest.Row{Line: n, Upload: tasks.Upload{Source: arg}, Err: noObject()}) {
					return
				}
			}
		}
	}
}

// namesObject reports whether an argument means one object rather than a prefix, below which there may be nothing.
func namesObject(arg string) bool {
	return strings.HasPrefix(arg, "s3://") && !strings.HasSuffix(arg, "/")
}

func noObject() *tasks.Error {
	return &tasks.Error{Code: tasks.Missing, Op: "find files", Err: errors.New("no object has this key, or a key that begins with it")}
}

func (g *gatherer) argument(ctx context.Context, arg string) iter.Seq[manifest.Row] {
	if arg != stdin {
		return manifest.Walk(ctx, g.stack.files, []string{arg}, g.flags.rows.filter)
	}
	return manifest.ReadPaths(g.in, manifest.Options{GBK: g.flags.rows.gbk, NUL: g.flags.rows.nul, Locate: g.stack.files.Locate})
}

// absent is the source that a path would have if there were something.
func (g *gatherer) absent(path string) string {
	abs, err := filepath.Abs(path)
	if strings.HasPrefix(path, "s3://") || !g.stack.embedded || err != nil {
		return path
	}
	return source.Local(filepath.Dir(abs), filepath.Base(abs))
}

// account returns a configured account by name, as the ledger knows it.
func (g *gatherer) account(name string) (tasks.Account, error) {
	for _, a := range g.accounts {
		if a.Name == name {
			return a, nil
		}
	}
	return tasks.Account{}, &tasks.Error{Code: tasks.NoWork, Op: "account", Err: fmt.Errorf("%q is not in the settings", name),
		Hint: "add it to the settings, or name one that mediaferry accounts list shows"}
}
