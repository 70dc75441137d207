package policyfile

// exceedsNodes reports whether a text is too much for the parser, before a tree is
// built of it. The parser knows no such limit: it needs two hundred bytes for each
// node and more for each token, all of which it holds of a flow collection that might
// be a key (those that begin a document or an item). 4 MiB of "a," would need 2 GiB.
//
// So this counts, on the safe side, the nodes that the punctuation of a text can begin.
// For block style the count of nodes is exact. Flow style counts three times: a YAML
// document that is nothing else is refused from a third of the bound on. JSON is not
// counted here, nor refused before its time.
func exceedsNodes(text []byte, most int) bool {
	c := countPunctuation(text)
	inFlow := min(c.tokens, 2*c.flow)
	// A tenth more, so that some indicators in comments and strings do no harm.
	return c.nodes+inFlow > most+most/10 || c.tokens > most
}

// punctuation has upper bounds of the nodes and tokens that a parser makes of a text.
type punctuation struct {
	nodes  int // with comments, of which nodes keep a copy
	flow   int // entries of flow collections
	tokens int // quoted scalars, tags, anchors and aliases: they need no punctuation
}

// countPunctuation looks at single bytes, in comments and strings too, so that
// there is nothing that it can be wrong about. Each byte pays for the nodes that it
// can begin:
//
//   - "- " for an entry, "#" for a comment;
//   - "? " for a key and the value that may be missing;
//   - ":" for a key and a value, unless it cannot be an indicator, as in "x:/y";
//   - "[" "{" and "," for the entry that follows, which in {a, b} has a value too and
//     in [a: b] is a mapping, and for their tokens.
func countPunctuation(text []byte) punctuation {
	c, quotes := punctuation{nodes: 1}, 0
	for i, b := range text {
		switch b {
		case '{', '[', ',':
			c.flow++
			c.nodes += 3
		case ':':
			c.nodes += 2 - 2*insideWord(text, i)
		case '-':
			c.nodes += blankAfter(text, i)
		case '?':
			c.nodes += 2 * blankAfter(text, i)
		case '#':
			c.nodes += wordBegins(text, i)
		case '"', '\'':
			quotes++
		case '!', '&', '*':
			if i == 0 || !isAlphanumeric(text[i-1]) {
				c.tokens++
			}
		}
	}
	c.tokens += quotes / 2
	return c
}

// insideWord is 1 where a ":" stands as in https://x, which ends nothing, else 0.
func insideWord(text []byte, i int) int {
	if i > 0 && isAlphanumeric(text[i-1]) && i+1 < len(text) && text[i+1] == '/' {
		return 1
	}
	return 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// blankAfter is 1 where white space or the end may follow, else 0. Bytes beyond
// ASCII may begin a line break.
func blankAfter(text []byte, i int) int {
	if i+1 == len(text) || text[i+1] <= ' ' || text[i+1] >= 0x80 {
		return 1
	}
	return 0
}

// wordBegins is 1 where white space or the beginning may stand before, else 0.
func wordBegins(text []byte, i int) int {
	if i == 0 || text[i-1] <= ' ' || text[i-1] >= 0x80 {
		return 1
	}
	return 0
}
