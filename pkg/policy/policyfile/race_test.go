//go:build race

package policyfile

const raceEnabled = true
