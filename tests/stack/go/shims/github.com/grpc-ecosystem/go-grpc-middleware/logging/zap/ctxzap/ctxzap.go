// Package ctxzap stands in for a library Debian does not have: Fulcio's package log names this function.
package ctxzap

import (
	"context"

	"go.uber.org/zap"
)

// Extract returns a logger that writes nothing.
func Extract(context.Context) *zap.Logger { return zap.NewNop() }
