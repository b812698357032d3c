package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

func sourceAttacks() []*attack {
	length := between(100*time.Millisecond, 800*time.Millisecond)
	files := func(name, about string, harm func(*field, string, tasks.MediaType, *rand.Rand) (func() error, error)) *attack {
		return &attack{name: "source-" + name, about: about, lane: laneFaults, length: length, strike: harmFiles(harm)}
	}
	return []*attack{
		files("vanish", "files of open uploads are taken away, half of them for good", vanish),
		files("change", "files of open uploads are replaced by others", change),
		files("cut", "files of open uploads are cut to half their length", cut),
	}
}

// harmed is how many files one strike harms at most.
const harmed = 8

// harmFiles chooses among the uploads that are open right now, running ones first.
func harmFiles(harm func(*field, string, tasks.MediaType, *rand.Rand) (func() error, error)) func(context.Context, *field, *rand.Rand) (wound, error) {
	return func(ctx context.Context, f *field, r *rand.Rand) (wound, error) {
		running, err := f.open(ctx, tasks.Running)
		if err != nil {
			return wound{}, err
		}
		open, err := f.open(ctx, tasks.Queued, tasks.Waiting)
		if err != nil {
			return wound{}, err
		}
		var mend []func() error
		for _, o := range append(running, open...)[:min(harmed, len(running)+len(open))] {
			if err := f.sources.write(entry{Kind: entryTouched, Source: o.Source}); err != nil {
				return wound{}, err
			}
			m, err := harm(f, o.Source, o.Type, r)
			if err != nil {
				return wound{}, err
			}
			mend = append(mend, m)
		}
		if len(mend) == 0 {
			return wound{}, errors.New("no upload is open")
		}
		return wound{what: fmt.Sprintf("%d files", len(mend)), heal: heals(func() (err error) {
			for _, m := range mend {
				err = errors.Join(err, m())
			}
			return err
		})}, nil
	}
}

func (f *field) file(source string) string { return filepath.Join(f.root, filepath.FromSlash(source)) }

func vanish(f *field, source string, _ tasks.MediaType, r *rand.Rand) (func() error, error) {
	path := f.file(source)
	forGood := r.IntN(2) == 0
	return func() error {
		if forGood {
			return nil
		}
		return gone(os.Rename(path+".away", path))
	}, gone(os.Rename(path, path+".away"))
}

// change gives the source another good content, written down before it is there.
func change(f *field, source string, t tasks.MediaType, r *rand.Rand) (func() error, error) {
	const size = 12 * kib
	b := mediatest.Distinct(int(r.Int64N(1<<40)+1<<50), t, size)
	if err := f.sources.write(entry{Kind: entryVersion, Source: source, SHA256: tasks.HashOf(b).String()}); err != nil {
		return nil, err
	}
	return func() error { return nil }, replaceFile(f.file(source), b)
}

// cut leaves half a file and puts the whole back in the end.
func cut(f *field, source string, _ tasks.MediaType, _ *rand.Rand) (func() error, error) {
	path := f.file(source)
	whole, err := os.ReadFile(path)
	if err != nil {
		return func() error { return nil }, gone(err)
	}
	half := whole[:len(whole)/2] // half an MP3 may be a good one
	if err := f.sources.write(entry{Kind: entryVersion, Source: source, SHA256: tasks.HashOf(half).String()}); err != nil {
		return nil, err
	}
	return func() error { return replaceFile(path, whole) }, os.Truncate(path, int64(len(half)))
}

// gone takes it as it is that an earlier strike took the file away for good.
func gone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
