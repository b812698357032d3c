package enqueue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// One file. The receipt means that the ledger has it; the same request under the same ExternalID is the same upload.
func ExampleProducer_Submit() {
	deployment := newDeployment("covers/1.jpg")
	defer deployment.close()
	ctx := context.Background()

	p := &enqueue.Producer{Ledger: deployment.ledger, Name: "shop", Nudge: deployment.dispatcher.Nudge}
	cover := tasks.Upload{ExternalID: "cover-1", Source: "covers/1.jpg", Type: tasks.Image}
	first, err := p.Submit(ctx, cover)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := p.Submit(ctx, cover)
	fmt.Println(first.Created, again.Created, first.ID == again.ID, err)

	_, err = p.Submit(ctx, tasks.Upload{Source: "../secrets.txt", Type: "text"})
	fmt.Println(err)
	// Output:
	// true false true <nil>
	// read source: the path has "..": it may not leave its folder
}

// A batch, streamed: of a million uploads a thousand are held at a time. Its webhook comes when all have an outcome.
func ExampleProducer_SubmitBatch() {
	deployment := newDeployment()
	defer deployment.close()
	ctx := context.Background()

	p := &enqueue.Producer{Ledger: deployment.ledger, Name: "shop", Nudge: deployment.dispatcher.Nudge}
	receipt, err := p.SubmitBatch(ctx, tasks.Batch{
		ExternalID:  "import-2026-11-22", // submit it again under this name if the connection breaks
		CallbackURL: "https://shop.example/mediaferry",
	}, voices(2500))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("accepted", receipt.Accepted, "refused", receipt.Refused)
	for _, r := range receipt.First {
		fmt.Printf("line %d: %s\n", r.Line, r.Reason)
	}
	// Output:
	// accepted 2499 refused 1
	// line 8: check upload: type: "video/mp4" is not one of image, voice, video, thumb
}

func voices(n int) iter.Seq[tasks.Upload] {
	return func(yield func(tasks.Upload) bool) {
		for i := range n {
			u := tasks.Upload{Source: fmt.Sprintf("voices/%d.mp3", i), Type: tasks.Voice}
			if i == 7 {
				u.Type = "video/mp4"
			}
			if !yield(u) {
				return
			}
		}
	}
}

// Wait for the outcome, where a webhook is more than is needed.
func ExampleProducer_Wait() {
	deployment := newDeployment("covers/1.jpg")
	defer deployment.close()
	ctx := context.Background()

	p := &enqueue.Producer{Ledger: deployment.ledger, Name: "shop", Nudge: deployment.dispatcher.Nudge}
	for _, source := range []string{"covers/1.jpg", "covers/2.jpg"} {
		receipt, err := p.Submit(ctx, tasks.Upload{Source: source, Type: tasks.Image, Priority: tasks.Bulk})
		if err != nil {
			fmt.Println(err)
			return
		}
		outcome, err := p.Wait(ctx, receipt.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(outcome.State, outcome.MediaID, outcome.Code, outcome.ExpiresAt.Sub(outcome.IssuedAt))
	}
	// Output:
	// succeeded MEDIA_OF_covers/1.jpg  72h0m0s
	// failed  missing 0s
}

// A bot that sends a picture. A media_id lives for three days: the bot asks each time, and need not remember any. The first
// message uploads the picture, the second one costs a look at the file.
func ExampleProducer_Media() {
	deployment := newDeployment("stickers/hello.jpg")
	defer deployment.close()

	live := enqueue.NewLiveMedia(deployment.ledger)
	live.Sources = deployment // a source.Store, which sees what the workers see
	bot := &enqueue.Producer{Ledger: deployment.ledger, Name: "bot", Nudge: deployment.dispatcher.Nudge, Live: live}
	hello := enqueue.MediaRequest{Upload: tasks.Upload{Source: "stickers/hello.jpg", Type: tasks.Image}}
	for _, user := range []string{"anna", "ben"} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		media, err := bot.Media(ctx, hello)
		cancel()
		if err != nil {
			fmt.Println(err) // why not, and what to do about it
			return
		}
		fmt.Printf(`{"touser":%q,"msgtype":"image","image":{"media_id":%q}}`+"\n", user, media.ID)
	}
	fmt.Println("uploads:", deployment.carried.Load())
	// Output:
	// {"touser":"anna","msgtype":"image","image":{"media_id":"MEDIA_OF_stickers/hello.jpg"}}
	// {"touser":"ben","msgtype":"image","image":{"media_id":"MEDIA_OF_stickers/hello.jpg"}}
	// uploads: 1
}

// Retry what failed of a batch, once its cause is mended. What succeeded stays as it is.
func ExampleProducer_RetryFailed() {
	deployment := newDeployment("voices/0.mp3", "voices/1.mp3")
	defer deployment.close()
	ctx := context.Background()

	p := &enqueue.Producer{Ledger: deployment.ledger, Name: "shop", Nudge: deployment.dispatcher.Nudge}
	receipt, err := p.SubmitBatch(ctx, tasks.Batch{}, voices(3))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(deployment.counts(receipt))

	deployment.files.Store("voices/2.mp3", "MEDIA_OF_voices/2.mp3") // somebody puts the file where it belongs
	n, err := p.RetryFailed(ctx, receipt.Batch.ID)
	fmt.Println("retried", n, err)
	fmt.Println(deployment.counts(receipt))
	// Output:
	// succeeded 2 failed 1
	// retried 1 <nil>
	// succeeded 3 failed 0
}

// counts waits until the batch is complete. A producer's service would wait for the webhook batch.completed.
func (t *deployment) counts(r enqueue.BatchReceipt) string {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		<-look.C
		b, err := t.ledger.Batch(context.Background(), r.Batch.ID)
		must(err)
		if b.State == tasks.BatchComplete {
			return fmt.Sprintf("succeeded %d failed %d", b.Counts.Succeeded, b.Counts.Failed)
		}
	}
}

// A producer that has only Redis: any asynq client puts uploads into the queue "inbox", and their outcomes are found
// in Redis too. Until they are accepted they are as durable as that Redis is.
func ExampleInbox() {
	deployment := newDeployment("covers/1.jpg")
	defer deployment.close()

	// On the side of mediaferry, for the one producer whose queue this is:
	results := &enqueue.Results{Ledger: deployment.ledger, Redis: deployment.redis, Producer: "shop"}
	inbox := &enqueue.Inbox{
		Producer: &enqueue.Producer{Ledger: deployment.ledger, Name: "shop", Nudge: deployment.dispatcher.Nudge},
		Results:  results,
	}
	deployment.background(results.Run)
	deployment.serve(tasks.QueueInbox, inbox.Handle)

	// On the side of the producer:
	client := asynq.NewClientFromRedisClient(deployment.redis)
	task, err := tasks.NewUploadTask(tasks.Upload{ExternalID: "cover-1", Source: "covers/1.jpg", Type: tasks.Image, Account: "default"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Enqueue(task, asynq.Queue(tasks.QueueInbox)); err != nil {
		fmt.Println(err)
		return
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for range look.C {
		text, err := deployment.redis.Get(context.Background(), "mediaferry:result:cover-1").Bytes()
		if errors.Is(err, redis.Nil) {
			continue // not yet
		}
		var outcome tasks.Outcome
		if err := json.Unmarshal(text, &outcome); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(outcome.ExternalID, outcome.State, outcome.MediaID)
		return
	}
	// Output:
	// cover-1 succeeded MEDIA_OF_covers/1.jpg
}
