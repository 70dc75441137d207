//go:build race

package lang_test

// randomWords is how many random words each comparison tries under the race detector, which finds nothing here.
const randomWords = 50_000
