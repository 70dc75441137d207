//go:build race

package policy_test

// raceDetector makes everything slower, and allocate.
const raceDetector = true
