// Package middleware stands in for a library Debian does not have: Fulcio's package log reads this constant.
package middleware

// RequestIDMetadataKey is the name of the metadata with a request's number.
const RequestIDMetadataKey = "x-request-id"
