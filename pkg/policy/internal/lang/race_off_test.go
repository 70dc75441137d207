//go:build !race

package lang_test

// randomWords is how many random words each comparison tries.
const randomWords = 1_000_000
