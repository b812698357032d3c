package webhooktest

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// Secrets makes a webhook.Secrets by which the same secrets sign the events of every producer.
func Secrets(secrets ...tasks.Secret) func(context.Context, string) ([]tasks.Secret, error) {
	return func(context.Context, string) ([]tasks.Secret, error) { return secrets, nil }
}
