package enqueue

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// MediaRequest asks for a live media of a source.
type MediaRequest struct {
	// Upload is the source, its type and its account. Its priority is interactive, unless the producer may submit bulk
	// uploads only. With an ExternalID the answer is that upload's. Without one, all who ask for the same thing share an
	// upload, but for requests with NoReuse: each of these is an upload of its own.
	tasks.Upload
	// Checksum reads the source again, even if it looks as it did when it was read last.
	Checksum bool
}

// MediaAnswer is the upload that has the media, or how far it is.
type MediaAnswer struct {
	tasks.Outcome
	// Unseen says why this process could not look at the source, so that a worker had to. Nil: it could, or need not.
	Unseen error
}

// Media returns a media of a source that is live now and for a while. If one is known and the source looks as it did when
// it was read last, it comes from the record: a file costs one stat, an object at most one HEAD a minute, nothing is read.
// Otherwise the source is uploaded ahead of the bulk, and Media waits for that until ctx ends. However many ask for the same
// source at once, in however many processes, WeChat is called once.
//
// Media returns the error of Submit for a request that is refused, and the reason where the upload failed. Where there is no
// outcome by the end of ctx, the error says what the upload waits for. The upload goes on then: ask again later.
func (p *Producer) Media(ctx context.Context, r MediaRequest) (tasks.Media, error) {
	a, err := p.AskMedia(ctx, r, math.MaxInt64)
	switch {
	case err != nil:
		return tasks.Media{}, err
	case a.State == tasks.Succeeded:
		return tasks.Media{ID: a.MediaID, IssuedAt: a.IssuedAt, ExpiresAt: a.ExpiresAt}, nil
	case a.State.Final():
		return tasks.Media{}, &tasks.Error{Code: a.Code, Op: "get media", Errcode: a.Errcode, RID: a.RID, Err: errors.New(a.Reason), Hint: a.Hint}
	}
	why := tasks.Textf("upload %s is %s", a.ID, a.State)
	if a.Reason != "" {
		why = tasks.Textf("%w: %s", why, a.Reason)
	}
	return tasks.Media{}, &tasks.Error{Code: cmp.Or(a.Code, tasks.Temporary), Op: "wait for media", Errcode: a.Errcode, RID: a.RID, Err: errors.Join(why, ctx.Err())}
}

// AskMedia is Media for callers that want the whole outcome. It returns no later than the wait allows, and then with how far
// the upload is. It returns at once where waiting is hopeless: until an operator has mended the account, or until another day.
func (p *Producer) AskMedia(ctx context.Context, r MediaRequest, wait time.Duration) (MediaAnswer, error) {
	u := r.Upload
	if !p.Rights.BulkOnly {
		u.Priority = tasks.Interactive
	}
	u, err := p.prepare(ctx, u)
	if err != nil {
		return MediaAnswer{}, err
	}
	if u.ExternalID == "" && !u.NoReuse {
		u.ExternalID = mediaName(u)
	}
	live := p.Live
	if live == nil {
		live = NewLiveMedia(p.Ledger)
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		l, err := p.lookTogether(ctx, live, u, r.Checksum)
		if err != nil || l.State.Final() {
			return l.MediaAnswer, err
		}
		o, err := live.waits.of(waiting, l.ID)
		if err != nil || !o.State.Final() || l.ours {
			l.Outcome = o
			return l.MediaAnswer, err
		}
	}
}

// mediaNames is the namespace of the names that uploads for a media get.
var mediaNames = uuid.MustParse("6a0f7c52-4a57-5b0e-8d4e-2f9d0a3b7c11") //nolint:gochecknoglobals // a constant

// mediaName is the external ID of the one upload that all share who ask for the same thing without a name of their own.
func mediaName(u tasks.Upload) string {
	return uuid.NewSHA1(mediaNames, []byte(hex.EncodeToString(u.Digest()))).String()
}

// looked is what one look found: an answer from the record, or an upload to wait for.
type looked struct {
	MediaAnswer
	// ours says that its round began for those who look. Another round may have read the source before they asked.
	ours bool
}

// lookTogether is look, once for all who ask for the same thing at the same time.
func (p *Producer) lookTogether(ctx context.Context, live *LiveMedia, u tasks.Upload, checksum bool) (looked, error) {
	look := func(ctx context.Context) (looked, error) { return p.look(ctx, live, u, checksum) }
	if u.ExternalID == "" {
		return look(ctx)
	}
	key := fmt.Sprintf("%s\x00%s\x00%x\x00%t\x00%d", u.Producer, u.ExternalID, u.Digest(), checksum, u.KeepFreshUntil.Unix())
	return live.looks.share(ctx, key, look)
}

// look answers from the record, or sees to it that an upload is under way.
func (p *Producer) look(ctx context.Context, live *LiveMedia, u tasks.Upload, checksum bool) (looked, error) {
	if u.ExternalID == "" {
		return p.begin(ctx, u)
	}
	known, err := live.recorded(ctx, p.Ledger, u)
	if tasks.CodeOf(err) == tasks.NotFound {
		return p.begin(ctx, u)
	}
	if err == nil && (!known.Asks(u) || u.KeepFreshUntil.After(known.KeepFresh)) {
		_, err = p.accept(ctx, u, tasks.Request{}) // another request is a Conflict; the same one may keep it alive for longer
	}
	l := looked{MediaAnswer: MediaAnswer{Outcome: known.Outcome}}
	if err != nil || !known.State.Final() {
		return l, err
	}
	serves := known.Live.ID != ""
	if known.State == tasks.Succeeded {
		l.MediaID, l.IssuedAt, l.ExpiresAt = known.Live.ID, known.Live.IssuedAt, known.Live.ExpiresAt
	} else {
		serves = !known.Code.Mendable()
	}
	if serves = serves && !checksum; serves {
		serves, l.Unseen = live.unchanged(ctx, known)
	}
	if serves {
		return l, nil
	}
	l.ours, l.Outcome = true, tasks.Outcome{ID: known.ID, State: tasks.Queued}
	if err := p.RetryAny(ctx, known.ID, true); err != nil && tasks.CodeOf(err) != tasks.Conflict { // else somebody else did
		return looked{}, err
	}
	return l, nil
}

// begin submits u.
func (p *Producer) begin(ctx context.Context, u tasks.Upload) (looked, error) {
	r, err := p.accept(ctx, u, tasks.Request{})
	l := looked{ours: r.Created} // otherwise somebody else has submitted it just now
	l.ID, l.State = r.ID, tasks.Queued
	return l, err
}
