package view

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// ListChosen lists what chooses takes, on a pool of one connection.
func ListChosen(ctx context.Context, v *View, f tasks.Filter, chooses func(source string) bool) ([]tasks.Outcome, string, error) {
	v.lists.Pool.SetMaxOpenConns(1)
	return v.list(ctx, &search{chooses: func(r *looked) bool { return chooses(r.source) }}, f)
}

// PieceRows is how many rows a search reads at once.
const PieceRows = pieceRows
