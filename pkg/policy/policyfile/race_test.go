//go:build race

package policyfile

// RaceEnabled reports the race detector.
const RaceEnabled = true
