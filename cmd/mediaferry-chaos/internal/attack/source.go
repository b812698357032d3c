package attack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/producer"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

func sourceAttacks() []*Attack {
	length := between(100*time.Millisecond, 800*time.Millisecond)
	files := func(name, about string, harm func(*fleet.Fleet, string, tasks.MediaType, *rand.Rand) (func() error, error)) *Attack {
		return &Attack{Name: "source-" + name, about: about, track: external, length: length, inject: damageFiles(harm)}
	}
	return []*Attack{
		files("vanish", "files of open uploads are taken away, half of them for good", vanish),
		files("change", "files of open uploads are replaced by others", change),
		files("cut", "files of open uploads are cut to half their length", cut),
	}
}

// mostFiles is how many files one attack harms at most.
const mostFiles = 8

// damageFiles harms the files of open uploads, those of running ones first.
func damageFiles(harm func(*fleet.Fleet, string, tasks.MediaType, *rand.Rand) (func() error, error)) func(context.Context, *fleet.Fleet, *rand.Rand) (effect, error) {
	return func(ctx context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
		running, err := f.List(ctx, tasks.Running)
		if err != nil {
			return effect{}, err
		}
		open, err := f.List(ctx, tasks.Queued, tasks.Waiting)
		if err != nil {
			return effect{}, err
		}
		var reverts []func() error
		for _, o := range append(running, open...)[:min(mostFiles, len(running)+len(open))] {
			if err := f.Sources.Write(history.Entry{Kind: history.Touched, Source: o.Source}); err != nil {
				return effect{}, err
			}
			m, err := harm(f, o.Source, o.Type, r)
			if err != nil {
				return effect{}, err
			}
			reverts = append(reverts, m)
		}
		if len(reverts) == 0 {
			return effect{}, errors.New("no upload is open")
		}
		return effect{target: fmt.Sprintf("%d files", len(reverts)), revert: reverting(func() (err error) {
			for _, m := range reverts {
				err = errors.Join(err, m())
			}
			return err
		})}, nil
	}
}

// vanish removes the file, in half of the cases for good.
func vanish(f *fleet.Fleet, source string, _ tasks.MediaType, r *rand.Rand) (func() error, error) {
	path := f.File(source)
	forGood := r.IntN(2) == 0
	return func() error {
		if forGood {
			return nil
		}
		return ignoreMissing(os.Rename(path+".away", path))
	}, ignoreMissing(os.Rename(path, path+".away"))
}

// change gives the source other valid content. It records the content before it writes it.
func change(f *fleet.Fleet, source string, t tasks.MediaType, r *rand.Rand) (func() error, error) {
	const size = 12 * scenario.KiB
	b := mediatest.Distinct(int(r.Int64N(1<<40)+1<<50), t, size)
	if err := f.Sources.Write(history.Entry{Kind: history.Version, Source: source, SHA256: tasks.HashOf(b).String()}); err != nil {
		return nil, err
	}
	return func() error { return nil }, producer.WriteFile(f.File(source), b)
}

// cut leaves half of the file. Its revert puts the whole back.
func cut(f *fleet.Fleet, source string, _ tasks.MediaType, _ *rand.Rand) (func() error, error) {
	path := f.File(source)
	whole, err := os.ReadFile(path)
	if err != nil {
		return func() error { return nil }, ignoreMissing(err)
	}
	half := whole[:len(whole)/2] // half an MP3 may be a good one
	if err := f.Sources.Write(history.Entry{Kind: history.Version, Source: source, SHA256: tasks.HashOf(half).String()}); err != nil {
		return nil, err
	}
	return func() error { return producer.WriteFile(path, whole) }, os.Truncate(path, int64(len(half)))
}

// ignoreMissing drops the error of a file that an earlier attack removed for good.
func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
