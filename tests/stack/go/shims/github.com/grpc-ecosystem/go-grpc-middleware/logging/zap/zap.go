// Package grpc_zap stands in for a library Debian does not have: Fulcio's package log names these functions.
package grpc_zap

import (
	"context"

	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc/codes"
)

// Option does nothing.
type Option func()

// WithDecider does nothing.
func WithDecider(func(string, error) bool) Option { return func() {} }

// WithMessageProducer does nothing.
func WithMessageProducer(func(context.Context, string, zapcore.Level, codes.Code, error, zapcore.Field)) Option {
	return func() {}
}
