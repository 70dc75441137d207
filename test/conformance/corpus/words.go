package corpus

// Words that both policies and recorded answers have.
const (
	Disabled      = "Disabled"
	RuleSeparator = "#"
)
