package enqueue

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/tasks"
)

// DefaultPrefix is the prefix of queues and keys in Redis, unless the settings have another one.
const DefaultPrefix = "mediaferry:"

// InboxQueues returns the queues of an inbox by the prefix of the belt's other queues: "inbox" with the default prefix, and
// PREFIX:inbox with another one. With the default prefix it includes mediaferry:inbox, the name in former versions.
func InboxQueues(prefix string) []string {
	if prefix == DefaultPrefix || prefix == "" {
		return []string{tasks.QueueInbox, DefaultPrefix + tasks.QueueInbox}
	}
	return []string{prefix + tasks.QueueInbox}
}

// Inbox accepts uploads from a producer that reaches only Redis: tasks of type media:upload in the queue "inbox". It accepts
// them in the name and within the rights of its Producer. Until then such an upload is as durable as that Redis.
type Inbox struct {
	Producer *Producer
	Results  *Results     // records what was refused
	Log      *slog.Logger // gets a line for each refusal; nil: no lines
}

// Handle is the asynq handler. It returns nil once the upload is in the ledger, or was refused and recorded as such,
// and an error only while the ledger or Redis is away, or the producer's rate or budget is used up, so that asynq hands it
// out again. A refusal costs as much of the rate and of the budget as an upload. A task that comes twice is accepted once:
// an upload without an ExternalID is given the task's ID, under which its result is found too.
func (in *Inbox) Handle(ctx context.Context, t *asynq.Task) error {
	u, err := tasks.ParseUploadTask(t)
	task, _ := asynq.GetTaskID(ctx)
	if err == nil {
		u.ExternalID = cmp.Or(u.ExternalID, task)
		_, err = in.Producer.Submit(ctx, u)
	}
	switch tasks.CodeOf(err) {
	case "":
		return nil
	case tasks.Invalid, tasks.Denied, tasks.Conflict, tasks.Forbidden:
		return in.refuse(ctx, task, u, tasks.AsError(err))
	default:
		return fmt.Errorf("accept upload of task %s: %w", task, err)
	}
}

// pay charges the producer for a refusal. A Conflict was found by the ledger, and was taken from the rate before it got there.
func (in *Inbox) pay(ctx context.Context, why *tasks.Error) error {
	if why.Code == tasks.Conflict {
		return in.Producer.SpendOne(ctx)
	}
	return in.Producer.Charge(ctx)
}

// refuse records a refusal, for the producer and for people. It leaves out texts that are too long.
func (in *Inbox) refuse(ctx context.Context, task string, u tasks.Upload, why *tasks.Error) error {
	if err := in.pay(ctx, why); err != nil {
		return fmt.Errorf("refuse upload of task %s: %w", task, err)
	}
	now := time.Now().UTC()
	err := in.Results.Refuse(ctx, tasks.Outcome{
		ExternalID: cmp.Or(upTo(tasks.MaxExternalID, u.ExternalID), task),
		Producer:   in.Producer.name(),
		Account:    upTo(tasks.MaxName, u.Account),
		Type:       tasks.MediaType(upTo(tasks.MaxName, string(u.Type))),
		Source:     upTo(tasks.MaxSource, u.Source),
		Filename:   upTo(tasks.MaxFilename, u.Filename),
		Code:       why.Code, Reason: why.Error(), Hint: why.Advice(),
		Submitted: now, Finished: now,
	})
	if err != nil {
		in.Producer.refundBudget(ctx) // the task comes again, and pays again
		return err
	}
	if in.Log != nil {
		in.Log.Warn("refused an upload from the inbox", "task", task, "error", why)
	}
	return nil
}

func upTo(limit int, s string) string {
	if len(s) > limit {
		return ""
	}
	return s
}
