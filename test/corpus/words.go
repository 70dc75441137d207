package corpus

// The words of policies today. Answers are recorded with the words of later ones, see answers.
const (
	Disabled      = "Off"
	RuleSeparator = "/"
)
