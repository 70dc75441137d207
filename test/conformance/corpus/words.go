package corpus

// The words of policies, which the recorded answers have too.
const (
	Disabled      = "Disabled"
	RuleSeparator = "#"
)
